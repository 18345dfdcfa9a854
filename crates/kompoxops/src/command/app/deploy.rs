//! `app deploy`.

use super::MODULE;
use crate::arguments::DeployArguments;
use crate::compose;
use crate::configuration::Opened;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{self, Connected, Session, Use};
use kompox_engine::app::{self, Action, DeployOptions, Deployed, Plan};
use kompox_engine::cluster;
use kompox_model::Object;
use kompox_model::port::ClusterStatus;
use serde::Serialize;

pub(super) fn run(session: &Session<'_>, arguments: DeployArguments) -> Result<(), Failure> {
    let mut opened = session.open_app()?;
    let loaded = compose::load(&mut opened, &arguments.compose, session.screen)?;
    let options = DeployOptions {
        dry_run: arguments.dry_run,
        no_wait: arguments.no_wait,
        start_empty: arguments.start_empty.into_iter().collect(),
        now: jiff::Timestamp::now(),
        random: session::random(),
    };
    let (deployed, ingress) = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        let deployed = app::deploy(&connected.app()?, &loaded, &options, &session::holder()).await?;
        let ingress = ingress(session, connected, &deployed).await;
        Ok((deployed, ingress))
    })?;
    session.screen.diagnostics(&deployed.notes, &opened.sources);
    let mut answer = Answer::new(&opened, arguments.dry_run, &deployed, ingress.as_ref());
    if arguments.dry_run {
        let body =
            |object: &Object| if arguments.show_secrets { object.body.clone() } else { object.redacted() };
        answer.plan.objects = deployed.objects.iter().map(body).collect();
        session.screen.note(&summary(&deployed.plan));
        return output::print(&DryRun(&answer.plan), session.global.output);
    }
    output::print(&answer, session.global.output)
}

/// Where the ingress controller is reached, when the user has records to set for it. The app is deployed by then, so
/// that it cannot be found out is only a warning.
async fn ingress(
    session: &Session<'_>,
    connected: &Connected<'_>,
    deployed: &Deployed,
) -> Option<ClusterStatus> {
    if !deployed.hosts.iter().any(|host| host.custom) {
        return None;
    }
    match cluster::status(&connected.cluster()).await {
        Ok(report) => Some(report.status),
        Err(error) => {
            session.screen.warning(&format!("the address for DNS records could not be found out: {error}"));
            None
        }
    }
}

/// Answer of `app deploy`.
#[derive(Serialize)]
struct Answer {
    app: String,
    namespace: String,
    /// The Pod that was seen to be Ready; none with `--no-wait` and `--dry-run`, and of a stopped app.
    pod: Option<String>,
    /// The app was stopped with `app stop` and stays so.
    stopped: bool,
    hosts: Vec<HostLine>,
    /// Records that the user must set for custom hosts.
    dns: Vec<Record>,
    plan: PlanLines,
}

/// A host that leads to the app.
#[derive(Serialize)]
struct HostLine {
    url: String,
    host: String,
    service: String,
    port: u16,
    custom: bool,
}

/// A DNS record.
#[derive(Debug, PartialEq, Serialize)]
struct Record {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

/// A plan with its references taken apart.
#[derive(Serialize)]
pub(in crate::command) struct PlanLines {
    dry_run: bool,
    /// Every object and what happens to it.
    changes: Vec<ObjectLine>,
    /// Disks to create.
    disks: Vec<String>,
    /// What is applied, whole; only of a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    objects: Vec<serde_json::Value>,
}

/// One object of a plan.
#[derive(Serialize)]
struct ObjectLine {
    kind: String,
    namespace: Option<String>,
    name: String,
    #[serde(flatten)]
    action: Action,
}

impl Answer {
    fn new(opened: &Opened, dry_run: bool, deployed: &Deployed, ingress: Option<&ClusterStatus>) -> Self {
        let hosts = deployed.hosts.iter().map(|host| HostLine {
            url: format!("https://{}", host.host),
            host: host.host.clone(),
            service: host.service.clone(),
            port: host.port,
            custom: host.custom,
        });
        let hosts: Vec<_> = hosts.collect();
        Self {
            app: opened.configuration.app_identity().map(|identity| identity.to_string()).unwrap_or_default(),
            namespace: deployed.namespace.clone(),
            pod: deployed.pod.clone(),
            stopped: deployed.stopped,
            dns: records(&hosts, ingress),
            hosts,
            plan: PlanLines::new(dry_run, &deployed.plan),
        }
    }
}

impl PlanLines {
    /// The lines of a plan, without the objects.
    pub(in crate::command) fn new(dry_run: bool, plan: &Plan) -> Self {
        let changes = plan.changes.iter().map(|change| ObjectLine {
            kind: change.reference.gvk.kind.clone(),
            namespace: change.reference.namespace.clone(),
            name: change.reference.name.clone(),
            action: change.action.clone(),
        });
        Self { dry_run, changes: changes.collect(), disks: plan.disks.clone(), objects: Vec::new() }
    }
}

/// One record for each custom host: to the ingress controller's name or address, or else to a default host, which
/// leads to the same place.
fn records(hosts: &[HostLine], ingress: Option<&ClusterStatus>) -> Vec<Record> {
    let ingress = ingress.cloned().unwrap_or_default();
    let (kind, value) = match (ingress.ingress_fqdn, ingress.ingress_ip) {
        (Some(name), _) => ("CNAME", name),
        (None, Some(address)) if address.contains(':') => ("AAAA", address),
        (None, Some(address)) => ("A", address),
        (None, None) => match hosts.iter().find(|host| !host.custom) {
            Some(host) => ("CNAME", host.host.clone()),
            None => return Vec::new(),
        },
    };
    let custom = hosts.iter().filter(|host| host.custom);
    custom.map(|host| Record { name: host.host.clone(), kind, value: value.clone() }).collect()
}

/// How many objects a plan touches.
fn summary(plan: &Plan) -> String {
    let count =
        |wanted: fn(&Action) -> bool| plan.changes.iter().filter(|change| wanted(&change.action)).count();
    // Rare, and therefore mentioned only where it happens.
    let replaced = match count(|action| matches!(action, Action::Replace { .. })) {
        0 => String::new(),
        count => format!(" {count} to replace,"),
    };
    format!(
        "dry run, nothing was changed: {} to create, {} to update,{replaced} {} to delete, {} to leave, {} disks to create",
        count(|action| matches!(action, Action::Create)),
        count(|action| matches!(action, Action::Update { .. })),
        count(|action| matches!(action, Action::Delete)),
        count(|action| matches!(action, Action::Leave)),
        plan.disks.len(),
    )
}

/// Answer of `app deploy --dry-run`.
#[derive(Serialize)]
#[serde(transparent)]
pub(in crate::command) struct DryRun<'a>(pub(in crate::command) &'a PlanLines);

