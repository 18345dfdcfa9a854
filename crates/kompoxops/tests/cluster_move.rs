//! Apps between two real clusters: moved with their data, handed over, taken over, and killed on the way.

mod bed;

use bed::{bed, text};
use kompox_testbed::{Cluster, Image, UpOptions};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The other cluster; targets that use one beside their lane's run one at a time.
const OTHER: &str = "e";

const DATABASE: &str = "
services:
  db:
    image: localhost/postgres:15
    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: secret, POSTGRES_DB: shop}
    volumes: [data:/var/lib/postgresql/data]
    restart: always
    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1, -U, shop], interval: 1s, timeout: 5s, retries: 60}
    stop_grace_period: 10s
volumes:
  data:
";

const WEB: &str = "
services:
  web:
    image: localhost/busybox:1
    command: [httpd, -f, -p, '8080', -h, /www]
    volumes: [www:/www]
    restart: always
    stop_grace_period: 1s
volumes:
  www:
";

/// The second cluster, while a test needs it: it goes again, as the machine has room for so many at once.
struct Second(#[expect(dead_code, reason = "held, not used")] MutexGuard<'static, ()>);

impl Second {
    fn up() -> Self {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let images = [Image::Busybox, Image::Postgres, Image::KompoxNode];
        let images = bed().testbed.ensure_images(&images).expect("images");
        let second = bed().testbed.up(OTHER, &UpOptions::default()).expect("a second cluster");
        for cluster in [&second, &bed().cluster] {
            cluster.load(&images).expect("images on the node");
        }
        let _ = OTHER_CLUSTER.set(second);
        Self(guard)
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let down = bed().testbed.down(OTHER, None);
        if !std::thread::panicking() {
            down.expect("the second cluster goes");
        }
    }
}

static OTHER_CLUSTER: OnceLock<Cluster> = OnceLock::new();

fn other() -> &'static Cluster {
    OTHER_CLUSTER.get().expect("a test brings it up first")
}

/// An app, configured on two clusters of one provider.
struct App {
    name: String,
    folder: tempfile::TempDir,
    /// Where the other cluster keeps its disks.
    store: String,
    on: std::cell::Cell<&'static str>,
}

