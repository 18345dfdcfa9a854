//! `app destroy`.

use super::MODULE;
use crate::arguments::DestroyArguments;
use crate::consent;
use crate::exit::Failure;
use crate::output::{self, Data};
use crate::session::{self, Session, Use};
use kompox_engine::app::{self, DestroyOptions, Destroyed};
use serde::Serialize;

pub(super) fn run(session: &Session<'_>, arguments: &DestroyArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    let (app, cluster) = (&opened.app()?.name, &opened.configuration.cluster.name);
    if !arguments.dry_run {
        let question = format!("Remove app {app} from cluster {cluster}? Its disks stay.");
        consent::ask(session, &question, "add --yes to remove it, or --dry-run to see what would go")?;
    }
    let options = DestroyOptions { delete_namespace: arguments.delete_namespace, dry_run: arguments.dry_run };
    let destroyed = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(app::destroy(&connected.app()?, options, &session::holder()).await?)
    })?;
    if arguments.dry_run {
        session.screen.note("dry run, nothing was deleted");
    }
    output::print(&Answer { dry_run: arguments.dry_run, destroyed }, session.global.output)
}

/// Answer of `app destroy`.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    #[serde(flatten)]
    destroyed: Destroyed,
}

impl Data for Answer {
    fn table(&self) -> String {
        output::lines(&self.names())
    }

    fn names(&self) -> Vec<String> {
        self.destroyed.deleted.clone()
    }
}
