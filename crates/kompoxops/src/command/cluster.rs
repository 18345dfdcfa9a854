//! `cluster …`.

mod kubeconfig;
mod uninstall_node;

use crate::arguments::ClusterCommand;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{Session, Use};
use kompox_engine::cluster::{self, ClusterReport};
use kompox_engine::network::{Enforcement, OlderPolicy};
use serde::Serialize;

/// What to do about policies that do not know every node.
const OLDER: &str =
    "some apps can reach a node that was added after their last deploy; hint: run app deploy for each";

/// What the API server's audit log shows.
const MODULE: &str = "cluster";

pub(super) fn run(session: &Session<'_>, command: &ClusterCommand) -> Result<(), Failure> {
    match command {
        ClusterCommand::Status => status(session),
        ClusterCommand::Kubeconfig(arguments) => kubeconfig::run(session, arguments),
        ClusterCommand::UninstallNode(arguments) => uninstall_node::run(session, arguments),
    }
}

/// Answer of `cluster status`.
#[derive(Serialize)]
#[serde(transparent)]
struct Status(ClusterReport);

fn status(session: &Session<'_>) -> Result<(), Failure> {
    let opened = session.open()?;
    let report = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        Ok(cluster::status(&connected.cluster()).await?)
    })?;
    if report.older_policies.as_ref().is_some_and(|older| !older.is_empty()) {
        session.screen.warning(OLDER);
    }
    output::print(&Status(report), session.global.output)
}

/// A fact that may be unknown.
fn known(fact: Option<bool>) -> String {
    fact.map_or("unknown", yes).to_owned()
}

fn yes(fact: bool) -> &'static str {
    if fact { "yes" } else { "no" }
}

impl Data for Status {
    fn table(&self) -> String {
        let ClusterReport {
            name,
            provider,
            driver,
            kubernetes,
            uid,
            domain,
            ingress_class,
            ingress_class_found,
            nodes,
            network_policy,
            older_policies,
            status,
        } = &self.0;
        let policies = match network_policy {
            Enforcement::By(engine) => format!("enforced by {engine}"),
            Enforcement::Unseen(why) => format!("no engine seen: {why}"),
        };
        let class =
            if *ingress_class_found { ingress_class.clone() } else { format!("{ingress_class} (missing)") };
        let mut facts = Table::new(["CLUSTER", name]);
        for (fact, value) in [
            ("PROVIDER", format!("{provider} (driver {driver})")),
            ("KUBERNETES", kubernetes.clone()),
            ("UID", uid.clone()),
            ("EXISTING", yes(status.existing).to_owned()),
            ("PROVISIONED", known(status.provisioned)),
            ("INSTALLED", known(status.installed)),
            ("POLICIES", policies),
            ("DOMAIN", domain.clone()),
            ("INGRESS CLASS", class),
            ("INGRESS IP", status.ingress_ip.clone().unwrap_or_default()),
            ("INGRESS FQDN", status.ingress_fqdn.clone().unwrap_or_default()),
        ] {
            facts.row([fact.to_owned(), value]);
        }
        let mut table = Table::new(["NODE", "READY", "KUBELET"]);
        for node in nodes {
            table.row([node.name.clone(), yes(node.ready).to_owned(), node.kubelet.clone()]);
        }
        let mut text = format!("{}\n{}", facts.text(), table.text());
        if let Some(older) = older_policies.as_ref().filter(|older| !older.is_empty()) {
            let mut table = Table::new(["POLICY OLDER THAN A NODE", "APP", "NODES IT LEAVES REACHABLE"]);
            for OlderPolicy { namespace, app, nodes } in older {
                table.row([namespace.clone(), app.clone(), nodes.join(" ")]);
            }
            text.push('\n');
            text.push_str(&table.text());
        }
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.name.clone()]
    }
}
