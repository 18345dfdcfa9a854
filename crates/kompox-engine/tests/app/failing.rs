//! `app deploy` when the Pod does not come up, and when somebody or something stops it.

use crate::bed::{Bed, COMPOSE, changed};
use crate::kubelet::Mode;
use kompox_engine::Error;
use kompox_testkit::{Fault, When};
use serde_json::json;
use std::time::Duration;

/// The error of a deploy, which gives the Lease back all the same.
async fn failed(bed: &Bed, compose: &str) -> Error {
    let error = bed.deploy(compose).await.unwrap_err();
    assert!(bed.api.object(&bed.lease_path()).is_none(), "the Lease was given back");
    error
}

#[tokio::test]
async fn a_crashing_container_fails_with_its_last_words() {
    let bed = Bed::new().await;
    bed.kubelet.set(Mode::Crashing);
    // Once to learn the Pod's name.
    failed(&bed, COMPOSE).await;
    let pod = bed.kubelet.pod();
    bed.api.answer(http::Method::GET, &format!("{pod}/log"), 200, "one\nno database\n");
    bed.api.put(
        &bed.path("api/v1", "events/e1"),
        json!({"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "BackOff", "message": "restarting",
               "involvedObject": {"name": pod.rsplit('/').next().unwrap()}}),
    );
    bed.api.forget();
    let Error::Failed(report) = failed(&bed, COMPOSE).await else { panic!("not failed") };
    assert_eq!(report.headline, "container `web` ends with exit code 3 (Error), 5 times so far");
    assert_eq!(report.cause.map(|cause| cause.code), Some("app.pod.crashed"));
    assert_eq!(report.log, ["one", "no database"]);
    assert_eq!(report.events, ["BackOff: restarting"]);
    let annotations = &bed.api.object(&bed.namespace_path()).unwrap()["metadata"]["annotations"];
    assert_eq!(annotations["kompox.dev/disk-current-id"], "memory-1", "a disk that was used is remembered");
    assert_eq!(bed.writes(), Vec::<String>::new(), "nothing to change, and yet no success");
}

#[tokio::test]
async fn a_container_that_is_created_at_the_second_try_is_no_failure() {
    let bed = Bed::new().await;
    bed.kubelet.set(Mode::Uncreated);
    let second_try = async {
        while !bed.told.has("Kubernetes to try again: container `web` cannot be created: runc did not answer")
        {
            tokio::task::yield_now().await;
        }
        let mut pod = bed.api.object(&bed.kubelet.pod()).unwrap();
        for status in pod["status"]["containerStatuses"].as_array_mut().unwrap() {
            *status = json!({"name": status["name"], "ready": true, "started": true, "restartCount": 0,
                             "state": {"running": {}}});
        }
        pod["status"]["conditions"][0]["status"] = json!("True");
        bed.api.put(&bed.kubelet.pod(), pod);
    };
    let (deployed, ()) = tokio::join!(bed.deploy(COMPOSE), second_try);
    deployed.unwrap();
}

/// A busy node tells of a container's end only seconds after it, but ends its log at once.
#[tokio::test]
async fn a_container_whose_log_has_ended_is_not_up_though_it_is_called_ready() {
    let bed = Bed::new().await;
    bed.kubelet.set(Mode::Unproven);
    let logs = || bed.api.requests().iter().filter(|request| request.path.ends_with("/log")).count();
    let told_late = async {
        // As often as it is looked in more than the time that it takes to count as up.
        while logs() < 14 {
            tokio::task::yield_now().await;
        }
        let mut pod = bed.api.object(&bed.kubelet.pod()).unwrap();
        for status in pod["status"]["containerStatuses"].as_array_mut().unwrap() {
            *status = json!({"name": status["name"], "ready": false, "restartCount": 2,
                             "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                             "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}});
        }
        pod["status"]["conditions"][0]["status"] = json!("False");
        bed.api.put(&bed.kubelet.pod(), pod);
        std::future::pending::<()>().await;
    };
    let error = tokio::select! {
        deployed = bed.deploy(COMPOSE) => deployed.unwrap_err(),
        () = told_late => unreachable!(),
    };
    assert_eq!(error.code(), "app.pod.crashed", "{error}");
}

