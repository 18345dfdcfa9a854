//! Secrets stay secret: values in every place where one may stand, every command at the chattiest log level, in each
//! form of output, against a server that answers and one that refuses; none of the values may show.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use kompox_testkit::{Fault, ScriptedApi, When};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What must never show; each stands in one place only, so that a leak tells where it came from.
const CANARIES: [&str; 6] = [
    "canary-token-9041",
    "canary-inline-9042",
    "canary-dotenv-9043",
    "canary-envfile-9044",
    "canary-secretfile-9045",
    "canary-secretenv-9046",
];

const CONFIGURATION: &str = "\
version: 1
workspace: {name: test, domain: example.test}
cluster:
  name: local
  existing: true
  provider: k3s
  auth: {type: kubectl, kubeconfig: kubeconfig}
  images: {node: localhost/kompox-node:1}
app: {name: shop, compose: compose.yml}
";

const COMPOSE: &str = "\
services:
  web:
    image: localhost/web:1
    ports: ['80:8080']
    environment:
      INLINE: canary-inline-9042
      DOTENV: '${DOTENV}'
    env_file: [web.env]
    secrets: [of-file, of-environment]
    configs: [settings]
    volumes: ['data:/data']
volumes: {data: {}}
secrets:
  of-file: {file: ./key.txt}
  of-environment: {environment: SECRET_IN_ENVIRONMENT}
configs:
  settings: {content: 'colour = red'}
";

/// Every command that may read the files or ask the cluster.
const COMMANDS: [&[&str]; 17] = [
    &["app", "validate"],
    &["app", "deploy", "--dry-run"],
    &["app", "deploy", "--timeout", "3s"],
    &["app", "status"],
    &["app", "volumes"],
    &["app", "logs"],
    &["app", "exec", "--", "true"],
    &["--yes", "app", "destroy", "--dry-run"],
    &["--yes", "app", "destroy", "--timeout", "3s"],
    &["disk", "list", "--timeout", "3s"],
    &["disk", "repair", "--timeout", "3s"],
    &["snapshot", "list", "--timeout", "3s"],
    &["snapshot", "create", "--timeout", "3s"],
    &["cluster", "status"],
    &["doctor"],
    &["config", "validate"],
    &["config", "show"],
];

fn project(folder: &Path, server: &str) {
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: it\n\
         clusters: [{{name: it, cluster: {{server: \"{server}\"}}}}]\n\
         users: [{{name: it, user: {{token: canary-token-9041}}}}]\n\
         contexts: [{{name: it, context: {{cluster: it, user: it}}}}]\n"
    );
    for (name, text) in [
        ("kompoxops.yml", CONFIGURATION),
        ("compose.yml", COMPOSE),
        (".env", "DOTENV=canary-dotenv-9043\n"),
        ("web.env", "FROM_FILE=canary-envfile-9044\n"),
        ("key.txt", "canary-secretfile-9045\n"),
        ("kubeconfig", &kubeconfig),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

fn run(folder: &Path, options: &[&str], command: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kompoxops"))
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("SECRET_IN_ENVIRONMENT", "canary-secretenv-9046")
        .stdin(Stdio::null())
        .args(["--log-level", "trace"])
        .args(options)
        .args(command)
        .output()
        .unwrap()
}

/// Values may be encoded, as Kubernetes does with those of a Secret.
fn shows(output: &[u8], canary: &str) -> bool {
    let text = String::from_utf8_lossy(output);
    text.contains(canary) || (0..3).any(|shift| text.contains(&encoded(canary, shift)))
}

/// The middle of the base64 of a text that starts at `shift` bytes after a multiple of three.
fn encoded(text: &str, shift: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let skipped = (3 - shift) % 3;
    text.as_bytes()[skipped..]
        .chunks_exact(3)
        .flat_map(|three| {
            let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
            [18, 12, 6, 0].map(|at| char::from(DIGITS[bits >> at & 63]))
        })
        .collect()
}

fn search(folder: &Path, leaks: &mut Vec<String>) {
    let forms: [&[&str]; 2] = [&["--log-format", "text"], &["--log-format", "json", "--output", "json"]];
    for options in forms {
        for command in COMMANDS {
            let Output { stdout, stderr, status } = run(folder, options, command);
            assert_ne!(status.code(), Some(2), "{command:?}: {}", String::from_utf8_lossy(&stderr));
            for canary in CANARIES {
                for (stream, bytes) in [("stdout", &stdout), ("stderr", &stderr)] {
                    if shows(bytes, canary) {
                        leaks.push(format!("{canary} on {stream} of {command:?} {options:?}"));
                    }
                }
            }
        }
    }
}

fn ingress_controller(api: &ScriptedApi) {
    let (networking, ports) = (
        "networking.k8s.io/v1",
        json!([{"port": 80, "targetPort": 8000}, {"port": 443, "targetPort": 8443}]),
    );
    for (path, object) in [
        (
            "/api/v1/namespaces/traefik".to_owned(),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "traefik"}}),
        ),
        (
            format!("/apis/{networking}/ingressclasses/traefik"),
            json!({"apiVersion": networking, "kind": "IngressClass", "metadata": {"name": "traefik"}}),
        ),
        (
            "/api/v1/namespaces/traefik/services/traefik".to_owned(),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "traefik", "namespace": "traefik"},
                   "spec": {"selector": {"app": "traefik"}, "ports": ports}}),
        ),
        (
            "/api/v1/nodes/n1".to_owned(),
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"},
                   "spec": {"podCIDRs": ["10.1.0.0/24"]},
                   "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}}),
        ),
    ] {
        api.put(&path, object);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_shows_a_secret() {
    let api = ScriptedApi::start().await.unwrap();
    ingress_controller(&api);
    let folder = tempfile::tempdir().unwrap();
    project(folder.path(), &api.url());
    let mut leaks = Vec::new();
    search(folder.path(), &mut leaks);
    let asked = api.requests();
    assert!(!asked.is_empty(), "the server was asked");
    let token = |request: &kompox_testkit::Recorded| {
        request.headers.get("authorization").is_some_and(|value| value == "Bearer canary-token-9041")
    };
    assert!(asked.iter().all(token));

    // Errors quote what they are about.
    api.plant(When::After(0), Fault::status(403, "Forbidden", "no"));
    search(folder.path(), &mut leaks);
    api.plant(When::After(0), Fault::BreakBefore);
    project(folder.path(), "http://127.0.0.1:1");
    search(folder.path(), &mut leaks);

    // So do diagnostics, with the lines around.
    let compose =
        COMPOSE.replace("image: localhost/web:1", "image: localhost/web:1\n    imaeg: x\n    build: .");
    fs::write(folder.path().join("compose.yml"), compose).unwrap();
    search(folder.path(), &mut leaks);
    leaks.sort();
    leaks.dedup();
    assert_eq!(leaks, Vec::<String>::new());
}

#[test]
fn an_encoded_value_is_recognized() {
    for (text, shift) in [("canary-token-9041", 0), ("xcanary-token-9041", 1), ("xxcanary-token-9041", 2)] {
        let whole = encoded(text, 0);
        assert!(shows(whole.as_bytes(), "canary-token-9041"), "{shift}: {whole}");
    }
    assert!(!shows(b"nothing", "canary-token-9041"));
}
