//! No command writes a credential to disk or shows one, and none starts a child process: every command is traced on a
//! real cluster, at the log level that tells most.

mod bed;

use bed::App;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

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

/// The app's kompoxops.
struct Traced {
    app: App,
    secrets: Vec<String>,
}

impl Traced {
    fn new(app: App) -> Self {
        let secrets = secrets(&app);
        Self { app, secrets }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("strace");
        command
            .current_dir(self.app.folder())
            .args(["-f", "-qq", "-e", "trace=execve,execveat,fork,vfork,clone,clone3,open,openat,openat2,creat,rename,renameat,renameat2,link,linkat", "-o"])
            .arg(self.log())
            .arg(env!("CARGO_BIN_EXE_kompoxops"))
            .args(["--log-level", "trace"])
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    fn log(&self) -> PathBuf {
        self.app.folder().join("trace.log")
    }

    /// Runs a command that ends by itself.
    fn ok(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().expect("strace runs");
        let said = bed::text(&output.stdout) + &bed::text(&output.stderr);
        assert!(output.status.success(), "kompoxops {arguments:?}: {said}");
        self.check(arguments);
        output
    }

    fn check_shown(&self, arguments: &[&str], said: &str) {
        let shown: Vec<_> = self.secrets.iter().filter(|secret| said.contains(secret.as_str())).collect();
        assert!(shown.is_empty(), "{arguments:?} shows {shown:?}");
    }

    /// Looks at what the last command did.
    fn check(&self, arguments: &[&str]) {
        let trace = std::fs::read_to_string(self.log()).expect("a trace");
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

    /// Fetches a page through a tunnel, then interrupts it.
    fn tunnel(&self) {
        let arguments = ["--output", "json", "app", "tunnel", "0:web:8080"];
        let mut strace = self
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace runs");
        let stdout = strace.stdout.take().expect("its output");
        let mut answers = serde_json::Deserializer::from_reader(stdout).into_iter::<Value>();
        let told = answers.next().expect("an answer").expect("JSON");
        let address = told[0]["address"].as_str().expect("an address");
        let mut page = TcpStream::connect(address).expect("a connection");
        page.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("a request");
        let mut text = String::new();
        page.read_to_string(&mut text).expect("an answer");
        assert!(text.starts_with("HTTP/1"), "{text}");
        let tracer = strace.id();
        let children = std::fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children"));
        let child = children.expect("strace has a child");
        assert!(Command::new("kill").args(["-INT", child.trim()]).status().expect("kill runs").success());
        let output = strace.wait_with_output().expect("an end");
        assert_eq!(output.status.code(), Some(130));
        self.check_shown(&arguments, &(told.to_string() + &bed::text(&output.stderr)));
        self.check(&arguments);
    }
}

#[test]
fn no_command_starts_a_process_opens_a_file_for_writing_or_shows_a_secret() {
    install();
    let traced = Traced::new(App::new("trace", COMPOSE));
    let silently = |commands: &[&[&str]]| {
        for arguments in commands {
            let output = traced.ok(arguments);
            traced.check_shown(arguments, &(bed::text(&output.stdout) + &bed::text(&output.stderr)));
        }
    };
    silently(&[
        &["version"],
        &["completion", "bash"],
        &["man"],
        &["config", "show"],
        &["config", "validate"],
        &["config", "convert"],
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
        &["disk", "create", "spare"],
        &["disk", "list"],
        &["app", "list"],
        &["app", "diff"],
        &["--output", "yaml", "app", "deploy", "--dry-run"],
    ]);
    traced.tunnel();
    // Printing a credential is what it is for.
    let kubeconfig = traced.ok(&["cluster", "kubeconfig"]);
    traced.check_shown(&["cluster", "kubeconfig"], &bed::text(&kubeconfig.stderr));
    silently(&[
        &["app", "restart"],
        &["disk", "assign", "spare"],
        &["disk", "attach", "spare"],
        &["disk", "attach", "--previous"],
        &["snapshot", "create", "kept", "--stop"],
        &["snapshot", "list"],
        &["snapshot", "restore", "kept", "--disk", "from-kept"],
        &["--yes", "disk", "delete", "from-kept"],
        &["--yes", "snapshot", "delete", "kept"],
        &["app", "stop"],
        &["disk", "detach", "spare"],
        &["app", "start"],
        &["--yes", "app", "destroy", "--delete-namespace"],
        &["--yes", "disk", "delete", "spare"],
    ]);
}
