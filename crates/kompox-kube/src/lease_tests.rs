//! Tests of the Lease: its times, and its renewal on a scripted server.

use super::*;
use crate::Options;
use http::Method;
use kompox_testkit::{Fault, ScriptedApi, When};
use secrecy::SecretSlice;

fn lease(renewed: &str) -> Found {
    Found::read(&json!({
        "metadata": {"resourceVersion": "7"},
        "spec": {"holderIdentity": "a", "leaseDurationSeconds": 30, "renewTime": renewed},
    }))
}

#[test]
fn a_lease_expires_by_the_servers_clock_and_a_margin() {
    let found = lease("2026-11-21T10:00:00.500000Z");
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    assert!(!found.expired(at("2026-11-21T10:00:32Z")));
    assert!(found.expired(at("2026-11-21T10:00:33Z")));
    assert!(lease("").expired(at("2026-11-21T10:00:00Z")), "never renewed");
}

#[test]
fn times_have_six_digits() {
    assert_eq!(micro("2026-11-21T10:00:00Z".parse().unwrap()), "2026-11-21T10:00:00.000000Z");
}

#[test]
fn age_is_the_longer_of_both_clocks() {
    let slept = Confirmed { steady: Instant::now(), wall: SystemTime::now() - Duration::from_secs(3600) };
    assert!(slept.age() >= Duration::from_secs(3600));
    let set_back = Confirmed { steady: Instant::now(), wall: SystemTime::now() + Duration::from_secs(60) };
    assert!(set_back.age() < Duration::from_secs(60));
}

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases/kompox-operation";

/// Fifty times as fast.
const FAST: Times = Times {
    valid: Duration::from_millis(600),
    rounding: Duration::from_millis(40),
    margin: Duration::from_millis(100),
    renew: Duration::from_millis(160),
    again: Duration::from_millis(40),
    patience: Duration::from_millis(100),
};

async fn held() -> (ScriptedApi, Held) {
    let api = ScriptedApi::start().await.unwrap();
    let kubeconfig = SecretSlice::from(api.kubeconfig().into_bytes());
    let client = Client::from_kubeconfig(&kubeconfig, Options::default()).await.unwrap();
    let limits = Limits::only(Duration::from_secs(10));
    let held = client.take_lease_for(&limits, "default", "me", FAST).await.unwrap();
    (api, held)
}

fn renewals(api: &ScriptedApi) -> usize {
    api.writes().iter().filter(|write| write.method == Method::PATCH).count()
}

async fn until_renewed(api: &ScriptedApi, times: usize) {
    let wanted = renewals(api) + times;
    tokio::time::timeout(Duration::from_secs(10), async {
        while renewals(api) < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it is renewed");
}

async fn until_refused(held: &Held) -> PortError {
    tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            if let Err(error) = held.check() {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the check refuses")
}

/// Waits until the renewing task has ended.
async fn ended(task: &tokio::task::AbortHandle) {
    tokio::time::timeout(Duration::from_secs(10), async {
        while !task.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the task ends");
}

#[tokio::test]
async fn it_is_renewed_in_the_background() {
    let (api, held) = held().await;
    let first = api.object(PATH).unwrap()["spec"]["renewTime"].clone();
    until_renewed(&api, 5).await;
    held.check().unwrap();
    assert_ne!(api.object(PATH).unwrap()["spec"]["renewTime"], first);
}

#[tokio::test]
async fn lost_answers_and_foreign_labels_cost_nothing() {
    let (api, held) = held().await;
    for fault in [Fault::BreakBefore, Fault::BreakAfter] {
        api.plant(When::Write(1), fault);
        until_renewed(&api, 3).await;
        held.check().unwrap();
    }
    let mut lease = api.object(PATH).unwrap();
    lease["metadata"]["labels"]["somebody"] = "else".into();
    api.put(PATH, lease);
    until_renewed(&api, 3).await;
    held.check().unwrap();
}

#[tokio::test]
async fn a_lease_that_somebody_takes_is_lost_for_good() {
    let (api, held) = held().await;
    let mut lease = api.object(PATH).unwrap();
    lease["spec"]["holderIdentity"] = "other".into();
    api.put(PATH, lease);
    let error = until_refused(&held).await;
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.to_string().contains("held by other now"), "{error}");
    assert_eq!(api.object(PATH).unwrap()["spec"]["holderIdentity"], "other");
    ended(&held.renewing.abort_handle()).await;
}

#[tokio::test]
async fn a_deleted_lease_is_lost() {
    let (api, held) = held().await;
    api.remove(PATH);
    let error = until_refused(&held).await;
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.to_string().contains("deleted"), "{error}");
}

#[tokio::test]
async fn a_lease_that_cannot_be_renewed_is_not_believed_in() {
    let (api, held) = held().await;
    api.plant(When::Every { method: Method::PATCH, path: "/kompox-operation".into() }, Fault::Hang);
    let error = until_refused(&held).await;
    assert_eq!(error.kind, ErrorKind::Unavailable);
    api.heal();
    until_renewed(&api, 2).await;
    held.check().unwrap();
}

#[tokio::test]
async fn a_dropped_lease_is_not_renewed() {
    let (api, held) = held().await;
    until_renewed(&api, 1).await;
    let task = held.renewing.abort_handle();
    drop(held);
    ended(&task).await;
}
