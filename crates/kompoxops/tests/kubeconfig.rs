//! `cluster kubeconfig`: what it prints, and that no file is written, lost or half-written that the user did not name.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod project;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A project whose kubeconfig has two contexts; no server is there.
fn project() -> tempfile::TempDir {
    let project = project::project();
    let kubeconfig = "
apiVersion: v1
kind: Config
current-context: local
clusters:
- {name: c, cluster: {server: 'http://127.0.0.1:1'}}
- {name: foreign, cluster: {server: 'http://127.0.0.1:2'}}
users:
- {name: u, user: {token: own-canary}}
- {name: foreign, user: {token: foreign-canary}}
contexts:
- {name: local, context: {cluster: c, user: u}}
- {name: foreign, context: {cluster: foreign, user: foreign}}
";
    fs::write(project.path().join("kubeconfig"), kubeconfig).unwrap();
    project
}

fn run(project: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kompoxops"))
        .current_dir(project)
        .env_clear()
        .args(["cluster", "kubeconfig"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn ok(project: &Path, arguments: &[&str]) -> String {
    let output = run(project, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fails(project: &Path, arguments: &[&str], code: i32) -> String {
    let output = run(project, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    assert!(!stderr.contains("canary"), "{stderr}");
    stderr
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// Every file of the project with its content.
fn files(project: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(project).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_is_printed_and_nothing_is_written() {
    let project = project();
    let project = project.path();
    let before = files(project);
    let printed = yaml(&ok(project, &[]));
    assert_eq!(printed["current-context"], "local", "the cluster's name");
    assert_eq!(printed["users"][0]["user"]["token"], "own-canary");
    assert_eq!(printed["clusters"].as_array().unwrap().len(), 1);
    assert!(!printed.to_string().contains("foreign"), "{printed}");
    let json: Value = serde_json::from_str(&ok(project, &["--output", "json", "--context", "x"])).unwrap();
    assert_eq!(json["current-context"], "x");
    fails(project, &["--output", "name"], 2);
    assert_eq!(files(project), before);
}

#[test]
fn a_named_file_is_new_and_for_its_owner_only() {
    let project = project();
    let project = project.path();
    ok(project, &["--to", "own"]);
    assert_eq!(mode(&project.join("own")), 0o600);
    let written = fs::read_to_string(project.join("own")).unwrap();
    assert_eq!(written, ok(project, &[]));
    let before = files(project);
    let stderr = fails(project, &["--to", "own"], 5);
    assert!(
        stderr.contains("error[kubeconfig.exists]: own exists already") && stderr.contains("--merge-into"),
        "{stderr}"
    );
    fails(project, &["--to", "no/such/folder"], 4);
    fails(project, &["--to", "own", "--merge-into", "own"], 2);
    fails(project, &["--set-current"], 2);
    assert_eq!(files(project), before);
}

#[test]
fn a_merge_keeps_everything_and_a_backup() {
    let project = project();
    let project = project.path();
    let others = "# mine\napiVersion: v1\nkind: Config\ncurrent-context: work\nclusters:\n\
                  - {name: work, cluster: {server: 'https://work'}}\nusers:\n- {name: work, user: {token: w}}\n\
                  contexts:\n- {name: work, context: {cluster: work, user: work}}\nextra: [kept]\n";
    fs::write(project.join("config"), others).unwrap();
    fs::set_permissions(project.join("config"), PermissionsExt::from_mode(0o644)).unwrap();
    symlink("config", project.join("link")).unwrap();

    ok(project, &["--merge-into", "link"]);
    assert!(project.join("link").is_symlink(), "a link stays one");
    let merged = yaml(&fs::read_to_string(project.join("config")).unwrap());
    assert_eq!((&merged["current-context"], &merged["extra"][0]), (&"work".into(), &"kept".into()));
    assert_eq!(merged["users"].as_array().unwrap().len(), 2);
    assert_eq!(mode(&project.join("config")), 0o600);
    assert_eq!(fs::read_to_string(project.join("config.bak")).unwrap(), others);
    assert_eq!(mode(&project.join("config.bak")), 0o600);

    let before = files(project);
    ok(project, &["--merge-into", "config"]);
    assert_eq!(files(project), before, "a repeat wrote something");

    ok(project, &["--merge-into", "config", "--set-current"]);
    let merged = yaml(&fs::read_to_string(project.join("config")).unwrap());
    assert_eq!(merged["current-context"], "local");

    ok(project, &["--merge-into", "fresh"]);
    assert_eq!(fs::read_to_string(project.join("fresh")).unwrap(), ok(project, &[]));
    assert_eq!(mode(&project.join("fresh")), 0o600);
    let left: Vec<_> = files(project).into_keys().collect();
    let expected = ["compose.yml", "config", "config.bak", "fresh", "kompoxops.yml", "kubeconfig", "link"];
    assert_eq!(left, expected, "nothing else is left behind");
}

#[test]
fn a_file_that_is_no_kubeconfig_keeps_its_bytes() {
    let project = project();
    let project = project.path();
    let foreign =
        "clusters: [{name: local, cluster: {server: 'https://elsewhere'}}]\nusers: []\ncontexts: []\n";
    for (content, code) in [
        (&b"token: canary: ["[..], 3),
        (b"users: [{name: a, user: {token: canary"[..].as_ref(), 3),
        (b"\xff\xfecanary", 3),
        (b"kind: Secret\n", 3),
        (foreign.as_bytes(), 5),
    ] {
        fs::write(project.join("config"), content).unwrap();
        let before = files(project);
        let stderr = fails(project, &["--merge-into", "config"], code);
        assert!(stderr.contains("hint: "), "{stderr}");
        assert_eq!(files(project), before);
    }
    fs::write(project.join("config"), "").unwrap();
    fs::write(project.join("config.lock"), "").unwrap();
    let before = files(project);
    let stderr = fails(project, &["--merge-into", "config"], 5);
    assert!(stderr.contains("error[kubeconfig.busy]: another program is changing config"), "{stderr}");
    assert_eq!(files(project), before);
    symlink("nowhere", project.join("dangling")).unwrap();
    fails(project, &["--merge-into", "dangling"], 4);
    fails(project, &["--merge-into", "."], 2);
}

/// Of a machine that has no certificate authorities, such as a container of this program alone.
fn bare(project: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kompoxops"))
        .current_dir(project)
        .env_clear()
        .env("SSL_CERT_FILE", "/dev/null")
        .args(["app", "exec", "--", "true"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn authorities_are_needed_only_where_a_certificate_is_checked() {
    let project = project();
    let project = project.path();
    let file = project.join("kubeconfig");
    let plain = fs::read_to_string(&file).unwrap();
    let checked = plain.replace("http:", "https:");
    let unchecked = checked.replace("{server:", "{insecure-skip-tls-verify: true, server:");
    for text in [plain, unchecked] {
        fs::write(&file, text).unwrap();
        let said = bare(project);
        assert!(said.contains("error[kubernetes.unavailable]"), "{said}");
    }
    fs::write(&file, checked).unwrap();
    let said = bare(project);
    let line = "neither the kubeconfig nor this machine names certificate authorities to trust";
    assert!(said.contains(line) && said.contains("SSL_CERT_FILE"), "{said}");
}