/// A busy node also takes long to open a log; until then nothing is known of its end.
#[tokio::test]
async fn a_container_whose_log_opens_late_is_not_up_before() {
    let bed = Bed::new().await;
    bed.kubelet.set(Mode::Unproven);
    let when = When::Every { method: http::Method::GET, path: "/log".to_owned() };
    bed.api.plant(when, Fault::Delay(Duration::from_secs(4)));
    let logs = || bed.api.requests().iter().filter(|request| request.path.ends_with("/log")).count();
    let asked_again = async {
        // As soon as it is open it has ended.
        while logs() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        deployed = bed.deploy(COMPOSE) => panic!("it is called up: {:?}", deployed.is_ok()),
        () = asked_again => {}
    }
}

#[tokio::test]
async fn a_log_that_never_opens_is_not_waited_for_for_ever() {
    let bed = Bed::new().await;
    bed.kubelet.set(Mode::Unproven);
    let when = When::Every { method: http::Method::GET, path: "/log".to_owned() };
    bed.api.plant(when, Fault::Hang);
    bed.deploy(COMPOSE).await.unwrap();
    assert!(bed.api.requests().iter().any(|request| request.path.ends_with("/log")));
}

#[tokio::test]
async fn a_container_whose_log_cannot_be_read_is_up_after_a_while() {
    let bed = Bed::new().await;
    bed.kubelet.set(Mode::Unproven);
    let when = When::Every { method: http::Method::GET, path: "/log".to_owned() };
    bed.api.plant(when, Fault::status(403, "Forbidden", "no"));
    bed.deploy(COMPOSE).await.unwrap();
}

/// A node that is very busy calls a container ready for seconds after its end, and does not even end its log.
#[tokio::test]
async fn a_container_that_has_ended_before_is_not_up_as_soon_as_another() {
    const LATE: Duration = Duration::from_secs(7);
    let bed = Bed::new().await;
    bed.kubelet.set(Mode::Unproven);
    let when = When::Every { method: http::Method::GET, path: "/log".to_owned() };
    bed.api.plant(when, Fault::status(403, "Forbidden", "no"));
    let set = |status: serde_json::Value, ready: &str| {
        let mut pod = bed.api.object(&bed.kubelet.pod()).unwrap();
        let name = pod["status"]["containerStatuses"][0]["name"].clone();
        pod["status"]["containerStatuses"][0] = status;
        pod["status"]["containerStatuses"][0]["name"] = name;
        pod["status"]["conditions"][0]["status"] = json!(ready);
        bed.api.put(&bed.kubelet.pod(), pod);
    };
    let ended = json!({"terminated": {"exitCode": 3, "reason": "Error"}});
    let crashes = async {
        while !bed.api.requests().iter().any(|request| request.path.ends_with("/log")) {
            tokio::task::yield_now().await;
        }
        let running = json!({"ready": true, "restartCount": 1, "state": {"running": {}}, "lastState": ended});
        set(running, "True");
        // The lateness of the node is the fault itself; there is nothing to await.
        tokio::time::sleep(LATE).await;
        let crashed = json!({"ready": false, "restartCount": 2, "lastState": ended,
                             "state": {"waiting": {"reason": "CrashLoopBackOff"}}});
        set(crashed, "False");
    };
    let (deployed, ()) = tokio::join!(bed.deploy(COMPOSE), crashes);
    assert_eq!(deployed.unwrap_err().code(), "app.pod.crashed");
}

#[tokio::test]
async fn a_pod_that_may_not_be_made_is_no_endless_wait() {
    let bed = Bed::new().await;
    bed.kubelet.set(Mode::Forbidden);
    let error = failed(&bed, COMPOSE).await;
    assert!(matches!(error, Error::Failed(_)), "{error}");
    assert_eq!(error.to_string(), "the Pod cannot be made: pods \"app-1\" is forbidden: no");
    assert_eq!(error.code(), "app.pod.not-made");
}

