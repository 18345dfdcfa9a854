//! `cluster uninstall-node`.

use super::MODULE;
use crate::arguments::UninstallNodeArguments;
use crate::consent;
use crate::exit::Failure;
use crate::output::{self, Data};
use crate::session::{Session, Use};
use kompox_engine::cluster::{self, UninstallOptions, Uninstalled};
use serde::Serialize;

pub(super) fn run(session: &Session<'_>, arguments: &UninstallNodeArguments) -> Result<(), Failure> {
    let opened = session.open()?;
    let dry_run = arguments.dry_run;
    if !dry_run {
        let name = &opened.configuration.cluster.name;
        let question = format!("Remove kompox-node from cluster {name}? Disks stay and apps run on.");
        consent::ask(session, &question, "add --yes to remove it, or --dry-run to see what would go")?;
    }
    let options = UninstallOptions { dry_run, now: jiff::Timestamp::now() };
    let uninstalled = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(cluster::uninstall_node(&connected.cluster(), options).await?)
    })?;
    if dry_run {
        session.screen.note("dry run, nothing was deleted");
    }
    if uninstalled.deleted.is_empty() {
        session.screen.note("kompox-node is not installed");
    }
    if !uninstalled.left.is_empty() {
        session.screen.note(&format!("Namespace kompox-system stays, for {}", uninstalled.left.join(", ")));
    }
    output::print(&Answer { dry_run, uninstalled }, session.global.output)
}

/// Answer of `cluster uninstall-node`.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    #[serde(flatten)]
    uninstalled: Uninstalled,
}

impl Data for Answer {
    fn table(&self) -> String {
        output::lines(&self.names())
    }

    fn names(&self) -> Vec<String> {
        self.uninstalled.deleted.clone()
    }
}
