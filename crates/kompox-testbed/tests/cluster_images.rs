//! The server images on a real cluster: they start, serve, and keep their data over a restart.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kompox_testbed::{Cluster, Image, Kubectl, Testbed, UpOptions};

const CLUSTER: &str = "h";
const NAMESPACE: &str = "--namespace=images";

fn bed() -> Cluster {
    let testbed = Testbed::of_this_checkout().unwrap();
    let cluster = testbed.up(CLUSTER, &UpOptions::default()).unwrap();
    let images = [Image::Nginx, Image::Postgres, Image::Redmine];
    cluster.load(&testbed.ensure_images(&images).unwrap()).unwrap();
    cluster
}

/// Applies the Pods with their data below `folder` and waits until all are ready.
fn start(kubectl: &Kubectl, folder: &str) {
    let manifest = include_str!("images.yaml").replace("@FOLDER@", folder);
    let (namespace, pods) = manifest.split_once("---\n").unwrap();
    kubectl.apply(namespace).unwrap();
    // Made by a controller, and no Pod is admitted without it.
    kubectl.run(&[NAMESPACE, "wait", "serviceaccount/default", "--for=create", "--timeout=60s"]).unwrap();
    kubectl.apply(pods).unwrap();
    kubectl.run(&[NAMESPACE, "wait", "pod", "--all", "--for=condition=Ready", "--timeout=180s"]).unwrap();
}

fn get(kubectl: &Kubectl, pod: &str, port: u16, path: &str) -> String {
    let output = "jsonpath={.status.podIP}";
    let address = kubectl.run(&[NAMESPACE, "get", "pod", pod, "--output", output]).unwrap();
    let mut stream = TcpStream::connect((address.as_str(), port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {pod}\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn found(answer: &str) -> bool {
    answer.split(' ').nth(1) == Some("200")
}

fn sql(kubectl: &Kubectl, statement: &str) -> String {
    let psql = ["exec", "postgres", "--", "psql", "-U", "redmine", "-Atc", statement, "redmine"];
    kubectl.run(&[&[NAMESPACE], &psql[..]].concat()).unwrap()
}

#[test]
fn servers_serve_and_keep_their_data() {
    if std::env::var_os("KOMPOX_TESTS_NO_CLUSTER").is_some_and(|value| value == "1") {
        eprintln!("SKIPPED servers_serve_and_keep_their_data: KOMPOX_TESTS_NO_CLUSTER is set");
        return;
    }
    let cluster = bed();
    let kubectl = cluster.kubectl().unwrap();
    kubectl.run(&["delete", "namespace", "images", "--ignore-not-found", "--timeout=120s"]).unwrap();
    let folder = cluster.disk_store().join("test-images");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    let folder = folder.display().to_string();
    start(&kubectl, &folder);

    assert!(get(&kubectl, "nginx", 80, "/").contains("nginx of the Kompox test bed"));
    let page = get(&kubectl, "redmine", 3000, "/");
    assert!(found(&page) && page.contains("<title>Redmine</title>"), "{page}");
    // Default data are loaded, scripts and style sheets are served.
    assert_eq!(sql(&kubectl, "select count(*) from trackers"), "3\n");
    assert!(found(&get(&kubectl, "redmine", 3000, "/javascripts/jquery.min.js")));
    // The server runs as its own user, and a wrong password is refused.
    let owner = std::fs::metadata(format!("{folder}/postgres")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&owner), 999);
    let wrong =
        ["exec", "postgres", "--", "env", "PGPASSWORD=wrong", "psql", "-h", "postgres", "-U", "redmine"];
    assert!(!kubectl.output(&[&[NAMESPACE], &wrong[..], &["-c", ""]].concat()).unwrap().status.success());

    sql(&kubectl, "create table kept (n int); insert into kept values (7)");
    let touch = ["exec", "redmine", "--", "sh", "-c", "echo attachment >files/kept"];
    kubectl.run(&[&[NAMESPACE], &touch[..]].concat()).unwrap();
    kubectl.run(&[NAMESPACE, "delete", "pod", "--all"]).unwrap();
    start(&kubectl, &folder);
    assert_eq!(sql(&kubectl, "select n from kept"), "7\n");
    let cat = ["exec", "redmine", "--", "cat", "files/kept"];
    assert_eq!(kubectl.run(&[&[NAMESPACE], &cat[..]].concat()).unwrap(), "attachment\n");
    assert!(found(&get(&kubectl, "redmine", 3000, "/projects")));
    kubectl.run(&["delete", "namespace", "images"]).unwrap();
}
