//! `app status`.

use super::MODULE;
use super::dns::{self, DnsLine};
use crate::arguments::{OutputForm, StatusArguments};
use crate::command::disk;
use crate::exit::Failure;
use crate::output::{self, Data, Table};
use crate::session::{Session, Use};
use kompox_engine::app::{self, AppStatus, State};
use serde::Serialize;
use std::io::IsTerminal;
use std::time::Duration;

/// A watched app is looked at again after this without a change: for its disks and the records of its hosts.
const AGAIN: Duration = Duration::from_secs(30);

pub(super) fn run(session: &Session<'_>, arguments: &StatusArguments) -> Result<(), Failure> {
    let opened = session.open_app()?;
    if arguments.watch {
        return session.on_cluster(&opened, MODULE, Use::Stream, async |connected| {
            let scope = connected.app()?;
            let mut shown = None;
            app::watch(&scope, AGAIN, async |status| {
                let now = answer(status, arguments.no_dns).await;
                changed(session, &now, shown.as_ref())?;
                shown = Some(now);
                Ok(())
            })
            .await
        });
    }
    let answer = session.on_cluster(&opened, MODULE, Use::Operation, async |connected| {
        let status = app::status(&connected.app()?).await?;
        Ok(answer(status, arguments.no_dns).await)
    })?;
    for place in &answer.status.disks_unknown {
        session.screen.warning(&format!("disks unknown: {place}"));
    }
    output::print(&answer, session.global.output)
}

async fn answer(status: AppStatus, no_dns: bool) -> Answer {
    let dns = dns::lines(&status, (!no_dns).then_some(dns::system)).await;
    Answer { status, dns }
}

/// Shows a status that differs from the one before: the whole screen anew on a terminal, elsewhere one line.
fn changed(session: &Session<'_>, answer: &Answer, before: Option<&Answer>) -> Result<(), Failure> {
    match session.global.output {
        _ if before == Some(answer) => Ok(()),
        Some(OutputForm::Json) => output::write(&output::line(answer)?),
        Some(OutputForm::Yaml) => {
            output::write(&format!("---\n{}", kompox_yaml::write(&output::value(answer)?)))
        }
        Some(OutputForm::Name) => output::print(answer, session.global.output),
        None | Some(OutputForm::Table) if std::io::stdout().is_terminal() => {
            session.screen.clear();
            output::write(&format!("\u{1b}[H\u{1b}[2J{}", answer.table()))
        }
        None | Some(OutputForm::Table) if before.is_some_and(|before| line(before) == line(answer)) => Ok(()),
        None | Some(OutputForm::Table) => {
            let now = jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default();
            output::write(&format!("{}\n", output::printable(&format!("{now} {}", line(answer)))))
        }
    }
}

fn line(answer: &Answer) -> String {
    let AppStatus { app, state, reason, .. } = &answer.status;
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{app} {}{reason}", word(*state))
}

/// Answer of `app status`.
#[derive(PartialEq, Serialize)]
struct Answer {
    #[serde(flatten)]
    status: AppStatus,
    /// The records of the hosts.
    dns: Vec<DnsLine>,
}

pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Absent => "absent",
        State::Stopped => "stopped",
        State::Starting => "starting",
        State::Ready => "ready",
        State::Failed => "failed",
    }
}