/// Kubernetes' own controllers take a while to see that a former ReplicaSet shall make no Pod any more.
#[tokio::test]
async fn a_pod_of_before_that_could_not_be_made_is_not_the_pod() {
    const LATE: Duration = Duration::from_secs(5);
    let mut bed = Bed::new().await;
    bed.kubelet.set(Mode::Forbidden);
    failed(&bed, COMPOSE).await;
    bed.kubelet.set(Mode::Absent);
    bed.limit = bed.in_vain() + LATE;
    let error = failed(&bed, &changed()).await;
    assert_eq!(error.code(), "app.pod.not-ready", "{error}");
}

#[tokio::test]
async fn an_evicted_pod_from_before_is_not_the_pod() {
    let bed = Bed::deployed().await;
    let mut evicted = bed.api.object(&bed.kubelet.pod()).unwrap();
    evicted["metadata"]["name"] = json!("app-0");
    evicted["status"] = json!({"phase": "Failed", "reason": "Evicted"});
    bed.api.put(&bed.path("api/v1", "pods/app-0"), evicted);
    bed.deploy(COMPOSE).await.unwrap();
}

#[tokio::test]
async fn a_healthcheck_has_the_time_compose_gives_it() {
    for mode in [Mode::Unhealthy, Mode::Relapsed] {
        let bed = Bed::new().await;
        bed.kubelet.set(mode);
        let check =
            "    healthcheck: {test: [CMD, check], interval: 1s, timeout: 1s, retries: 1}\n    volumes";
        let error = failed(&bed, &COMPOSE.replacen("    volumes", check, 1)).await;
        assert!(matches!(error, Error::NotReady(_)), "{error}");
        assert_eq!(error.code(), "app.pod.unhealthy");
        assert_eq!(
            error.to_string(),
            "container `web` did not become healthy in the time its healthcheck allows"
        );
    }
}

/// A bed with the app applied and no Pod.
async fn without_pod() -> Bed {
    let mut bed = Bed::new().await;
    bed.kubelet.set(Mode::Absent);
    bed.deploy_with(COMPOSE, |options| options.no_wait = true).await.unwrap();
    bed.limit = bed.in_vain();
    bed
}

#[tokio::test]
async fn the_time_limit_ends_the_wait() {
    let bed = without_pod().await;
    let error = failed(&bed, COMPOSE).await;
    assert!(matches!(error, Error::NotReady(_)), "{error}");
    assert_eq!(error.code(), "app.pod.not-ready");
    assert!(
        error.to_string().starts_with("the Pod was not Ready in time; still waiting for the former"),
        "{error}"
    );
}

#[tokio::test]
async fn a_request_that_fails_for_a_moment_does_not_end_the_wait() {
    let mut bed = without_pod().await;
    // Asked for after one and after two seconds.
    bed.limit += Duration::from_secs(2);
    let when = When::Every { method: http::Method::GET, path: "/replicasets".to_owned() };
    bed.api.plant(when, Fault::status(503, "ServiceUnavailable", "not now"));
    let error = failed(&bed, COMPOSE).await;
    assert!(matches!(error, Error::NotReady(_)), "{error}");
    let asked = bed.api.requests().iter().filter(|request| request.path.ends_with("/replicasets")).count();
    assert!(asked > 1, "it was asked for, in vain");
}

#[tokio::test]
async fn an_interruption_says_what_was_done() {
    let bed = Bed::new().await;
    bed.kubelet.set(Mode::Absent);
    let stop = async {
        while !bed.told.has("waiting for the Pod to be Ready") {
            tokio::task::yield_now().await;
        }
        bed.cancel.cancel();
    };
    let (error, ()) = tokio::join!(failed(&bed, COMPOSE), stop);
    let said = "interrupted; the app was applied and starts by itself; `app status` shows it";
    assert_eq!(error.to_string(), said);
}

#[tokio::test]
async fn an_interruption_before_anything_was_written_says_so() {
    let bed = Bed::new().await;
    bed.cancel.cancel();
    for error in [bed.deploy(&changed()).await.unwrap_err(), bed.destroy(false).await.unwrap_err()] {
        assert_eq!(error.to_string(), "interrupted; nothing was changed");
    }
    assert_eq!(bed.writes(), Vec::<String>::new());
}
