//! `app logs`, `app shell` and `app tunnel` where servers fail them.

use crate::bed::Bed;
use futures::io::Cursor;
use kompox_engine::Error;
use kompox_engine::app::{self, LogOptions, WantedPort};
use kompox_testkit::{Fault, When};
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

/// Lines a tenth of a second apart, every third one twice, and all that is expected of them.
fn log() -> (String, String) {
    let (mut raw, mut expected) = (String::new(), String::new());
    for number in 0..60 {
        for _ in 0..if number % 3 == 0 { 2 } else { 1 } {
            writeln!(raw, "2026-01-01T00:00:{:02}.{}00000000Z line {number}", number / 10, number % 10)
                .unwrap();
            writeln!(expected, "line {number}").unwrap();
        }
    }
    (raw, expected)
}

async fn read(bed: &Bed, options: &LogOptions) -> (Result<(), Error>, String) {
    let mut out = Cursor::new(Vec::new());
    let result = app::logs(&bed.scope(&bed.client), options, &mut out).await;
    (result, String::from_utf8(out.into_inner()).unwrap())
}

async fn logging() -> (Bed, String, String) {
    let bed = Bed::deployed().await;
    let mut pod = bed.api.object(&bed.kubelet.pod()).unwrap();
    pod["spec"]["containers"][0]["name"] = json!("web");
    pod["status"]["containerStatuses"] =
        json!([{"name": "web", "state": {"running": {}}, "restartCount": 0}]);
    bed.api.put(&bed.kubelet.pod(), pod);
    let (raw, expected) = log();
    let path = format!("{}/log", bed.kubelet.pod());
    bed.api.answer(http::Method::GET, &path, 200, &raw);
    (bed, path, expected)
}

fn cut(bed: &Bed, path: &str, bytes: usize) {
    let when = When::Request { method: http::Method::GET, path: path.to_owned(), nth: 1 };
    bed.api.plant(when, Fault::BreakWithin(bytes));
}

#[tokio::test]
async fn a_log_that_is_cut_loses_and_doubles_no_line() {
    let (bed, path, expected) = logging().await;
    let (result, whole) = read(&bed, &LogOptions::default()).await;
    result.unwrap();
    assert_eq!(whole, expected);
    // Within a time, within a text, between two equal lines, and again within what is repeated.
    for cuts in [&[7][..], &[1000], &[1024, 1024], &[390, 300, 300, 390, 800], &[0, 0, 0]] {
        bed.api.forget();
        for bytes in cuts {
            cut(&bed, &path, *bytes);
        }
        let (result, text) = read(&bed, &LogOptions::default()).await;
        result.unwrap();
        assert_eq!(text, expected, "cuts after {cuts:?} bytes");
        let asked = bed.api.requests().iter().filter(|request| request.path == path).count();
        assert_eq!(asked, cuts.len() + 1);
    }
}

#[tokio::test]
async fn a_log_that_is_always_cut_is_given_up_with_what_was_read() {
    let (bed, path, expected) = logging().await;
    let every = When::Every { method: http::Method::GET, path };
    bed.api.plant(every, Fault::BreakWithin(100));
    let (result, text) = read(&bed, &LogOptions::default()).await;
    let error = result.unwrap_err();
    assert_eq!(error.code(), "kubernetes.unavailable", "{error}");
    assert!(!text.is_empty() && expected.starts_with(&text), "{text}");
}

#[tokio::test]
async fn a_followed_log_is_read_on_after_cuts_until_the_user_has_enough() {
    let (bed, path, expected) = logging().await;
    cut(&bed, &path, 500);
    cut(&bed, &path, 700);
    let mut out = Cursor::new(Vec::new());
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let scope = bed.scope(&bed.client);
    let enough = async {
        while bed.api.requests().iter().filter(|request| request.path == path).count() < 5 {
            tokio::task::yield_now().await;
        }
        bed.cancel.cancel();
    };
    let (result, ()) = futures::join!(app::logs(&scope, &options, &mut out), enough);
    assert!(matches!(result, Err(Error::Interrupted { .. })));
    assert_eq!(String::from_utf8(out.into_inner()).unwrap(), expected);
}

#[tokio::test]
async fn an_unnamed_port_must_be_the_only_one() {
    let (bed, ..) = logging().await;
    let code = async |service: &str| {
        let wanted = WantedPort { service: Some(service.to_owned()), port: None };
        app::tunnel_ports(&bed.scope(&bed.client), &[wanted]).await.map_err(|error| error.code().into_owned())
    };
    let ports = |ports: serde_json::Value| {
        let mut pod = bed.api.object(&bed.kubelet.pod()).unwrap();
        pod["spec"]["containers"][0]["ports"] = ports;
        bed.api.put(&bed.kubelet.pod(), pod);
    };
    ports(json!([]));
    assert_eq!(code("web").await, Err("app.port.none".to_owned()));
    ports(json!([{"containerPort": 80}]));
    assert_eq!(code("web").await, Ok(vec![80]));
    ports(json!([{"containerPort": 80}, {"containerPort": 443}]));
    assert_eq!(code("web").await, Err("app.port.ambiguous".to_owned()));
    assert_eq!(code("nobody").await, Err("app.service.unknown".to_owned()));
}

#[tokio::test]
async fn a_tunnel_without_a_pod_gives_up() {
    let bed = Bed::deployed().await;
    let scope = bed.scope(&bed.client);
    // Nobody keeps it, so it knows of no Pod.
    let Err(error) = app::Tunnel::new(&scope, Duration::ZERO).open(80).await else { panic!("it is open") };
    assert_eq!(error.code(), "app.pod.not-running");
}
