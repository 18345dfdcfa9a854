//! `app list`.

use super::{MODULE, status};
use crate::configuration::Everything;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{Session, Use};
use kompox_engine::app::{self, AppLine};
use kompox_model::NounKey;
use serde::Serialize;

pub(super) fn run(session: &Session<'_>) -> Result<(), Failure> {
    let everything = Everything::read(session.global, session.screen)?;
    let inventory = everything.loaded.inventory.clone();
    let opened = everything.cluster(session.global.wanted(), session.screen)?;
    let here = |key: &NounKey| {
        let of = inventory.on_cluster(key);
        of.is_some_and(|of| {
            of.cluster == opened.configuration.cluster && of.provider == opened.configuration.provider
        })
    };
    let apps = inventory.apps().filter(|(_, cluster)| here(cluster));
    let configured: Vec<_> = apps.map(|(identity, _)| identity.clone()).collect();
    let apps = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(app::list(&connected.cluster(), &configured).await?)
    })?;
    output::print(&Answer { apps, now: jiff::Timestamp::now() }, session.global.output)
}

/// Answer of `app list`.
#[derive(Serialize)]
struct Answer {
    apps: Vec<AppLine>,
    /// For ages.
    #[serde(skip)]
    now: jiff::Timestamp,
}

impl Answer {
    /// How old something is, in its largest unit.
    fn age(&self, created: &str) -> String {
        let Ok(created) = created.parse::<jiff::Timestamp>() else { return String::new() };
        let seconds = self.now.as_second().saturating_sub(created.as_second()).max(0);
        match seconds {
            0..60 => format!("{seconds}s"),
            60..3600 => format!("{}m", seconds / 60),
            3600..86400 => format!("{}h", seconds / 3600),
            _ => format!("{}d", seconds / 86400),
        }
    }
}

impl Data for Answer {
    fn table(&self) -> String {
        let mut table = Table::new(["APP", "STATE", "READY", "CONFIGURED", "HOSTS", "AGE"]);
        for line in &self.apps {
            let ready = if line.containers == 0 {
                String::new()
            } else {
                format!("{}/{}", line.ready, line.containers)
            };
            table.row([
                line.app.clone(),
                status::word(line.state).to_owned(),
                ready,
                if line.configured { "yes" } else { "no" }.to_owned(),
                line.hosts.join(" "),
                line.created.as_deref().map(|created| self.age(created)).unwrap_or_default(),
            ]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.apps.iter().map(|line| line.app.clone()).collect()
    }
}
