//! `version`.

use crate::exit::Failure;
use crate::output::{self, Data};
use crate::session::Session;
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
    oldest: &'static str,
    /// The one the tests run on.
    tested: &'static str,
}

pub(super) fn run(session: &Session<'_>) -> Result<(), Failure> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        kubernetes: Kubernetes { oldest: "1.33", tested: "1.36" },
        drivers: session.drivers.ids().collect(),
    };
    output::print(&version, session.global.output)
}

impl Data for Version {
    fn table(&self) -> String {
        let Kubernetes { oldest, tested } = self.kubernetes;
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
