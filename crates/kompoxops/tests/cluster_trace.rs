//! No command writes a credential to disk or shows one, and none starts a child process: every command is traced on a
//! real cluster, at the log level that tells most.

mod bed;

use bed::App;
use std::process::{Command, Stdio};

const COMPOSE: &str = "
services:
  web:
    image: localhost/busybox:1
    command: [sh, -c, 'exec httpd -f -p 8080']
    environment: {TOKEN: canary-token}
    volumes: [data:/data]
    ports: ['80:8080']
    stop_grace_period: 1s
volumes: {data: }
";

/// Installs strace where it is missing.
fn install() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return;
    }
    for arguments in [&["update", "-qq"][..], &["install", "-y", "-qq", "--no-install-recommends", "strace"]]
    {
        let status = Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments)
            .stdout(Stdio::null())
            .status()
            .expect("apt-get runs");
        assert!(status.success(), "apt-get {arguments:?}");
    }
}

/// A value of the app and its form in a Secret, and what the connection is made with.
fn secrets(app: &App) -> Vec<String> {
    let kubeconfig = app.json(&["cluster", "kubeconfig"]);
    let key = kubeconfig["users"][0]["user"]["client-key-data"].as_str().expect("a client key");
    vec!["canary-token".to_owned(), "Y2FuYXJ5LXRva2Vu".to_owned(), key[40..120].to_owned()]
}

#[test]
fn no_command_starts_a_process_opens_a_file_for_writing_or_shows_a_secret() {
    install();
    let app = App::new("trace", COMPOSE);
    let secrets = secrets(&app);
    let commands: [&[&str]; 26] = [
        &["app", "validate"],
        &["app", "deploy"],
        &["app", "deploy"],
        &["app", "status"],
        &["app", "logs"],
        &["--output", "json", "app", "status"],
        &["app", "exec", "--", "true"],
        &["app", "shell"],
        &["app", "cp", "web:/etc/hostname", "-"],
        &["cluster", "status"],
        &["cluster", "uninstall-node", "--dry-run"],
        &["doctor"],
        &["config", "show"],
        &["config", "validate"],
        &["disk", "create", "spare"],
        &["disk", "list"],
        &["app", "list"],
        &["app", "diff"],
        &["--output", "yaml", "app", "deploy", "--dry-run"],
        &["app", "restart"],
        &["disk", "attach", "spare"],
        &["disk", "attach", "--previous"],
        &["app", "stop"],
        &["disk", "detach", "spare"],
        &["app", "start"],
        &["--yes", "app", "destroy", "--delete-namespace"],
    ];
    for arguments in commands {
        let log = app.folder().join("trace.log");
        let output = Command::new("strace")
            .current_dir(app.folder())
            .args(["-f", "-qq", "-e", "trace=execve,execveat,fork,vfork,clone,clone3,open,openat,openat2,creat,rename,renameat,renameat2,link,linkat", "-o"])
            .arg(&log)
            .arg(env!("CARGO_BIN_EXE_kompoxops"))
            .args(["--log-level", "trace"])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("strace runs");
        let said = bed::text(&output.stdout) + &bed::text(&output.stderr);
        assert!(output.status.success(), "kompoxops {arguments:?}: {said}");
        let shown: Vec<_> = secrets.iter().filter(|secret| said.contains(secret.as_str())).collect();
        assert!(shown.is_empty(), "{arguments:?} shows {shown:?}");
        let trace = std::fs::read_to_string(&log).expect("a trace");
        assert_eq!(trace.matches("execve(").count(), 1, "{arguments:?} started a program:\n{trace}");
        for line in trace.lines() {
            let forks = ["fork(", "vfork("].iter().any(|call| line.contains(call));
            let clones = line.contains("clone") && line.contains("flags=") && !line.contains("CLONE_THREAD");
            assert!(!forks && !clones, "{arguments:?} started a process: {line}");
            let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "creat(", "rename", "link("]
                .iter()
                .any(|word| line.contains(word));
            let harmless = ["\"/dev/null\"", "\"/dev/tty\""].iter().any(|path| line.contains(path));
            assert!(
                !writes || harmless || line.contains("= -1"),
                "{arguments:?} opened a file for writing: {line}"
            );
        }
    }
    app.ok(&["--yes", "disk", "delete", "spare"]);
}
