//! Every request of a deploy fails once in every way: what the user sees, that nothing is lost, and that the same command
//! succeeds once the cause is gone.

use crate::bed::{Bed, COMPOSE, LIMIT, changed, lease};
use crate::command::{Command, state};
use crate::cuts::disturbed;
use futures::stream::{self, StreamExt as _};
use kompox_engine::Error;
use kompox_testkit::{Fault, When};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Deploys at once: what they wait for overlaps.
const AT_ONCE: usize = 3;
/// What a deploy among so many may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Each verb and place that a deploy, an update and a destroy ask for.
async fn asked() -> BTreeSet<(http::Method, String)> {
    let bed = Bed::new().await;
    bed.deploy(COMPOSE).await.unwrap();
    bed.deploy(&changed()).await.unwrap();
    let requests = bed.api.requests();
    requests.into_iter().map(|request| (request.method, request.path)).collect()
}

/// What is refused for good: neither waited for nor repeated, and never taken for "there is nothing".
#[tokio::test]
async fn each_right_that_is_missing_is_named_and_granting_it_helps() {
    let requests = asked().await;
    assert!(requests.len() > 25, "{requests:#?}");
    stream::iter(requests)
        .for_each_concurrent(AT_ONCE, |(method, path)| async move { denied(&method, &path).await })
        .await;
}

/// Rights that a deploy can do without, and what it says then.
const TOLD: [(&str, &str); 2] =
    [("/leases/kompox-operation", "Lease"), ("/daemonsets", "may not list DaemonSets")];

/// Deploys without one right: a refusal, or a warning where it is no harm.
async fn denied(method: &http::Method, path: &str) {
    let mut bed = Bed::new().await;
    bed.limit = PATIENCE;
    let when = When::Every { method: method.clone(), path: path.to_owned() };
    bed.api.plant(when, Fault::status(403, "Forbidden", &format!("user \"x\" cannot {method} {path}")));
    let error = match bed.deploy(COMPOSE).await {
        Err(error) => error,
        Ok(_) => {
            if let Some((_, words)) = TOLD.iter().find(|(end, _)| path.ends_with(end)) {
                assert!(bed.told.has(words), "{method} {path}: not told");
                return;
            }
            // The first deploy does without; an update needs it.
            bed.deploy(&changed()).await.map(drop).expect_err(path)
        }
    };
    let said = format!("{error} {}", source(&error));
    assert_eq!(error.code(), "kubernetes.denied", "{method} {path}: {said}");
    assert!(said.contains(path) || path == "/version", "{method} {path}: {said}");
    bed.api.heal();
    if bed.api.object(&bed.lease_path()).is_some() {
        // Where it may not be given back, the Lease expires.
        bed.api.set_clock(Duration::from_secs(60));
    }
    bed.deploy(COMPOSE).await.unwrap_or_else(|error| panic!("after {method} {path}: {error}"));
    assert_eq!(bed.disks().await.len(), 1, "{method} {path}");
}