impl Data for Answer {
    fn table(&self) -> String {
        let AppStatus { app, namespace, state, reason, pod, containers, hosts, disks, events, .. } =
            &self.status;
        let mut facts = Table::new(["APP", app]);
        let state =
            reason.as_ref().map_or(word(*state).to_owned(), |reason| format!("{}: {reason}", word(*state)));
        for (fact, value) in
            [("NAMESPACE", namespace.clone()), ("STATE", state), ("POD", pod.clone().unwrap_or_default())]
        {
            facts.row([fact.to_owned(), value]);
        }
        for (index, host) in hosts.iter().enumerate() {
            facts.row([if index == 0 { "HOSTS" } else { " " }.to_owned(), format!("https://{host}")]);
        }
        let mut text = facts.text();
        if !containers.is_empty() {
            let mut table = Table::new(["CONTAINER", "STATE", "READY", "RESTARTS", "WAITS FOR", "LAST END"]);
            // Columns that nobody needs are left out.
            let told = containers.iter().any(|c| c.last_end.is_some() || !c.waits_for.is_empty());
            let mut plain = Table::new(["CONTAINER", "STATE", "READY", "RESTARTS"]);
            for container in containers {
                let [name, state, ready, restarts] = [
                    container.name.clone(),
                    container.state.clone(),
                    if container.ready { "yes" } else { "no" }.to_owned(),
                    container.restarts.to_string(),
                ];
                plain.row([name.clone(), state.clone(), ready.clone(), restarts.clone()]);
                let (waits, end) = (container.waits_for.join(" "), container.last_end.clone());
                table.row([name, state, ready, restarts, waits, end.unwrap_or_default()]);
            }
            text.push('\n');
            text.push_str(&if told { table.text() } else { plain.text() });
        }
        if !disks.is_empty() {
            text.push('\n');
            text.push_str(&disk::table(disks));
        }
        let records = self.dns.iter().filter(|line| line.state != "unknown" || line.value.is_some());
        let mut table = Table::new(["DNS RECORD", "TYPE", "VALUE", "STATE", "FOUND"]);
        let mut any = false;
        for line in records {
            any = true;
            let found: Vec<_> = line.found.iter().map(ToString::to_string).collect();
            table.row([
                line.name.clone(),
                line.kind.unwrap_or_default().to_owned(),
                line.value.clone().unwrap_or_default(),
                line.state.to_owned(),
                found.join(" "),
            ]);
        }
        if any {
            text.push('\n');
            text.push_str(&table.text());
        }
        if !self.status.foreign_fields.is_empty() {
            let mut table = Table::new(["SET BY OTHERS", "ON", "FIELDS"]);
            for foreign in &self.status.foreign_fields {
                table.row([foreign.manager.clone(), foreign.object.clone(), foreign.fields.join(" ")]);
            }
            text.push('\n');
            text.push_str(&table.text());
        }
        if !events.is_empty() {
            let mut table = Table::new(["EVENTS"]);
            for event in events {
                table.row([event.clone()]);
            }
            text.push('\n');
            text.push_str(&table.text());
        }
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.status.app.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_engine::app::{ContainerStatus, ForeignFields};
    use kompox_model::{DiskSource, DiskState, Holder, Volume};
    use serde_json::{Value, json};

    fn full() -> Answer {
        let disk = kompox_model::Disk {
            name: "d1".parse().unwrap(),
            volume: "default".parse().unwrap(),
            size: Volume::DEFAULT_SIZE,
            size_enforced: false,
            atomic_snapshots: false,
            handle: "h".into(),
            assigned: true,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            node: Some("n".into()),
            zone: None,
            source: DiskSource::Empty,
            state: DiskState::Ready,
            holder: Holder { cluster: "c".parse().unwrap(), uid: "u".into() },
        };
        let status = AppStatus {
            app: "ops/k3s/shop".into(),
            namespace: "k4x".into(),
            state: State::Starting,
            reason: Some("waiting for container `db` to become healthy".into()),
            pod: Some("app-1".into()),
            containers: vec![ContainerStatus {
                name: "web".into(),
                state: "waiting (PodInitializing)".into(),
                ready: false,
                restarts: 1,
                last_end: Some("Error, exit code 3".into()),
                waits_for: vec!["db".into()],
            }],
            hosts: vec!["shop.test".into()],
            custom_hosts: Vec::new(),
            ingress_ip: Some("192.0.2.1".into()),
            ingress_fqdn: None,
            disks: vec![disk],
            disks_unknown: vec!["node b: silent".into()],
            events: vec!["BackOff: again".into()],
            foreign_fields: vec![ForeignFields {
                object: "Deployment k4x/app".into(),
                manager: "kubectl-edit".into(),
                fields: vec!["spec.replicas".into()],
            }],
        };
        let dns = vec![DnsLine {
            name: "shop.test".into(),
            kind: Some("A"),
            value: Some("192.0.2.1".into()),
            state: "set",
            found: vec![[192, 0, 2, 1].into()],
        }];
        Answer { status, dns }
    }

    /// What of a value does not follow a schema of the few keywords that ours uses.
    fn wrong(schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let mut found = Vec::new();
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let allowed = match &schema["type"] {
            Value::String(one) => one == kind,
            Value::Array(several) => several.contains(&json!(kind)),
            _ => schema["enum"].as_array().is_some_and(|values| values.contains(value)),
        };
        if !allowed {
            found.push(format!("{at}: {value}"));
        }
        for (key, inner) in value.as_object().into_iter().flatten() {
            match &schema["properties"][key] {
                Value::Null => found.push(format!("{at}.{key} is not in the schema")),
                of => found.extend(wrong(of, inner, &format!("{at}.{key}"))),
            }
        }
        if let Some(object) = value.as_object() {
            let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
            assert_eq!(
                required.len(),
                schema["properties"].as_object().map_or(0, serde_json::Map::len),
                "{at}"
            );
            found.extend(
                required
                    .iter()
                    .filter(|key| !object.contains_key(key.as_str().unwrap()))
                    .map(|key| format!("{at}.{key} is missing")),
            );
        }
        for inner in value.as_array().into_iter().flatten() {
            found.extend(wrong(&schema["items"], inner, &format!("{at}[]")));
        }
        found
    }

    #[test]
    fn the_answer_follows_its_schema() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema/status.schema.json");
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut empty = full();
        empty.status.reason = None;
        empty.dns[0].kind = None;
        for answer in [full(), empty] {
            let value = serde_json::to_value(&answer).unwrap();
            assert_eq!(wrong(&schema, &value, ""), Vec::<String>::new(), "{value}");
        }
        let mut other = serde_json::to_value(full()).unwrap();
        other["state"] = json!("gone");
        assert_eq!(wrong(&schema, &other, ""), [".state: \"gone\""]);
    }

    #[test]
    fn the_table_shows_who_waits_for_whom_and_what_is_found() {
        let text = full().table();
        for part in
            ["WAITS FOR", "LAST END", "DNS RECORD", "SET BY OTHERS", "kubectl-edit", "192.0.2.1", "EVENTS"]
        {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
