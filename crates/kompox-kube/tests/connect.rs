//! Connecting: kubeconfigs good and bad, without a server or with a scripted one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

use http::header::AUTHORIZATION;
use kompox_kube::{Client, Options};
use kompox_model::port::{Call, Cancel, Cluster as _, ErrorKind, PortError, Query};
use kompox_model::{Gvk, ObjectRef};
use kompox_testkit::ScriptedApi;
use secrecy::{ExposeSecret as _, SecretSlice};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

async fn from_text(text: &str, options: Options) -> Result<Client, PortError> {
    Client::from_kubeconfig(&SecretSlice::from(text.as_bytes().to_vec()), options).await
}

/// A kubeconfig with a canary as credential.
const TWO_CONTEXTS: &str = "
apiVersion: v1
kind: Config
current-context: one
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {token: canary}}]
contexts: [{name: one, context: {cluster: c, user: u}}, {name: two, context: {cluster: c, user: u}}]
";

#[tokio::test]
async fn bad_kubeconfigs_are_invalid() {
    for (text, detail) in [
        ("", "it has no contexts"),
        ("just text", "it is no kubeconfig"),
        ("a: [", "it is no kubeconfig (line"),
        ("apiVersion: v1\nkind: Config\n", "it has no contexts"),
        ("contexts: {token: canary}\n", "it is no kubeconfig"),
        (&TWO_CONTEXTS.replace("current-context: one", "current-context: ''"), "it has no current context"),
        (&TWO_CONTEXTS.replace("cluster: c, user", "cluster: x, user"), "cluster of context: x"),
        (&TWO_CONTEXTS.replace("https://127.0.0.1:1", "::"), "cluster url"),
    ] {
        let error = from_text(text, Options::default()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{text}");
        assert!(error.to_string().contains(detail), "{error} for {text}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
    let error = Client::from_kubeconfig(&SecretSlice::from(vec![0xff, 0xfe]), Options::default()).await;
    assert_eq!(error.unwrap_err().kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn an_unknown_context_names_the_known_ones() {
    let options = Options { context: Some("three".into()), ..Options::default() };
    let error = from_text(TWO_CONTEXTS, options).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.to_string().contains("no context `three`"), "{error}");
    assert_eq!(error.hint.as_deref(), Some("known contexts: one, two"));
    let options = Options { context: Some("two".into()), ..Options::default() };
    assert_eq!(from_text(TWO_CONTEXTS, options).await.unwrap().server(), "https://127.0.0.1:1");
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let path = Path::new("tests/there-is-no-such/kubeconfig");
    let error = Client::from_path(path, Options::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.to_string().contains("tests/there-is-no-such/kubeconfig"), "{error}");
}

#[tokio::test]
async fn the_kubeconfig_is_given_back_as_a_copy() {
    let client = from_text(TWO_CONTEXTS, Options::default()).await.unwrap();
    let copy = client.kubeconfig().unwrap();
    assert_eq!(copy.expose_secret(), TWO_CONTEXTS.as_bytes());
    assert!(!format!("{client:?}").contains("canary"));
    let again = Client::from_config(client.config().clone(), Options::default()).await.unwrap();
    assert!(again.kubeconfig().is_none(), "built from a REST configuration");
}

#[tokio::test]
async fn a_configuration_without_server_is_invalid() {
    let config = kube::Config::new("/path".parse().unwrap());
    let error = Client::from_config(config, Options::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn a_server_that_is_away_is_named() {
    let client = from_text(TWO_CONTEXTS, Options::default()).await.unwrap();
    let cancel = Cancel::new();
    let error = client.facts(&Call::new(&cancel)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.to_string().contains("nothing answers at https://127.0.0.1:1"), "{error}");
    assert!(error.hint.is_some());
}

#[tokio::test]
async fn exec_plugins_that_fail_are_unauthenticated() {
    let plugin = |command: &str| {
        TWO_CONTEXTS.replace(
            "{token: canary}",
            &format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {command}, interactiveMode: Never}}}}"),
        )
    };
    for (command, detail) in
        [("kompox-no-such-plugin", "cannot be started"), ("false", "ended with exit status: 1")]
    {
        let error = from_text(&plugin(command), Options::default()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthenticated, "{error}");
        assert!(error.to_string().contains(detail), "{error}");
    }
}

#[tokio::test]
async fn the_user_agent_and_the_pace_are_seen_by_the_server() {
    let api = ScriptedApi::start().await.unwrap();
    let options =
        Options { user_agent: "kompoxops/test".into(), qps: Some(50.0), burst: 2, ..Options::default() };
    let client = from_text(&api.kubeconfig(), options).await.unwrap();
    let cancel = Cancel::new();
    let started = Instant::now();
    for _ in 0..7 {
        client.list(&Call::new(&cancel), &Query::new(Gvk::core("Pod"), None)).await.unwrap();
    }
    // Two at once, then five more, 20 ms apart.
    assert!(started.elapsed() >= Duration::from_millis(95), "{:?}", started.elapsed());
    assert_eq!(api.requests().len(), 7);
    assert!(api.requests().iter().all(|request| request.user_agent() == "kompoxops/test"));
}

#[tokio::test]
async fn the_default_user_agent_names_the_module() {
    let api = ScriptedApi::start().await.unwrap();
    let client = from_text(&api.kubeconfig(), Options::default()).await.unwrap();
    let cancel = Cancel::new();
    let facts = client.facts(&Call::new(&cancel)).await.unwrap();
    assert_eq!(facts.version, (1, 36));
    let reference = ObjectRef::new(Gvk::core("Namespace"), None, "kube-system");
    let namespace = client.get(&Call::new(&cancel), &reference).await.unwrap().unwrap();
    assert_eq!(namespace["metadata"]["uid"], facts.uid);
    assert!(api.requests().iter().all(|request| request.user_agent() == "kompoxops/kube"));
}

/// A kubeconfig for a scripted server, with something in place of its user and something added to its cluster.
fn kubeconfig(api: &ScriptedApi, user: &str, cluster: &str) -> String {
    api.kubeconfig()
        .replace("user: {}", &format!("user: {user}"))
        .replace("cluster: {server", &format!("cluster: {{{cluster}server"))
}

#[tokio::test]
async fn an_exec_plugin_gives_the_token() {
    let api = ScriptedApi::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("login");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o755)
        .open(&plugin)
        .unwrap();
    let credential = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"from-plugin"}}"#;
    write!(file, "#!/bin/sh\necho '{credential}'\n").unwrap();
    drop(file);
    // A command with a slash is relative to the kubeconfig's folder.
    let user =
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login, interactiveMode: Never}}";
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, kubeconfig(&api, user, "")).unwrap();
    let client = Client::from_path(&path, Options::default()).await.unwrap();
    let cancel = Cancel::new();
    client.facts(&Call::new(&cancel)).await.unwrap();
    assert!(api.requests().iter().all(|request| request.header(AUTHORIZATION) == "Bearer from-plugin"));
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing was written: {left:?}");
}

