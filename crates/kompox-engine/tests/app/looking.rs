//! What only looks: `app diff`, `app list`.

use crate::bed::{Bed, COMPOSE, LIMIT, changed};
use kompox_engine::app::{self, Action, State};
use kompox_testkit::{Fault, When};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_diff_shows_what_a_deploy_would_change_and_no_secret() {
    let bed = Bed::deployed().await;
    let scope = bed.scope(&bed.client);
    let none = app::diff(&scope, &bed.load(COMPOSE), &Default::default()).await.unwrap();
    assert!(none.objects.is_empty() && none.disks.is_empty());
    let found = app::diff(&scope, &bed.load(&changed()), &Default::default()).await.unwrap();
    let kinds: Vec<_> = found.objects.iter().map(|o| (o.reference.gvk.kind.as_str(), &o.action)).collect();
    assert!(
        matches!(
            kinds.as_slice(),
            [("Secret", Action::Create), ("Deployment", Action::Update { .. }), ("Secret", Action::Delete)]
        ),
        "{kinds:?}"
    );
    let secret = &found.objects[0];
    assert!(secret.before.is_none());
    let shown = secret.after.as_ref().unwrap()["data"]["COLOUR"].as_str().unwrap();
    assert!(shown.starts_with("sha256:"), "{shown}");
    let deployment = &found.objects[1];
    let (before, after) = (deployment.before.as_ref().unwrap(), deployment.after.as_ref().unwrap());
    assert_ne!(before, after);
    for body in [before, after] {
        assert!(body.get("status").is_none() && body["metadata"].get("uid").is_none(), "{body}");
    }
    assert_eq!(bed.writes(), Vec::<String>::new());
    let all = format!("{found:?}");
    assert!(!all.contains("Ymx1ZQ"), "blue, as Secrets hold it");

    let fresh = Bed::new().await;
    let found =
        app::diff(&fresh.scope(&fresh.client), &fresh.load(COMPOSE), &Default::default()).await.unwrap();
    assert!(found.objects.len() > 8 && found.disks.len() == 1);
    assert!(found.objects.iter().all(|object| object.before.is_none() && object.after.is_some()));
}

#[tokio::test]
async fn a_list_has_every_app_in_four_requests() {
    let bed = Bed::deployed().await;
    let copy = |name: &str| {
        let identity = format!("ops/mem/{name}");
        let mut namespace = bed.api.object(&bed.namespace_path()).unwrap();
        namespace["metadata"]["name"] = json!(format!("k4x-{name}"));
        namespace["metadata"]["annotations"]["kompox.dev/identity"] = json!(identity);
        bed.api.put(&format!("/api/v1/namespaces/k4x-{name}"), namespace);
    };
    for number in 0..100 {
        copy(&format!("other{number:02}"));
    }
    let configured = [bed.identity(), "ops/mem/zz-absent".parse().unwrap()];
    let scope = bed.cluster_scope();
    bed.api.forget();
    let apps = app::list(&scope, &configured).await.unwrap();
    assert_eq!((apps.len(), bed.api.requests().len()), (102, 4));
    let of = |name: &str| apps.iter().find(|line| line.app.ends_with(name)).unwrap();
    let shop = of("/shop");
    assert_eq!((shop.state, shop.ready, shop.containers, shop.configured), (State::Ready, 1, 1, true));
    assert_eq!(shop.hosts, ["shop.c1.example.org"]);
    assert_eq!((of("other07").state, of("other07").configured), (State::Stopped, false));
    assert_eq!((of("zz-absent").state, of("zz-absent").namespace.as_ref()), (State::Absent, None));
    app::stop(&bed.scope(&bed.client), "tester").await.unwrap();
    let apps = app::list(&scope, &configured).await.unwrap();
    assert_eq!(apps.iter().find(|line| line.app.ends_with("/shop")).unwrap().state, State::Stopped);
}

