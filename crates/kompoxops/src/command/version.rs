//! `version`.

use crate::exit::Failure;
use crate::output::{self, Data};
use crate::session::Session;
use kompox_engine::doctor::{OLDEST_KUBERNETES, TESTED_KUBERNETES};
use serde::Serialize;

/// What this program is and works with.
#[derive(Serialize)]
struct Version {
    version: &'static str,
    kubernetes: Kubernetes,
    drivers: Vec<&'static str>,
}

/// Versions of Kubernetes.
#[derive(Serialize)]
struct Kubernetes {
    /// The oldest that has everything the Pods use.
    oldest: String,
    /// The one the tests run on.
    tested: String,
}

fn text((major, minor): (u32, u32)) -> String {
    format!("{major}.{minor}")
}

pub(super) fn run(session: &Session<'_>) -> Result<(), Failure> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        kubernetes: Kubernetes { oldest: text(OLDEST_KUBERNETES), tested: text(TESTED_KUBERNETES) },
        drivers: session.drivers.ids().collect(),
    };
    output::print(&version, session.global.output)
}

impl Data for Version {
    fn table(&self) -> String {
        let Kubernetes { oldest, tested } = &self.kubernetes;
        format!(
            "kompoxops {}\nKubernetes {oldest} or later, tested with {tested}\ndrivers: {}\n",
            self.version,
            self.drivers.join(", ")
        )
    }

    fn names(&self) -> Vec<String> {
        vec![self.version.to_owned()]
    }
}
