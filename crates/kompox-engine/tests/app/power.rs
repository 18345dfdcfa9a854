//! `app stop`, `start` and `restart`.

use crate::bed::{Bed, COMPOSE, changed, kind, options};
use crate::kubelet::Mode;
use kompox_engine::app;
use kompox_model::port::ErrorKind;
use serde_json::{Value, json};
use std::time::Duration;

const STOPPED: &str = "kompox.dev/stopped";

fn deployment(bed: &Bed) -> Value {
    bed.api.object(&bed.deployment_path()).unwrap()
}

fn pods(bed: &Bed) -> usize {
    bed.api.objects().iter().filter(|object| object["kind"] == "Pod").count()
}

#[tokio::test]
async fn a_stopped_app_stays_stopped_until_it_is_started() {
    let bed = Bed::deployed().await;
    let scope = bed.scope(&bed.client);
    let disks = bed.memory.fingerprint();
    let pair = bed.pair();
    assert!(app::stop(&scope, "tester").await.unwrap().changed);
    assert_eq!((pods(&bed), &deployment(&bed)["spec"]["replicas"]), (0, &json!(0)));
    bed.api.forget();
    assert!(!app::stop(&scope, "tester").await.unwrap().changed);
    let done = bed.deploy(COMPOSE).await.unwrap();
    assert!(done.stopped && done.plan.is_empty());
    assert_eq!(bed.writes(), Vec::<String>::new(), "nothing to do");

    // Brought up to date, and still stopped; what the former Pod needed is removed all the same.
    let done = bed.deploy(&changed()).await.unwrap();
    assert!(done.stopped && done.pod.is_none() && !done.plan.is_empty());
    assert_eq!((pods(&bed), &deployment(&bed)["metadata"]["annotations"][STOPPED]), (0, &json!("true")));
    assert_eq!(bed.api.objects().iter().filter(|object| object["kind"] == "Secret").count(), 1);
    assert_eq!(bed.memory.fingerprint(), disks, "stop makes no disk collectable (U-01)");
    assert!(bed.api.object(&pair.0).is_some() && bed.api.object(&pair.1).is_some());

    let started = app::start(&scope, false, "tester").await.unwrap();
    assert!(started.changed && started.pod.is_some());
    assert_eq!(deployment(&bed)["metadata"]["annotations"][STOPPED], Value::Null);
    bed.api.forget();
    assert!(!app::start(&scope, false, "tester").await.unwrap().changed);
    bed.deploy(&changed()).await.unwrap();
    assert_eq!((bed.writes(), pods(&bed)), (Vec::new(), 1));
}

#[tokio::test]
async fn a_stopped_app_that_is_destroyed_runs_again_when_it_is_deployed() {
    let bed = Bed::deployed().await;
    app::stop(&bed.scope(&bed.client), "tester").await.unwrap();
    bed.destroy(false).await.unwrap();
    assert!(bed.deploy(COMPOSE).await.unwrap().pod.is_some());
}

#[tokio::test]
async fn a_restart_makes_a_new_pod_of_the_same_template() {
    let bed = Bed::deployed().await;
    let scope = bed.scope(&bed.client);
    let uid = |bed: &Bed| bed.api.object(&bed.kubelet.pod()).unwrap()["metadata"]["uid"].clone();
    let former = uid(&bed);
    let done = app::restart(&scope, false, options().now, "tester").await.unwrap();
    assert!(done.pod.is_some() && done.outage_seconds.is_some());
    assert_ne!(uid(&bed), former);
    bed.api.forget();
    bed.deploy(COMPOSE).await.unwrap();
    assert_eq!(bed.writes(), Vec::<String>::new(), "a deploy does not undo it");
    app::stop(&scope, "tester").await.unwrap();
    let error = app::restart(&scope, false, options().now, "tester").await.unwrap_err();
    assert!(error.to_string().contains("is stopped"), "{error}");
    assert_eq!(error.code(), "app.stopped");
    assert_eq!(kind(&error), ErrorKind::Conflict);
}

#[tokio::test]
async fn what_is_not_deployed_is_not_found() {
    let bed = Bed::new().await;
    let scope = bed.scope(&bed.client);
    let now = options().now;
    for error in [
        app::stop(&scope, "tester").await.unwrap_err(),
        app::start(&scope, false, "tester").await.unwrap_err(),
        app::restart(&scope, false, now, "tester").await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("is not deployed"), "{error}");
        assert_eq!(error.code(), "app.not-deployed");
        assert_eq!((kind(&error), bed.writes()), (ErrorKind::NotFound, Vec::new()));
    }
}

/// Long before the limit of the command: what deploy knows of the healthcheck, these know from the Deployment.
#[tokio::test]
async fn a_start_and_a_restart_end_when_the_healthchecks_time_is_over() {
    let checked = COMPOSE.replace(
        "    ports",
        "    healthcheck: {test: [CMD, check], interval: 1s, retries: 1, start_period: 500ms}\n    ports",
    );
    let bed = Bed::new().await;
    let scope = bed.scope(&bed.client);
    bed.deploy(&checked).await.unwrap();
    assert_eq!(deployment(&bed)["metadata"]["annotations"]["kompox.dev/unhealthy-after"], r#"{"web":2}"#);
    bed.kubelet.set(Mode::Unhealthy);
    let unhealthy = |error: kompox_engine::Error| {
        assert_eq!((&*error.code(), kind(&error)), ("app.pod.unhealthy", ErrorKind::Timeout), "{error}");
    };
    let begun = std::time::Instant::now();
    unhealthy(app::restart(&scope, false, options().now, "tester").await.unwrap_err());
    app::stop(&scope, "tester").await.unwrap();
    unhealthy(app::start(&scope, false, "tester").await.unwrap_err());
    unhealthy(app::start(&scope, false, "tester").await.unwrap_err());
    assert!(begun.elapsed() < bed.limit);
    assert_eq!(pods(&bed), 1, "it is left as it is");
    bed.tamper(&bed.deployment_path(), |deployment| {
        deployment["metadata"]["annotations"]["kompox.dev/unhealthy-after"] = json!("soon");
    });
    bed.kubelet.set(Mode::Ready);
    let later = options().now + Duration::from_secs(1);
    app::restart(&scope, false, later, "tester").await.unwrap();
}