#[tokio::test]
async fn a_status_tells_what_others_set_and_where_hosts_lead() {
    let bed = Bed::deployed().await;
    bed.tamper("/api/v1/namespaces/traefik/services/traefik", |service| {
        service["status"] = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}});
    });
    bed.tamper(&bed.deployment_path(), |deployment| {
        deployment["metadata"]["managedFields"] =
            json!([{"manager": "kubectl-edit", "fieldsV1": {"f:spec": {"f:paused": {}}}}]);
    });
    let status = app::status(&bed.scope(&bed.client)).await.unwrap();
    assert_eq!((status.state, status.ingress_ip.as_deref()), (State::Ready, Some("192.0.2.1")));
    assert_eq!(status.foreign_fields[0].fields, ["spec.paused"]);
    assert_eq!(status.hosts, ["shop.c1.example.org"]);
    assert!(status.custom_hosts.is_empty() && !status.disks.is_empty());
    app::stop(&bed.scope(&bed.client), "tester").await.unwrap();
    let status = app::status(&bed.scope(&bed.client)).await.unwrap();
    assert_eq!(status.state, State::Stopped);
    assert!(status.reason.unwrap().contains("app start"));
}

/// A Pod waited for its claim, then came up.
#[tokio::test]
async fn a_status_tells_no_events_that_a_ready_pod_has_left_behind() {
    let bed = Bed::deployed().await;
    bed.tamper(&bed.kubelet.pod(), |pod| {
        pod["status"]["conditions"] = json!([
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:05Z"},
        ]);
    });
    let pod = bed.kubelet.pod().rsplit('/').next().unwrap().to_owned();
    for (name, reason, time) in [
        ("a", "FailedScheduling", "2026-01-01T00:00:01Z"),
        ("b", "Unhealthy", "2026-01-01T00:00:04Z"),
        ("c", "Unhealthy", "2026-01-01T00:00:09Z"),
    ] {
        let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": bed.namespace()},
            "involvedObject": {"name": pod}, "type": "Warning", "reason": reason, "message": name, "lastTimestamp": time});
        bed.api.put(&bed.path("api/v1", &format!("events/{name}")), event);
    }
    let events = app::status(&bed.scope(&bed.client)).await.unwrap().events;
    assert_eq!(events, ["Unhealthy: c"]);
}

/// Each change is shown once, also after the watches were cut; Ctrl-C ends it well.
#[tokio::test]
async fn a_watched_status_shows_each_change_and_outlives_cut_watches() {
    let bed = Bed::deployed().await;
    let mut seen = Vec::new();
    let scope = bed.scope(&bed.client);
    let watched = app::watch(&scope, LIMIT, async |status: app::AppStatus| {
        seen.push(status.state);
        match seen.len() {
            1 => {
                bed.api.break_watches();
                bed.tamper(&bed.kubelet.pod(), |pod| {
                    pod["status"]["conditions"][0]["status"] = json!("False");
                });
            }
            2 => bed.tamper(&bed.kubelet.pod(), |pod| {
                pod["status"]["conditions"][0]["status"] = json!("True");
            }),
            _ => bed.cancel.cancel(),
        }
        Ok::<_, kompox_engine::Error>(())
    });
    watched.await.unwrap();
    assert_eq!(seen, [State::Ready, State::Starting, State::Ready]);
}

#[tokio::test]
async fn a_watched_status_is_looked_at_again_and_a_server_that_is_away_is_told_once() {
    let bed = Bed::deployed().await;
    let mut looks = 0;
    let scope = bed.scope(&bed.client);
    let watched = app::watch(&scope, Duration::from_millis(50), async |status: app::AppStatus| {
        assert_eq!(status.state, State::Ready);
        looks += 1;
        match looks {
            1 => {}
            2 => bed.api.plant(When::After(0), Fault::BreakBefore),
            _ => bed.cancel.cancel(),
        }
        Ok::<_, kompox_engine::Error>(())
    });
    let back = async {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        let mut asked = None;
        // Several looks fail, since more is asked after the first.
        while asked.is_none_or(|asked| bed.api.requests().len() < asked + 20) {
            tick.tick().await;
            if asked.is_none() && bed.told.has("the app cannot be looked at now") {
                asked = Some(bed.api.requests().len());
            }
        }
        bed.api.heal();
    };
    let (watched, ()) = tokio::join!(watched, back);
    watched.unwrap();
    assert_eq!(bed.told.count("the app cannot be looked at now"), 1);
    assert_eq!(bed.told.count("the app can be looked at again"), 1);
}
