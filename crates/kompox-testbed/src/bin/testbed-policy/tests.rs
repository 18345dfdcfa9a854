//! Rules against `tests/policy`: objects in NAME.json, the table in NAME.nft. `KOMPOX_BLESS=1` writes what is made now.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;

use serde_json::{Value, json};

use crate::api::Api;
use crate::follow::{Change, Message};
use crate::world::World;

fn all<T: serde::de::DeserializeOwned>(objects: &Value) -> Change<T> {
    Change::All(serde_json::from_value(objects.clone()).unwrap())
}

fn world(objects: &Value) -> World {
    let mut world = World::default();
    world.take(Message::Policies(all(&objects["policies"]))).unwrap();
    world.take(Message::Pods(all(&objects["pods"]))).unwrap();
    assert!(world.rules().is_none(), "Namespaces are not known yet");
    world.take(Message::Namespaces(all(&objects["namespaces"]))).unwrap();
    world
}

#[test]
fn rules_are_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    names.sort();
    assert!(!names.is_empty());
    for path in names {
        let objects = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let rules = world(&objects).rules().unwrap();
        let expected = path.with_extension("nft");
        if std::env::var_os("KOMPOX_BLESS").is_some() {
            std::fs::write(&expected, &rules).unwrap();
        }
        assert_eq!(rules, std::fs::read_to_string(&expected).unwrap_or_default(), "{}", expected.display());
    }
}

#[test]
fn changes_are_followed_and_a_lost_server_is_an_end() {
    let pod = |address: &str| json!({"metadata": {"name": "p", "namespace": "n"}, "spec": {}, "status": {"podIPs": [{"ip": address}]}});
    let policy = json!({"metadata": {"name": "deny", "namespace": "n"}, "spec": {"podSelector": {}}});
    let mut world = world(&json!({"policies": [policy], "pods": [pod("10.0.0.2")], "namespaces": []}));
    let rules = |world: &World| world.rules().unwrap();
    assert!(rules(&world).contains("10.0.0.2 : jump ingress_10_0_0_2"));
    let moved = serde_json::from_value(pod("10.0.0.3")).unwrap();
    world.take(Message::Pods(Change::Set(moved))).unwrap();
    assert!(rules(&world).contains("10.0.0.3") && !rules(&world).contains("10.0.0.2"));
    let gone = serde_json::from_value(policy).unwrap();
    world.take(Message::Policies(Change::Gone(gone))).unwrap();
    assert!(!rules(&world).contains("10.0.0.3"));
    assert_eq!(world.take(Message::Lost("away".to_owned())), Err("away".to_owned()));
}

/// Answers one request on a socket and returns its first line.
fn answer(
    answers: &'static [&'static str],
) -> (tempfile::TempDir, Api, std::thread::JoinHandle<Vec<String>>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let server = std::thread::spawn(move || {
        let serve = |answer: &&str| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            lines.find(|line| line.as_ref().unwrap().is_empty());
            stream.write_all(answer.as_bytes()).unwrap();
            request
        };
        answers.iter().map(serve).collect()
    });
    let api = Api::new(socket.to_str().unwrap());
    (folder, api, server)
}

#[test]
fn lists_watches_and_refusals_are_read() {
    let (_folder, api, server) = answer(&[
        "HTTP/1.0 200 OK\r\nA: b\r\n\r\n{\"metadata\": {\"resourceVersion\": \"7\"}, \"items\": [{}, {}]}",
        "HTTP/1.0 200 OK\r\n\r\n{\"type\": \"ADDED\"}\n{\"type\": \"DELETED\"}\n",
        "HTTP/1.0 503 Service Unavailable\r\n\r\nlater\n",
    ]);
    let (items, version) = api.list("/pods").unwrap();
    assert_eq!((items.len(), version.as_str()), (2, "7"));
    let events: Vec<Value> = api.watch("/pods", &version).unwrap().map(Result::unwrap).collect();
    assert_eq!(events.len(), 2);
    let refused = api.list("/pods").unwrap_err().to_string();
    assert_eq!(refused, "/pods: HTTP/1.0 503 Service Unavailable: later");
    let requests = server.join().unwrap();
    assert_eq!(requests[1], "GET /pods?watch=1&timeoutSeconds=300&resourceVersion=7 HTTP/1.0");
}
