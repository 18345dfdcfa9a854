//! One app of the benchmark: its folder, and kompoxops and kubectl run for it. Starts both.

use super::Bed;
use crate::Outcome;
use crate::measure::{Measured, measure};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

/// One app with the programs that deploy it.
pub(super) struct Project {
    pub(super) app: String,
    pub(super) folder: PathBuf,
    pub(super) ops: PathBuf,
    pub(super) kubectl: PathBuf,
    pub(super) kubeconfig: PathBuf,
}

/// The kompoxops.yml of an app of the benchmark.
pub(super) fn configuration(bed: &Bed, app: &str) -> String {
    format!(
        "version: 1\nworkspace: {{name: bench, domain: kompox.test}}\ncluster:\n  name: local\n  provider: k3s\n  existing: true\n  \
         auth: {{type: kubectl, kubeconfig: {}}}\n  images: {{node: {}}}\n  settings: {{K3S_DISK_STORE: {}}}\napp:\n  name: {app}\n  \
         compose: compose.yml\n",
        bed.cluster.kubeconfig().display(),
        bed.node_image,
        bed.cluster.disk_store().display()
    )
}

impl Project {
    /// Runs kompoxops and measures it.
    pub(super) fn ops(&self, arguments: &[&str]) -> Result<Measured, Box<dyn std::error::Error>> {
        let mut command = Command::new(&self.ops);
        command.current_dir(&self.folder).args(arguments);
        measure(&mut command)
    }

    /// Runs kubectl and measures it.
    pub(super) fn kubectl(&self, arguments: &[&str]) -> Result<Measured, Box<dyn std::error::Error>> {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", &self.kubeconfig).args(arguments);
        measure(&mut command)
    }

    /// What kompoxops prints as JSON.
    pub(super) fn json(&self, arguments: &[&str]) -> Result<Value, Box<dyn std::error::Error>> {
        let output = Command::new(&self.ops)
            .current_dir(&self.folder)
            .args(["--output", "json"])
            .args(arguments)
            .output()?;
        if !output.status.success() {
            return Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The very objects of a deploy, as a file for kubectl.
    pub(super) fn manifest(&self) -> Result<String, Box<dyn std::error::Error>> {
        let plan = self.json(&["app", "deploy", "--dry-run", "--show-secrets"])?;
        let list = json!({"apiVersion": "v1", "kind": "List", "items": plan["objects"]});
        let path = self.folder.join("objects.json");
        fs::write(&path, list.to_string())?;
        Ok(path.display().to_string())
    }

    /// The app's Namespace.
    pub(super) fn namespace(&self) -> Result<String, Box<dyn std::error::Error>> {
        let status = self.json(&["app", "status"])?;
        Ok(status["namespace"].as_str().ok_or("no Namespace")?.to_owned())
    }

    /// Takes everything away but the disk.
    pub(super) fn clear(&self) -> Outcome {
        self.ops(&["--yes", "app", "destroy", "--delete-namespace"]).map(|_| ())
    }

    /// The same before run `run` of `runs`, which begins at that part of a second.
    ///
    /// A node looks at its containers once a second, and a Pod has gone when it has looked: what begins right then meets
    /// each time the same moment between two looks, a good one or a bad one. So each side begins at the same moments, spread
    /// over a second.
    pub(super) fn clear_for(&self, run: usize, runs: usize) -> Outcome {
        self.clear()?;
        let wanted = Duration::from_secs(1) * u32::try_from(run)? / u32::try_from(runs)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.subsec_nanos();
        let late = Duration::from_nanos(now.into());
        thread::sleep(if late <= wanted { wanted - late } else { wanted + Duration::from_secs(1) - late });
        Ok(())
    }
}