impl ObjectLine {
    fn name(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        }
    }
}

impl Data for DryRun<'_> {
    fn table(&self) -> String {
        let mut table = Table::new(["ACTION", "WHAT", "FIELDS"]);
        for disk in &self.0.disks {
            table.row(["create".to_owned(), format!("disk {disk}"), String::new()]);
        }
        for object in &self.0.changes {
            let (action, fields) = match &object.action {
                Action::Create => ("create", String::new()),
                Action::Update { fields } => ("update", fields.join(" ")),
                Action::Replace { fields } => ("replace", fields.join(" ")),
                Action::Delete => ("delete", String::new()),
                Action::Leave => continue,
            };
            table.row([action.to_owned(), object.name(), fields]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        let changed = self.0.changes.iter().filter(|object| !matches!(object.action, Action::Leave));
        changed.map(ObjectLine::name).collect()
    }
}

impl Data for Answer {
    fn table(&self) -> String {
        let mut table = Table::new(["URL", "SERVICE", "PORT"]);
        for host in &self.hosts {
            table.row([host.url.clone(), host.service.clone(), host.port.to_string()]);
        }
        let mut text = if self.hosts.is_empty() { String::new() } else { table.text() };
        if !self.dns.is_empty() {
            let mut table = Table::new(["DNS RECORD TO SET", "TYPE", "VALUE"]);
            for Record { name, kind, value } in &self.dns {
                table.row([name.clone(), (*kind).to_owned(), value.clone()]);
            }
            text.push('\n');
            text.push_str(&table.text());
        }
        text
    }

    fn names(&self) -> Vec<String> {
        self.hosts.iter().map(|host| host.host.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str, custom: bool) -> HostLine {
        let url = format!("https://{host}");
        HostLine { url, host: host.to_owned(), service: "web".to_owned(), port: 80, custom }
    }

    fn record(kind: &'static str, value: &str) -> Vec<Record> {
        vec![Record { name: "www.example.com".to_owned(), kind, value: value.to_owned() }]
    }

    #[test]
    fn records_lead_custom_hosts_to_the_ingress_controller() {
        let hosts = [host("app.c.example.net", false), host("www.example.com", true)];
        let ingress = |ip: Option<&str>, fqdn: Option<&str>| ClusterStatus {
            ingress_ip: ip.map(ToOwned::to_owned),
            ingress_fqdn: fqdn.map(ToOwned::to_owned),
            ..ClusterStatus::default()
        };
        for (known, expected) in [
            (Some(ingress(Some("192.0.2.1"), None)), record("A", "192.0.2.1")),
            (Some(ingress(Some("2001:db8::1"), None)), record("AAAA", "2001:db8::1")),
            (Some(ingress(Some("192.0.2.1"), Some("in.example.org"))), record("CNAME", "in.example.org")),
            (Some(ingress(None, None)), record("CNAME", "app.c.example.net")),
            (None, record("CNAME", "app.c.example.net")),
        ] {
            assert_eq!(records(&hosts, known.as_ref()), expected);
        }
        assert!(records(&hosts[1..], None).is_empty());
    }

    #[test]
    fn a_dry_run_shows_what_would_change() {
        let line = |kind: &str, name: &str, action| ObjectLine {
            kind: kind.to_owned(),
            namespace: Some("ns".to_owned()),
            name: name.to_owned(),
            action,
        };
        let plan = PlanLines {
            dry_run: true,
            changes: vec![
                line("Service", "app", Action::Leave),
                line("Deployment", "app", Action::Update { fields: vec!["/spec/replicas".to_owned()] }),
                line("Ingress", "old", Action::Delete),
            ],
            disks: vec!["default: d1, 10Gi".to_owned()],
            objects: Vec::new(),
        };
        let expected = "\
ACTION  WHAT                    FIELDS
create  disk default: d1, 10Gi  -
update  Deployment ns/app       /spec/replicas
delete  Ingress ns/old          -
";
        assert_eq!(DryRun(&plan).table(), expected);
        let json = serde_json::to_value(DryRun(&plan)).unwrap();
        assert_eq!(json["changes"][1]["action"], "update");
        assert_eq!(json["changes"][1]["fields"][0], "/spec/replicas");
    }
}