impl App {
    fn new(name: &str, compose: &str, store: &Path) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("compose.yml"), compose).expect("a file");
        let store = store.display().to_string();
        let app = Self { name, folder, store, on: std::cell::Cell::new("east") };
        app.set("east", true);
        app
    }

    /// Configures the app on a cluster; `both` clusters, or that one alone.
    fn set(&self, on: &'static str, both: bool) {
        let cluster = |name: &str, kubeconfig: &Path, store: &str| {
            format!(
                "---\napiVersion: ops.kompox.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec:\n  workspace: test\n  \
                 provider: beds\n  existing: true\n  auth: {{type: kubectl, kubeconfig: {}}}\n  images: {{node: {}}}\n  \
                 settings: {{K3S_DISK_STORE: {store}}}\n",
                kubeconfig.display(),
                bed().node_image
            )
        };
        let here = bed().cluster.disk_store().display().to_string();
        let mut text = "apiVersion: ops.kompox.dev/v1alpha1\nkind: Workspace\nmetadata: {name: test}\nspec: {domain: kompox.test}\n\
             ---\napiVersion: ops.kompox.dev/v1alpha1\nkind: Provider\nmetadata: {name: beds}\nspec: {workspace: test, driver: k3s}\n"
            .to_owned();
        if both || on == "east" {
            text += &cluster("east", &bed().cluster.kubeconfig(), &here);
        }
        if both || on == "west" {
            text += &cluster("west", &other().kubeconfig(), &self.store);
        }
        text += &format!(
            "---\napiVersion: ops.kompox.dev/v1alpha1\nkind: App\nmetadata: {{name: {}}}\nspec:\n  workspace: test\n  provider: beds\n  \
             cluster: {on}\n  compose: compose.yml\n",
            self.name
        );
        std::fs::write(self.folder.path().join("kom.yml"), text).expect("a file");
        self.on.set(on);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kompoxops"));
        command
            .current_dir(self.folder.path())
            .args(["--kom", "kom.yml"])
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("kompoxops runs")
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}\n{}", output.status, text(&output.stderr));
        text(&output.stdout)
    }

    fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{}\n{stderr}", text(&output.stdout));
        stderr
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> =
            ["--output", "json"].into_iter().chain(arguments.iter().copied()).collect();
        serde_json::from_str(&self.ok(&arguments)).expect("JSON")
    }

    fn exec(&self, service: &str, command: &[&str]) -> String {
        let arguments: Vec<&str> =
            ["app", "exec", "-s", service, "--"].into_iter().chain(command.iter().copied()).collect();
        self.ok(&arguments)
    }

    fn sql(&self, query: &str) -> String {
        let script =
            format!("PGPASSWORD=secret psql -h 127.0.0.1 -U shop -qtAX -v ON_ERROR_STOP=1 -c \"{query}\"");
        self.exec("db", &["sh", "-c", &script]).trim().to_owned()
    }

    /// Writes rows until it is killed; each one that was committed is a line.
    fn load(&self) -> Child {
        let script = "export PGPASSWORD=secret; while :; do psql -h 127.0.0.1 -U shop -qtAXc \
                      \"insert into orders select max(n)+1 from orders returning n\" || exit; done";
        self.command(&["app", "exec", "-s", "db", "--", "sh", "-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("kompoxops runs")
    }

    /// Runs a command and kills it once it has told this.
    fn killed_at(&self, arguments: &[&str], moment: &str) {
        let mut child = self
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kompoxops runs");
        let told = BufReader::new(child.stderr.take().expect("a pipe"));
        let lines: Vec<String> =
            told.lines().map_while(Result::ok).take_while(|line| !line.contains(moment)).collect();
        child.kill().expect("it is killed");
        let status = child.wait().expect("it ended");
        assert!(!status.success(), "{arguments:?} ended before `{moment}`: {lines:#?}");
    }

    /// Takes away what a killed command holds, which would expire within 35 seconds.
    fn forget_leases(&self) {
        let namespace = self.json(&["app", "status", "--no-dns"])["namespace"].clone();
        let namespace = namespace.as_str().expect("a Namespace");
        for cluster in [&bed().cluster, other()] {
            let lease =
                ["--namespace", namespace, "delete", "lease", "kompox-operation", "--ignore-not-found"];
            cluster.kubectl().expect("kubectl").run(&lease).expect("the Lease goes");
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        for on in ["east", "west"] {
            self.set(on, true);
            let output = self.run(&["--yes", "--timeout", "2m", "app", "destroy", "--delete-namespace"]);
            if !output.status.success() && !std::thread::panicking() {
                panic!("the app could not be removed: {}", text(&output.stderr));
            }
        }
    }
}

#[test]
fn a_database_under_load_comes_to_the_other_cluster_without_losing_a_row() {
    let _second = Second::up();
    let app = App::new("orders", DATABASE, &other().disk_store());
    app.ok(&["app", "deploy"]);
    app.sql("create table orders (n bigint primary key); insert into orders values (1)");
    let mut writer = app.load();
    let committed = BufReader::new(writer.stdout.take().unwrap());
    let reading = std::thread::spawn(move || {
        committed.lines().map_while(Result::ok).filter_map(|line| line.trim().parse::<u64>().ok()).last()
    });
    let late = Instant::now() + Duration::from_secs(120);
    while app.sql("select count(*) from orders").parse::<u64>().unwrap() < 30 {
        assert!(Instant::now() < late, "nothing is written");
    }
    let before = app.json(&["disk", "list"])["disks"].clone();
    let moved = app.json(&["app", "move", "--to", "west"]);
    let last = reading.join().unwrap().expect("rows were committed");
    let _ = (writer.kill(), writer.wait());
    let outage = moved["outage_seconds"].as_f64().expect("an outage");

    // Neither a deploy nor an old path leads to the data any more.
    let refused = app.fails(&["app", "deploy"], 5);
    assert!(refused.contains("app.moved"), "{refused}");
    let path = before[0]["handle"].as_str().unwrap();
    assert!(!Path::new(path).exists(), "{path}");

    app.set("west", true);
    let rows: u64 = app.sql("select count(*) from orders").parse().unwrap();
    assert!(rows >= last, "{rows} rows, {last} were committed");
    assert_eq!(app.sql("select max(n) = count(*) from orders"), "t");
    app.sql("insert into orders select max(n)+1 from orders");
    let line = format!("moved with {rows} rows, 0 lost, {outage} s of outage\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();

    // And back, where the old copies are deleted only by consent.
    let refused = app.fails(&["app", "move", "--to", "east"], 5);
    assert!(refused.contains("--delete-old-copies"), "{refused}");
    app.ok(&["app", "move", "--to", "east", "--delete-old-copies"]);
    app.set("east", true);
    assert_eq!(app.sql("select count(*) from orders"), (rows + 1).to_string());
}

#[test]
fn a_move_that_was_killed_is_finished_or_given_up() {
    let _second = Second::up();
    let app = App::new("killed", WEB, &other().disk_store());
    app.ok(&["app", "deploy"]);
    app.exec("web", &["sh", "-c", "echo kept > /www/page"]);
    app.ok(&["disk", "create", "second"]);
    let moments = [
        "waiting for the Pod to stop",
        "copying disk",
        "copied and verified",
        "applying the app's objects",
        "waiting for the Pod to be Ready",
        "removing the app from cluster",
        "deleting the app's objects",
    ];
    let mut points = 0;
    for (moment, [to, from]) in
        moments.into_iter().zip([["west", "east"], ["east", "west"]].into_iter().cycle())
    {
        let arguments = ["app", "move", "--to", to, "--delete-old-copies"];
        app.killed_at(&arguments, moment);
        app.forget_leases();
        if moment == "copied and verified" {
            app.ok(&["app", "move", "--to", to, "--abort"]);
            app.ok(&["app", "start"]);
            assert_eq!(app.exec("web", &["cat", "/www/page"]), "kept\n", "{moment}: given up");
        }
        app.ok(&arguments);
        app.set(to, true);
        assert_eq!(app.exec("web", &["cat", "/www/page"]), "kept\n", "{moment}, from {from}");
        let disks = app.json(&["disk", "list"])["disks"].clone();
        let disks = disks.as_array().unwrap();
        assert_eq!((disks.len(), disks.iter().filter(|disk| disk["assigned"] == true).count()), (2, 1));
        points += 1;
    }
    let line = format!("kill points of moves on real clusters: {points}, lost: 0\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Both clusters see the disks of the first one.
#[test]
fn disks_that_both_clusters_see_are_handed_over_and_taken_over() {
    struct Shared;
    impl Shared {
        /// The other cluster's node is known to have a store of its own; it gets the shared one, and later its own again.
        fn forget_store() {
            let node = other().node_name();
            let forget = ["annotate", "node", &node, "kompox.dev/disk-store-"];
            other().kubectl().expect("kubectl").run(&forget).expect("the annotation goes");
        }
    }
    impl Drop for Shared {
        fn drop(&mut self) {
            Self::forget_store();
        }
    }
    let _second = Second::up();
    Shared::forget_store();
    let _own_store_again = Shared;
    let app = App::new("shared", WEB, &bed().cluster.disk_store());
    app.ok(&["app", "deploy"]);
    app.exec("web", &["sh", "-c", "echo kept > /www/page"]);
    let moved = app.json(&["app", "move", "--to", "west"]);
    assert_eq!(moved["disks"][0]["handed_over"], true, "{moved}");
    app.set("west", true);
    assert_eq!(app.exec("web", &["cat", "/www/page"]), "kept\n");

    // The other cluster is alive, and says so; once it is not configured any more, the user vouches that it is gone.
    app.set("east", true);
    let alive = app.fails(&["app", "takeover", "--fenced"], 5);
    assert!(alive.contains("app.takeover.alive"), "{alive}");
    app.set("west", true);
    app.ok(&["app", "stop"]);
    app.set("east", false);
    let refused = app.fails(&["app", "takeover"], 2);
    assert!(refused.contains("--fenced"), "{refused}");
    let taken = app.json(&["app", "takeover", "--fenced"]);
    assert_eq!(taken["volumes"][0]["from"]["cluster"], "west", "{taken}");
    assert_eq!(app.exec("web", &["cat", "/www/page"]), "kept\n");
    let line = format!("taken over in {} s\n", taken["seconds"]);
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    app.set("west", true);
    let held = app.fails(&["app", "start"], 5);
    assert!(held.contains("not on an assigned disk of this cluster"), "{held}");
}