#[tokio::test]
async fn a_token_is_sent() {
    let api = ScriptedApi::start().await.unwrap();
    let client = from_text(&kubeconfig(&api, "{token: secret-token}", ""), Options::default()).await.unwrap();
    let cancel = Cancel::new();
    client.facts(&Call::new(&cancel)).await.unwrap();
    assert_eq!(api.requests()[0].header(AUTHORIZATION), "Bearer secret-token");
}

/// A proxy for one connection; returns what was asked of it.
async fn proxy_once(listener: tokio::net::TcpListener) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut client, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let mut server = tokio::net::TcpStream::connect(&target).await.unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
    head
}

#[tokio::test]
async fn the_proxy_of_the_kubeconfig_is_used() {
    let api = ScriptedApi::start().await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("proxy-url: 'http://user:pass@{}', ", listener.local_addr().unwrap());
    let client = from_text(&kubeconfig(&api, "{}", &proxy), Options::default()).await.unwrap();
    let cancel = Cancel::new();
    let call = Call::new(&cancel);
    let query = Query::new(Gvk::core("Pod"), None);
    let (head, listed) = tokio::join!(proxy_once(listener), client.list(&call, &query));
    assert!(listed.unwrap().is_empty());
    assert!(head.starts_with("CONNECT 127.0.0.1:"), "{head}");
    assert!(head.to_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz"), "{head}");
    assert_eq!(api.requests().len(), 1);

    let other = kubeconfig(&api, "{}", "proxy-url: 'socks5://127.0.0.1:1', ");
    let error = from_text(&other, Options::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
}
