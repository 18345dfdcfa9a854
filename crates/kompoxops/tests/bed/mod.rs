//! A real cluster with the project's images, and apps on it. Starts the test bed; every app of a test is removed at its
//! end, its disks stay in the test bed's store.

#![allow(dead_code, reason = "each test target uses its own part")]

use kompox_testbed::{Cluster, Image, Testbed, UpOptions};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// A web server with a volume that is served.
pub(crate) const WEB: &str = "
services:
  web:
    image: localhost/busybox:1
    command: [httpd, -f, -p, '8080', -h, /www]
    volumes: [www:/www]
    ports: ['80:8080']
    stop_grace_period: 1s
volumes:
  www:
";

/// The cluster that tests of this target share.
pub(crate) struct Bed {
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// The test bed it belongs to.
    pub(crate) testbed: Testbed,
    /// Reference of the kompox-node image.
    pub(crate) node_image: String,
}

/// Brings the cluster up, once per target: `a`, or the one that KOMPOX_TESTBED_CLUSTER names.
pub(crate) fn bed() -> &'static Bed {
    static BED: OnceLock<Bed> = OnceLock::new();
    BED.get_or_init(|| {
        let testbed = Testbed::of_this_checkout().expect("a test bed");
        let name = std::env::var("KOMPOX_TESTBED_CLUSTER").unwrap_or_else(|_| "a".to_owned());
        let cluster = testbed.up(&name, &UpOptions::default()).expect("a cluster");
        let images =
            testbed.ensure_images(&[Image::Busybox, Image::Testserver, Image::KompoxNode]).expect("images");
        cluster.load(&images).expect("images on the node");
        let node_image = images.last().expect("an image").reference.clone();
        Bed { cluster, testbed, node_image }
    })
}

/// An app in a folder of its own.
pub(crate) struct App {
    /// Its name, unique in this run.
    pub(crate) name: String,
    folder: tempfile::TempDir,
}

impl App {
    /// Writes a project with this compose text.
    pub(crate) fn new(name: &str, compose: &str) -> Self {
        Self::with(name, compose, "")
    }

    /// The same with more lines of the section `app:`, indented by two blanks.
    pub(crate) fn with(name: &str, compose: &str, more: &str) -> Self {
        let app = Self {
            name: format!("{name}-{}", std::process::id()),
            folder: tempfile::tempdir().expect("a folder"),
        };
        app.write("compose.yml", compose);
        app.configure(more);
        app
    }

    /// Writes kompoxops.yml anew.
    pub(crate) fn configure(&self, more: &str) {
        let bed = bed();
        let text = format!(
            "version: 1\nworkspace:\n  name: test\n  domain: kompox.test\ncluster:\n  name: local\n  provider: k3s\n  existing: true\n  \
             auth:\n    type: kubectl\n    kubeconfig: {}\n  images:\n    node: {}\n  settings:\n    K3S_DISK_STORE: {}\napp:\n  name: {}\n  \
             compose: compose.yml\n{more}",
            bed.cluster.kubeconfig().display(),
            bed.node_image,
            bed.cluster.disk_store().display(),
            self.name,
        );
        self.write("kompoxops.yml", &text);
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    /// The project's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// kompoxops in the project's folder, its standard input closed.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kompoxops"));
        command.current_dir(self.folder.path()).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs kompoxops.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("kompoxops runs")
    }

    /// Runs kompoxops, which must succeed, and returns its standard output.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "kompoxops {arguments:?}: {}\n{}",
            output.status,
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Runs kompoxops, which must end with this exit code, and returns its error output.
    pub(crate) fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(code),
            "kompoxops {arguments:?}\n{}\n{stderr}",
            text(&output.stdout)
        );
        stderr
    }

    /// Runs kompoxops with JSON output.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> =
            ["--output", "json"].into_iter().chain(arguments.iter().copied()).collect();
        serde_json::from_str(&self.ok(&arguments)).expect("JSON")
    }

    /// Deploys.
    pub(crate) fn deploy(&self) -> String {
        self.ok(&["app", "deploy"])
    }

    /// The app's Namespace.
    pub(crate) fn namespace(&self) -> String {
        self.json(&["app", "status"])["namespace"].as_str().expect("a Namespace").to_owned()
    }

    /// kubectl in the app's Namespace, as JSON.
    pub(crate) fn objects(&self, arguments: &[&str]) -> Value {
        let namespace = self.namespace();
        let arguments: Vec<&str> = ["--namespace", &namespace, "get", "--output", "json"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        serde_json::from_str(&kubectl(&arguments)).expect("JSON")
    }

    /// The Pod.
    pub(crate) fn pod(&self) -> Value {
        let pods = self.objects(&["pods"]);
        let pods = pods["items"].as_array().expect("a list");
        assert_eq!(pods.len(), 1, "one app, one Pod: {pods:?}");
        pods[0].clone()
    }

    /// Runs a command in a service.
    pub(crate) fn exec(&self, service: &str, command: &[&str]) -> String {
        let arguments: Vec<&str> =
            ["app", "exec", "-s", service, "--"].into_iter().chain(command.iter().copied()).collect();
        self.ok(&arguments)
    }

    /// A path on the app's assigned disk, as this machine sees it.
    pub(crate) fn on_disk(&self, path: &str) -> PathBuf {
        let disks = self.json(&["disk", "list"]);
        let disks = disks["disks"].as_array().or(disks.as_array()).expect("a list").clone();
        let assigned = disks.iter().find(|disk| disk["assigned"] == true).expect("an assigned disk");
        Path::new(assigned["handle"].as_str().expect("a handle")).join(path)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let output = self.run(&["--yes", "--timeout", "2m", "app", "destroy", "--delete-namespace"]);
        if !output.status.success() && !std::thread::panicking() {
            panic!("the app could not be removed: {}", text(&output.stderr));
        }
    }
}

/// Runs kubectl as the administrator.
pub(crate) fn kubectl(arguments: &[&str]) -> String {
    bed()
        .cluster
        .kubectl()
        .expect("kubectl")
        .run(arguments)
        .unwrap_or_else(|error| panic!("kubectl {arguments:?}: {error}"))
}

/// Bytes as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
