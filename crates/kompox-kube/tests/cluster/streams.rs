//! Logs, port forwarding and watches.

use crate::bed::{Bed, is_ready};
use futures::future::join;
use futures::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use futures::{AsyncRead, StreamExt as _};
use kompox_model::Gvk;
use kompox_model::port::{
    Call, Cancel, Cluster as _, Duplex, ErrorKind, ForwardRequest, LogRequest, PortError, Query,
};
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

fn log(bed: &Bed, pod: &str) -> LogRequest {
    LogRequest { namespace: bed.namespace.clone(), pod: pod.into(), ..LogRequest::default() }
}

async fn text(mut log: Box<dyn AsyncRead + Send + Unpin>) -> String {
    let mut text = String::new();
    log.read_to_string(&mut text).await.unwrap();
    text
}

/// The port's error inside an error of a stream.
fn port_error(error: &io::Error) -> &PortError {
    error.get_ref().and_then(|inner| inner.downcast_ref()).expect("a port error inside")
}

#[tokio::test]
async fn logs_are_followed_to_the_end() {
    let bed = Bed::new("logs").await;
    let script = "for i in 1 2 3 4 5; do echo line $i; sleep 0.3; done; echo last";
    bed.pod("talker", script, |pod| pod["status"]["phase"] == "Running").await;
    let request = LogRequest { follow: true, ..log(&bed, "talker") };
    let followed = bed.client.logs(&bed.call(), &request).await.unwrap();
    let lines: Vec<String> = BufReader::new(followed).lines().map(Result::unwrap).collect().await;
    assert_eq!(lines, ["line 1", "line 2", "line 3", "line 4", "line 5", "last"]);

    let request = LogRequest { tail: Some(2), timestamps: true, ..log(&bed, "talker") };
    let tail = text(bed.client.logs(&bed.call(), &request).await.unwrap()).await;
    let ends: Vec<&str> = tail.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(ends, ["line 5", "last"]);
    bed.done().await;
}

#[tokio::test]
async fn logs_that_do_not_exist_say_why() {
    let bed = Bed::new("logs-errors").await;
    let created = bed.object(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stuck"},
        "spec": {"containers": [{"name": "c", "image": "localhost/no-such-image:1", "imagePullPolicy": "Never"}]},
    }));
    bed.client.create(&bed.call(), &created).await.unwrap();
    let query = Query::new(Gvk::core("Pod"), Some(&bed.namespace));
    let call = bed.call();
    let mut snapshots = bed.client.watch(&call, &query);
    let waits = |pods: &[Value]| {
        pods.iter().any(|pod| pod.pointer("/status/containerStatuses/0/state/waiting").is_some())
    };
    while !waits(&snapshots.next().await.unwrap().unwrap()) {}

    let other = LogRequest { container: Some("other".into()), ..log(&bed, "stuck") };
    for (request, kind) in [
        (log(&bed, "stuck"), ErrorKind::Conflict),
        (other, ErrorKind::NotFound),
        (log(&bed, "nobody"), ErrorKind::NotFound),
    ] {
        let error = bed.client.logs(&bed.call(), &request).await.err().unwrap();
        assert_eq!(error.kind, kind, "{error}");
    }
    bed.done().await;
}

#[tokio::test]
async fn cancel_ends_a_log_that_is_followed() {
    let bed = Bed::new("logs-cancel").await;
    bed.pod("talker", "echo first; sleep 100000", |pod| pod["status"]["phase"] == "Running").await;
    let cancel = Cancel::new();
    let request = LogRequest { follow: true, ..log(&bed, "talker") };
    let followed = bed.client.logs(&Call::new(&cancel), &request).await.unwrap();
    let mut lines = BufReader::new(followed).lines();
    assert_eq!(lines.next().await.unwrap().unwrap(), "first");
    cancel.cancel();
    let error = lines.next().await.unwrap().unwrap_err();
    assert_eq!(port_error(&error).kind, ErrorKind::Cancelled);
    bed.done().await;
}

async fn echoes(mut connection: Box<dyn Duplex>) -> bool {
    let mut back = [0];
    connection.write_all(b"x").await.is_ok()
        && connection.flush().await.is_ok()
        && connection.read_exact(&mut back).await.is_ok()
}

#[tokio::test]
async fn a_port_is_forwarded_both_ways() {
    let bed = Bed::new("forward").await;
    bed.pod("echo", "exec nc -ll -p 7000 -e cat", is_ready).await;
    let request = ForwardRequest { namespace: bed.namespace.clone(), pod: "echo".into(), port: 7000 };
    // A Pod without a probe is Ready before its program listens. The call's deadline ends the wait.
    let call = bed.call();
    while !echoes(bed.client.forward(&call, &request).await.unwrap()).await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let connection = bed.client.forward(&bed.call(), &request).await.unwrap();
    let sent: Vec<u8> = (0..5_000_000_u32).map(|number| (number % 251) as u8).collect();
    let mut received = vec![0; sent.len()];
    let (mut reader, mut writer) = connection.split();
    let writing = async {
        writer.write_all(&sent).await.unwrap();
        writer.flush().await.unwrap();
    };
    let ((), read) = join(writing, reader.read_exact(&mut received)).await;
    read.unwrap();
    assert!(received == sent, "what came back is not what was sent");
    writer.close().await.unwrap();

    let deaf = ForwardRequest { port: 7001, ..request.clone() };
    let mut connection = bed.client.forward(&bed.call(), &deaf).await.unwrap();
    let error = connection.read(&mut [0]).await.unwrap_err();
    let error = port_error(&error);
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.to_string().contains("refused"), "{error}");

    let nobody = ForwardRequest { pod: "nobody".into(), ..request };
    assert_eq!(bed.client.forward(&bed.call(), &nobody).await.err().unwrap().kind, ErrorKind::NotFound);
    bed.done().await;
}

#[tokio::test]
async fn a_pod_is_watched_from_its_start_to_its_end() {
    let bed = Bed::new("watch").await;
    let call = bed.call();
    let query = Query::new(Gvk::core("Pod"), Some(&bed.namespace));
    let mut snapshots = bed.client.watch(&call, &query);
    assert!(snapshots.next().await.unwrap().unwrap().is_empty());
    bed.pod("short", "exit 4", |pod| pod["status"]["phase"] == "Failed").await;
    let mut phases: Vec<String> = Vec::new();
    loop {
        let pods = snapshots.next().await.unwrap().unwrap();
        let Some(pod) = pods.first() else { continue };
        assert_eq!((&pod["kind"], &pod["apiVersion"]), (&json!("Pod"), &json!("v1")));
        phases.push(pod["status"]["phase"].as_str().unwrap_or_default().to_owned());
        if pod.pointer("/status/containerStatuses/0/state/terminated/exitCode") == Some(&json!(4)) {
            break;
        }
    }
    assert_eq!(phases.first().map(String::as_str), Some("Pending"));
    let reference = bed.reference(Gvk::core("Pod"), "short");
    assert!(bed.client.delete(&bed.call(), &reference, None).await.unwrap());
    while !snapshots.next().await.unwrap().unwrap().is_empty() {}
    bed.done().await;
}
