//! `doctor`: that its table of rights has everything that commands send, and what it says of rights, clocks and servers
//! that do not answer.

use crate::bed::{Bed, COMPOSE, changed};
use kompox_engine::app;
use kompox_engine::doctor::{self, Check, Examination, Outcome};
use kompox_model::port::ErrorKind;
use kompox_testkit::{Fault, When};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

async fn examine(bed: &Bed) -> Examination {
    doctor::examine(&bed.cluster_scope()).await.unwrap()
}

fn check<'a>(examination: &'a Examination, name: &str) -> &'a Check {
    examination.checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name}"))
}

/// A bed whose node is ready.
async fn bed() -> Bed {
    let bed = Bed::new().await;
    let mut node = bed.only("Node");
    node["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
    let name = node["metadata"]["name"].as_str().unwrap().to_owned();
    bed.api.put(&format!("/api/v1/nodes/{name}"), node);
    bed
}

#[tokio::test]
async fn every_request_of_every_command_is_in_the_table_of_rights() {
    let bed = bed().await;
    let app = bed.scope(&bed.client);
    let known: BTreeSet<_> = examine(&bed)
        .await
        .rights
        .into_iter()
        .map(|right| (right.verb, right.group, right.resource))
        .collect();
    bed.deploy(COMPOSE).await.unwrap();
    bed.deploy(&changed()).await.unwrap();
    app::diff(&app, &bed.load(&changed()), &Default::default()).await.unwrap();
    app::status(&app).await.unwrap();
    app::list(&bed.cluster_scope(), &[bed.identity()]).await.unwrap();
    kompox_engine::cluster::status(&bed.cluster_scope()).await.unwrap();
    app::restart(&app, false, crate::bed::options().now, "tester").await.unwrap();
    app::stop(&app, "tester").await.unwrap();
    app::start(&app, false, "tester").await.unwrap();
    bed.insert_disk("second", false, |_| {});
    bed.attach(kompox_engine::disk::Target::Named("second".parse().unwrap())).await.unwrap();
    bed.destroy(true).await.unwrap();
    let used: BTreeSet<_> = bed
        .api
        .requests()
        .iter()
        .filter_map(kompox_testkit::Recorded::right)
        .map(|(verb, group, resource)| (verb.to_owned(), group, resource))
        .collect();
    let missing: Vec<_> = used.difference(&known).collect();
    assert!(used.len() > 30 && missing.is_empty(), "not in the table: {missing:?} of {used:?}");
}

#[tokio::test]
async fn nothing_is_written_and_nothing_fails_where_all_is_there() {
    let bed = bed().await;
    bed.api.forget();
    let examination = examine(&bed).await;
    assert!(bed.api.writes().is_empty());
    examination.verdict().unwrap();
    let failed = examination.checks.iter().any(|check| check.outcome == Outcome::Fail);
    assert!(!failed && examination.rights.iter().all(|right| right.allowed), "{:?}", examination.checks);
    assert_eq!(check(&examination, "clock").outcome, Outcome::Ok);
    assert_eq!(check(&examination, "version").outcome, Outcome::Ok);
}

#[tokio::test]
async fn a_denied_right_is_shown_and_fails() {
    let bed = bed().await;
    bed.api.deny("create", "deployments");
    bed.api.deny("create", "pods/exec");
    let examination = examine(&bed).await;
    let rights = check(&examination, "rights");
    assert_eq!(rights.outcome, Outcome::Fail);
    assert_eq!(rights.finding, "these credentials may not: create deployments.apps; create pods/exec");
    let refused = examination.verdict().unwrap_err();
    assert_eq!(refused.code(), "cluster.unfit");
    assert_eq!(refused.to_string(), "cluster c1 is not fit for apps: rights");
}

#[tokio::test]
async fn a_skewed_clock_is_warned_of() {
    let bed = bed().await;
    bed.api.set_clock(Duration::from_secs(120));
    let examination = examine(&bed).await;
    let clock = check(&examination, "clock");
    assert_eq!(clock.outcome, Outcome::Warn);
    assert!(clock.finding.contains("s ahead of this machine's"), "{clock:?}");
    examination.verdict().unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_the_only_finding() {
    let bed = bed().await;
    bed.api.plant(When::After(0), Fault::status(403, "Forbidden", "no"));
    let examination = examine(&bed).await;
    assert_eq!(examination.checks.len(), 1);
    let connection = check(&examination, "connection");
    assert_eq!(connection.outcome, Outcome::Fail);
    assert!(connection.remedy.as_deref().unwrap().contains("administrator"), "{connection:?}");
    assert_eq!(examination.verdict().unwrap_err().code(), "cluster.unfit");
}

#[tokio::test]
async fn giving_up_is_an_error() {
    let bed = bed().await;
    bed.cancel.cancel();
    let error = doctor::examine(&bed.cluster_scope()).await.unwrap_err();
    assert!(matches!(error, kompox_engine::Error::Port(ref port) if port.kind == ErrorKind::Cancelled));
}
