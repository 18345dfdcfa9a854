//! `cargo xtask demo`: a local cluster, Redmine with PostgreSQL deployed from its compose.yml, its URL. Installs and
//! builds what is missing; `--prove` shows that data survive redeploy, destroy and a restart of the cluster, come back from a
//! snapshot, and follow the app to another cluster.

use crate::Outcome;
use kompox_testbed::{Cluster, Image, Testbed, UpOptions, https};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const CLUSTER: &str = "a";
/// Where the app is moved to and back.
const SECOND: &str = "e";
/// What the two are called in the configuration: the test bed has certificates for these.
const NAMES: [&str; 2] = ["local", SECOND];
const HOST: &str = "redmine.local.kompox.test";

/// Arguments of the demo.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Also show that data survive redeploy, destroy, deletion of the Namespace and a restart of the cluster, come back
    /// from a snapshot, and move to a second cluster and back
    #[arg(long)]
    prove: bool,
}

/// The demo's folder, program and cluster.
struct Demo {
    folder: PathBuf,
    program: PathBuf,
    cluster: Cluster,
    testbed: Testbed,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let started = Instant::now();
    let testbed = Testbed::of_this_checkout()?;
    let cluster = testbed.up(CLUSTER, &UpOptions::default())?;
    let images = testbed.ensure_images(&[Image::Postgres, Image::Redmine, Image::KompoxNode])?;
    cluster.load(&images)?;
    let program = crate::build::program("kompoxops")?;
    let node_image = &images.last().ok_or("no image was built")?.reference;
    let folder = crate::build::root().join("target/demo/redmine");
    let demo = Demo { folder, program, cluster, testbed };
    demo.come_back(node_image)?;
    write_project(&demo.cluster, NAMES[0], node_image)?;
    demo.ops(&["app", "deploy"])?;
    demo.fetch("/")?;
    if arguments.prove {
        demo.prove(node_image)?;
    }
    demo.farewell(started);
    Ok(())
}

/// Copies the example and writes a kompoxops.yml for a cluster of the test bed beside it.
fn write_project(cluster: &Cluster, name: &str, node_image: &str) -> Outcome {
    let root = crate::build::root();
    let folder = root.join("target/demo/redmine");
    fs::create_dir_all(&folder)?;
    for file in ["compose.yml", ".env"] {
        fs::copy(root.join("examples/redmine").join(file), folder.join(file))?;
    }
    let text = fs::read_to_string(root.join("examples/redmine/kompoxops.yml"))?
        .replace("name: local", &format!("name: {name}"))
        .replace("${KOMPOX_NODE_IMAGE}", node_image)
        .replace("${KUBECONFIG}", &cluster.kubeconfig().display().to_string())
        .replace("${K3S_DISK_STORE}", &cluster.disk_store().display().to_string());
    fs::write(folder.join("kompoxops.yml"), text)?;
    Ok(())
}

impl Demo {
    /// A proof that was cut off may have left the app on the second cluster.
    fn come_back(&self, node_image: &str) -> Outcome {
        let configured = fs::read_to_string(self.folder.join("kompoxops.yml")).unwrap_or_default();
        if !configured.contains(&format!("  name: {}\n", NAMES[1])) {
            return Ok(());
        }
        say("the app is on the second cluster still");
        self.testbed.up(SECOND, &UpOptions::default())?;
        self.move_to(&self.cluster, NAMES[0], node_image)
    }