fn source(error: &Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

/// Each command, each right that it uses: it is refused and named, nothing is lost, and once it is granted the same command
/// ends where an undisturbed one ends.
#[tokio::test]
async fn no_command_without_a_right_does_harm_and_granting_it_helps() {
    let mut cases = Vec::new();
    for command in Command::ALL {
        let bed = command.bed().await;
        bed.api.forget();
        command.run(&bed, bed.scope(&bed.client)).await.unwrap();
        let requests: BTreeSet<_> = bed
            .api
            .requests()
            .into_iter()
            .map(|request| (request.method.to_string(), request.path))
            .collect();
        let end = Arc::new(state(&bed).await);
        cases.extend(requests.into_iter().map(|request| (command, request, Arc::clone(&end))));
    }
    assert!(cases.len() > 150, "{}", cases.len());
    stream::iter(cases)
        .for_each_concurrent(AT_ONCE, |(command, (method, path), end)| async move {
            let when = When::Every { method: method.parse().unwrap(), path: path.clone() };
            let fault = Fault::status(403, "Forbidden", &format!("cannot {method} {path}"));
            if let Some(error) = disturbed(command, when, fault, &end).await {
                assert_eq!(error.code(), "kubernetes.denied", "{command:?} without {method} {path}: {error}");
            }
        })
        .await;
}

#[tokio::test]
async fn a_token_that_expires_at_any_request_ends_the_deploy_and_a_new_one_finishes_it() {
    let total = {
        let bed = Bed::new().await;
        bed.deploy(COMPOSE).await.unwrap();
        bed.api.requests().len()
    };
    stream::iter(0..total).for_each_concurrent(AT_ONCE, |before| expired(before, total)).await;
}

/// Deploys with a token that expires after so many requests.
async fn expired(before: usize, total: usize) {
    let mut bed = Bed::new().await;
    bed.limit = PATIENCE;
    bed.api.plant(When::After(before), Fault::status(401, "Unauthorized", "Unauthorized"));
    match bed.deploy(COMPOSE).await {
        Err(error) => assert_eq!(error.code(), "kubernetes.unauthenticated", "after {before}: {error}"),
        // Only giving the Lease back was left, or requests come in another order than before.
        Ok(_) => assert!(before + 8 > total, "after {before} of {total}"),
    }
    bed.api.heal();
    // The Lease that could not be given back is nobody's after a while.
    bed.api.set_clock(Duration::from_secs(60));
    bed.deploy(COMPOSE).await.unwrap_or_else(|error| panic!("after {before}: {error}"));
    assert_eq!(bed.disks().await.len(), 1, "after {before}");
}

/// What the server answers to the write of an object, and what is said.
type Case = (&'static str, u16, &'static str, &'static str, &'static str);

const WRITES: &[Case] = &[
    (
        "secrets/",
        403,
        "Forbidden",
        "secrets \"x\" is forbidden: exceeded quota: small, requested: secrets=1, used: secrets=0, limited: secrets=0",
        "kubernetes.quota",
    ),
    (
        "deployments/app",
        403,
        "Forbidden",
        "violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation",
        "kubernetes.denied",
    ),
    (
        "services/app",
        422,
        "Invalid",
        "spec.clusterIP: Invalid value: field is immutable",
        "kubernetes.invalid",
    ),
    (
        "services/app",
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"kubectl\": .spec.ports",
        "kubernetes.conflict",
    ),
];

#[tokio::test]
async fn what_a_server_refuses_to_write_is_told_in_its_words() {
    for (path, code, reason, message, expected) in WRITES {
        let bed = Bed::new().await;
        let requests = {
            let other = Bed::new().await;
            other.deploy(COMPOSE).await.unwrap();
            other.api.requests()
        };
        let full = requests.iter().find(|request| request.path.contains(path)).unwrap().path.clone();
        bed.api.plant(
            When::Every { method: http::Method::PATCH, path: full },
            Fault::status(*code, reason, message),
        );
        let error = bed.deploy(COMPOSE).await.expect_err(path);
        assert_eq!(error.code(), *expected, "{path}: {error}");
        assert!(error.to_string().contains(message), "{path}: {error}");
        bed.api.heal();
        bed.deploy(COMPOSE).await.unwrap();
        assert_eq!(bed.disks().await.len(), 1);
    }
}

#[tokio::test]
async fn short_trouble_is_not_noticed() {
    for fault in [
        Fault::status(503, "ServiceUnavailable", "not now"),
        Fault::status(429, "TooManyRequests", "slow down"),
        Fault::Delay(Duration::from_millis(300)),
    ] {
        let bed = Bed::new().await;
        for nth in [1, 4, 9] {
            bed.api.plant(When::Write(nth), fault.clone());
        }
        bed.deploy(COMPOSE).await.unwrap();
        assert_eq!(bed.disks().await.len(), 1);
    }
}

#[tokio::test]
async fn watches_that_are_cut_go_on() {
    let bed = Bed::new().await;
    bed.kubelet.set(crate::kubelet::Mode::Absent);
    let cut = async {
        while !bed.told.has("waiting for the Pod to be Ready") {
            tokio::task::yield_now().await;
        }
        for _ in 0..3 {
            bed.api.break_watches();
            bed.api.compact();
            tokio::task::yield_now().await;
        }
        bed.kubelet.set(crate::kubelet::Mode::Ready);
        let deployment = bed.api.object(&bed.deployment_path()).unwrap();
        if let Some((path, object)) = bed.kubelet.roll_out(&deployment) {
            bed.api.put(&path, object);
        }
    };
    let (deployed, ()) = tokio::join!(bed.deploy(COMPOSE), cut);
    deployed.unwrap();
}

#[tokio::test]
async fn of_two_deploys_at_once_one_goes_on_and_the_other_says_who() {
    let bed = Bed::new().await;
    bed.kubelet.set(crate::kubelet::Mode::Absent);
    let second = async {
        while bed.api.object(&bed.lease_path()).is_none() {
            tokio::task::yield_now().await;
        }
        let error = bed.deploy(&changed()).await.unwrap_err();
        bed.cancel.cancel();
        error
    };
    let (first, second) = tokio::join!(bed.deploy(COMPOSE), second);
    assert_eq!(second.code(), "kubernetes.conflict", "{second}");
    assert!(second.to_string().contains("another operation is under way, by tester"), "{second}");
    assert_eq!(first.unwrap_err().code(), "command.interrupted");
}

/// Clocks that disagree by an hour cost no Lease: the server's alone decides.
#[tokio::test]
async fn a_skewed_clock_neither_takes_nor_loses_the_lease() {
    let bed = Bed::new().await;
    bed.api.set_clock(Duration::from_secs(3600));
    bed.deploy(COMPOSE).await.unwrap();
    let server = jiff::Timestamp::now() + Duration::from_secs(3600);
    bed.api.put(&bed.lease_path(), lease(&format!("{server:.6}")));
    let error = bed.deploy(&changed()).await.unwrap_err();
    assert_eq!(error.code(), "kubernetes.conflict", "{error}");
    bed.api.set_clock(Duration::from_secs(3700));
    bed.deploy(&changed()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_silent_is_unavailable_in_time() {
    let mut bed = Bed::new().await;
    bed.limit = Duration::from_secs(1);
    bed.api.plant(When::After(3), Fault::Hang);
    let error = bed.deploy(COMPOSE).await.unwrap_err();
    assert_eq!(error.code(), "kubernetes.timeout", "{error}");
    bed.api.heal();
    bed.limit = LIMIT;
    bed.api.set_clock(Duration::from_secs(60));
    bed.deploy(COMPOSE).await.unwrap();
}

/// What the remedies of refusals say, done: the next deploy succeeds.
#[tokio::test]
async fn the_remedies_help() {
    type Remedy = (fn(&Bed), fn(&Bed), &'static str);
    let remedies: [Remedy; 2] = [
        (
            |bed| {
                let body: Value =
                    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": bed.namespace()}});
                bed.api.put(&bed.namespace_path(), body);
            },
            |bed| bed.api.remove(&bed.namespace_path()),
            "app.namespace.foreign",
        ),
        (
            |bed| {
                bed.memory.set_gaps(vec![kompox_model::port::DiskGap {
                    kind: kompox_model::port::GapKind::Unreachable,
                    message: "node n9".to_owned(),
                }]);
            },
            |bed| bed.memory.set_gaps(Vec::new()),
            "disk.unseen.unreachable",
        ),
    ];
    for (break_it, mend, code) in remedies {
        let bed = Bed::new().await;
        break_it(&bed);
        assert_eq!(bed.deploy(COMPOSE).await.unwrap_err().code(), code);
        mend(&bed);
        bed.deploy(COMPOSE).await.unwrap();
    }
    let bed = Bed::new().await;
    ["a", "b"].into_iter().for_each(|name| bed.insert_disk(name, false, |_| {}));
    assert_eq!(bed.deploy(COMPOSE).await.unwrap_err().code(), "app.disk.none-assigned");
    bed.assign("a").await.unwrap();
    bed.deploy(COMPOSE).await.unwrap();
    bed.insert_disk("c", true, |_| {});
    assert_eq!(bed.deploy(COMPOSE).await.unwrap_err().code(), "app.disk.several-assigned");
    bed.assign("a").await.unwrap();
    bed.deploy(COMPOSE).await.unwrap();
}
