//! The keys of the top level (Compose Specification, "Networks", "Volumes", "Configs", "Secrets", "Models"). Pure data.

use super::{Keys, Shape};

/// The top level itself.
pub(crate) const TOP_LEVEL: Keys = &[
    ("configs", Shape::Typed),
    ("include", Shape::Typed),
    ("jobs", Shape::Any),
    ("models", Shape::Each(&Shape::Map(MODEL, &["model"]))),
    ("name", Shape::Text),
    ("networks", Shape::Typed),
    ("secrets", Shape::Typed),
    ("services", Shape::Typed),
    ("version", Shape::Text),
    ("volumes", Shape::Typed),
];

/// A volume.
pub(crate) const VOLUME: Keys = &[
    ("driver", Shape::Text),
    ("driver_opts", Shape::Options),
    ("external", Shape::Typed),
    ("labels", Shape::Pairs),
    ("name", Shape::Text),
];

/// A network.
pub(crate) const NETWORK: Keys = &[
    ("attachable", Shape::Flag),
    ("driver", Shape::Text),
    ("driver_opts", Shape::Options),
    ("enable_ipv4", Shape::Choice),
    ("enable_ipv6", Shape::Choice),
    ("external", Shape::Typed),
    ("internal", Shape::Flag),
    ("ipam", Shape::Map(IPAM, &[])),
    ("labels", Shape::Pairs),
    ("name", Shape::Text),
];

const IPAM: Keys = &[
    ("config", Shape::List(&Shape::Map(POOL, &[]))),
    ("driver", Shape::Text),
    ("options", Shape::Each(&Shape::Text)),
];

const POOL: Keys = &[
    ("aux_addresses", Shape::Each(&Shape::Text)),
    ("gateway", Shape::Text),
    ("ip_range", Shape::Text),
    ("subnet", Shape::Text),
];

/// A config.
pub(crate) const CONFIG: Keys = &[
    ("content", Shape::Text),
    ("environment", Shape::Text),
    ("external", Shape::Typed),
    ("file", Shape::Path),
    ("labels", Shape::Pairs),
    ("name", Shape::Text),
    ("template_driver", Shape::Text),
];

/// A secret.
pub(crate) const SECRET: Keys = &[
    ("driver", Shape::Text),
    ("driver_opts", Shape::Options),
    ("environment", Shape::Text),
    ("external", Shape::Typed),
    ("file", Shape::Path),
    ("labels", Shape::Pairs),
    ("name", Shape::Text),
    ("template_driver", Shape::Text),
];

/// A model.
pub(crate) const MODEL: Keys = &[
    ("context_size", Shape::Int),
    ("model", Shape::Text),
    ("name", Shape::Text),
    ("runtime_flags", Shape::Texts),
];