    /// Runs kompoxops as a user would, its output on this terminal.
    fn ops(&self, arguments: &[&str]) -> Outcome {
        say(&format!("$ kompoxops {}", arguments.join(" ")));
        let status = self.command(arguments).status()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("kompoxops {} failed: {status}", arguments.join(" ")).into())
        }
    }

    fn output(&self, arguments: &[&str]) -> Result<String, Box<dyn std::error::Error>> {
        let Output { status, stdout, stderr } = self.command(arguments).stdin(Stdio::null()).output()?;
        if !status.success() {
            let stderr = String::from_utf8_lossy(&stderr);
            return Err(format!("kompoxops {} failed: {status}\n{stderr}", arguments.join(" ")).into());
        }
        Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).args(arguments);
        command
    }

    /// Fetches a page over HTTPS, verified against the test bed's authority.
    fn fetch(&self, path: &str) -> Result<String, Box<dyn std::error::Error>> {
        fetch_from(&self.cluster, HOST, path)
    }

    /// Says whether what was written is on the first cluster.
    fn check(&self, mark: &str, file: &str, what: &str) -> Outcome {
        self.check_on(&self.cluster, HOST, mark, file, what)
    }

    fn check_on(&self, cluster: &Cluster, host: &str, mark: &str, file: &str, what: &str) -> Outcome {
        let page = fetch_from(cluster, host, "/")?;
        if !page.contains(mark) {
            return Err(format!("after {what} the page no longer shows `{mark}`: data lost").into());
        }
        let content = self.output(&["app", "exec", "-s", "redmine", "--", "cat", file])?;
        if content != mark {
            return Err(format!("after {what} the file holds `{content}`, not `{mark}`: data lost").into());
        }
        say(&format!("proved: data survived {what}"));
        Ok(())
    }

    /// Writes to the database and to a volume, then looks for both after everything that must not lose them.
    fn prove(&self, node_image: &str) -> Outcome {
        let mark = format!("Proof {}", std::process::id());
        let sql = format!(
            "delete from settings where name = 'app_title'; \
             insert into settings (name, value, updated_on) values ('app_title', '{mark}', now())"
        );
        let psql = r#"PGPASSWORD="$POSTGRES_PASSWORD" psql -h 127.0.0.1 -U "$POSTGRES_USER" -v ON_ERROR_STOP=1 -c "$1""#;
        self.output(&["app", "exec", "-s", "db", "--", "sh", "-c", psql, "sh", &sql])?;
        let file = "/usr/src/redmine/files/proof.txt";
        self.output(&["app", "exec", "-s", "redmine", "--", "sh", "-c", &format!("echo '{mark}' > {file}")])?;
        say(&format!("wrote `{mark}` to the database and to a volume"));
        let compose = self.folder.join("compose.yml");
        let text = fs::read_to_string(&compose)?;
        let first = "      REDMINE_DB_POSTGRES: db";
        fs::write(&compose, text.replace(first, &format!("      PROOF: \"{mark}\"\n{first}")))?;
        say("another environment value makes a new Pod");
        self.ops(&["app", "deploy"])?;
        self.check(&mark, file, "a redeploy")?;
        self.ops(&["--yes", "app", "destroy"])?;
        self.ops(&["app", "deploy"])?;
        self.check(&mark, file, "destroy and deploy")?;
        self.ops(&["--yes", "app", "destroy", "--delete-namespace"])?;
        self.ops(&["app", "deploy"])?;
        self.check(&mark, file, "destroy --delete-namespace and deploy")?;
        self.testbed.down(CLUSTER, None)?;
        self.testbed.up(CLUSTER, &UpOptions::default())?;
        self.ops(&["app", "deploy"])?;
        self.check(&mark, file, "a restart of the cluster")?;
        self.prove_snapshot(&mark, file)?;
        self.prove_move(node_image, &mark, file)
    }

    /// Keeps the data, damages them, and has them back.
    fn prove_snapshot(&self, mark: &str, file: &str) -> Outcome {
        let name = format!("proof-{}", std::process::id());
        self.ops(&["snapshot", "create", &name, "--stop"])?;
        let damage = r#"PGPASSWORD="$POSTGRES_PASSWORD" psql -h 127.0.0.1 -U "$POSTGRES_USER" -c "delete from settings""#;
        self.output(&["app", "exec", "-s", "db", "--", "sh", "-c", damage])?;
        self.output(&["app", "exec", "-s", "redmine", "--", "rm", file])?;
        say("deleted the settings from the database and the file from the volume");
        self.ops(&["snapshot", "restore", &name, "--disk", &name, "--attach"])?;
        self.check(mark, file, "damage, by a snapshot")?;
        // So that the demo takes no more room each time.
        let unassigned = self.output(&["--output", "json", "disk", "list"])?;
        let unassigned: serde_json::Value = serde_json::from_str(&unassigned)?;
        for disk in unassigned["disks"].as_array().into_iter().flatten() {
            if let Some(name) = disk["name"].as_str().filter(|_| disk["assigned"] == false) {
                self.ops(&["--yes", "disk", "delete", name])?;
            }
        }
        self.ops(&["--yes", "snapshot", "delete", &name])
    }

    /// Moves the app to a second cluster and back.
    fn prove_move(&self, node_image: &str, mark: &str, file: &str) -> Outcome {
        let second = self.testbed.up(SECOND, &UpOptions::default())?;
        let images = self.testbed.ensure_images(&[Image::Postgres, Image::Redmine, Image::KompoxNode])?;
        second.load(&images)?;
        let host = HOST.replace(NAMES[0], NAMES[1]);
        self.move_to(&second, NAMES[1], node_image)?;
        self.check_on(&second, &host, mark, file, "a move to another cluster")?;
        self.move_to(&self.cluster, NAMES[0], node_image)?;
        self.check(mark, file, "the move back")?;
        self.testbed.down(SECOND, None)?;
        Ok(())
    }

    /// Moves the app from where it is configured to `cluster`, and configures it there.
    fn move_to(&self, cluster: &Cluster, name: &str, node_image: &str) -> Outcome {
        let document = format!(
            "apiVersion: ops.kompox.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec:\n  workspace: ops\n  \
             provider: k3s\n  existing: true\n  auth: {{type: kubectl, kubeconfig: {}}}\n  images: {{node: {node_image}}}\n  \
             settings: {{K3S_DISK_STORE: {}}}\n",
            cluster.kubeconfig().display(),
            cluster.disk_store().display(),
        );
        fs::write(self.folder.join("other.yml"), document)?;
        let files = ["--file", "kompoxops.yml", "--kom", "other.yml"];
        let command = ["app", "move", "--to", name, "--delete-old-copies"];
        self.ops(&[&files[..], &command[..]].concat())?;
        write_project(cluster, name, node_image)
    }

    fn farewell(&self, started: Instant) {
        let address = self.cluster.node_address();
        let program = self.program.display();
        let authority = self.cluster.ingress_authority();
        say(&format!("done in {:.0} s\n", started.elapsed().as_secs_f64()));
        println!("Redmine runs at https://{HOST}/ (user admin, password admin)");
        println!("To open it in a browser on this machine:");
        println!("  1. add this line to /etc/hosts:   {address} {HOST}");
        println!("  2. let the browser trust:         {}", shown(&authority));
        println!("or: curl --cacert {} --resolve {HOST}:443:{address} https://{HOST}/", shown(&authority));
        println!("Look around:  cd {} && {} app status", shown(&self.folder), program);
        println!("Take it down: cargo xtask cluster down");
    }
}

/// Fetches a page of a host from a cluster, verified against the test bed's authority.
fn fetch_from(cluster: &Cluster, host: &str, path: &str) -> Result<String, Box<dyn std::error::Error>> {
    let started = Instant::now();
    let authority = cluster.ingress_authority();
    let address = cluster.node_address().into();
    let answer = https::get_until(address, host, path, &authority, 200, Duration::from_secs(60))?;
    say(&format!(
        "https://{host}{path} answers {} ({} bytes, {:.1} s), certificate verified",
        answer.status,
        answer.body.len(),
        started.elapsed().as_secs_f64()
    ));
    Ok(answer.body)
}

/// A path relative to the current folder, where that is shorter.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

fn say(line: &str) {
    eprintln!("[demo] {line}");
}
