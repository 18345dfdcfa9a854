//! Kubernetes' own end-to-end suite as an oracle for the test bed. Builds it, runs it, reads its counts.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::golang;
use crate::image::Image;
use crate::program::last_lines;
use crate::steps::Steps;
use crate::testbed::Testbed;
use crate::up::UpOptions;

/// Which of its specs are run.
const FOCUS: &str = "Netpol NetworkPolicy between server and client";
/// Where the suite takes its images from instead of registries.
const REPOSITORIES: &str = "promoterE2eRegistry: localhost\n";
/// Lines of the suite's output worth showing when it says no counts.
const SHOWN_LINES: usize = 30;

/// What the suite said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuiteCounts {
    /// Specs that passed.
    pub passed: u64,
    /// Specs that failed.
    pub failed: u64,
    /// The failed ones, and what it said of each.
    pub failures: Vec<String>,
    /// How long it ran, without building.
    pub duration: Duration,
}

impl Testbed {
    /// Runs the suite's specs of network policies on a cluster, which is brought up for it.
    ///
    /// # Errors
    /// Those of the builds and of the cluster, and [`Error::Form`] when the suite says no counts. Failed specs are counts.
    pub fn network_policy_suite(&self, name: &str) -> Result<SuiteCounts> {
        let cluster = self.up(name, &UpOptions::default())?;
        let steps = Steps::new("e2e");
        let suite = golang::e2e(&cluster.layout, &steps)?.join("e2e.test");
        cluster.load(&self.ensure_images(&[Image::Agnhost])?)?;
        steps.long_step(FOCUS, || run(&cluster, &suite))
    }
}

fn run(cluster: &Cluster, suite: &Path) -> Result<SuiteCounts> {
    let folder = cluster.folder().join("run");
    let repositories = folder.join("e2e-repositories.yaml");
    fs::write(&repositories, REPOSITORIES).map_err(Error::file("write", &repositories))?;
    // Written as it goes: a run takes minutes, and whoever waits can look.
    let log = cluster.folder().join("log/e2e.log");
    let file = File::create(&log).map_err(Error::file("make", &log))?;
    let errors = file.try_clone().map_err(Error::file("open", &log))?;
    let started = Instant::now();
    // Failed specs are an exit status too; the counts tell more.
    Command::new(suite)
        .current_dir(&folder)
        .env("KUBE_TEST_REPO_LIST", &repositories)
        .arg(format!("--kubeconfig={}", cluster.kubeconfig().display()))
        .args(["--provider=skeleton", "--ginkgo.no-color", "--ginkgo.timeout=30m"])
        .arg(format!("--ginkgo.focus={FOCUS}"))
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(errors)
        .status()
        .map_err(|source| Error::Start { program: suite.display().to_string(), source })?;
    let text = fs::read(&log).map_err(Error::file("read", &log))?;
    let text = String::from_utf8_lossy(&text);
    let counts = counts(&text).ok_or_else(|| Error::Form {
        what: format!("the end of {}", log.display()),
        detail: last_lines(&text, SHOWN_LINES),
    })?;
    Ok(SuiteCounts { duration: started.elapsed(), ..counts })
}

/// From the closing lines, such as `SUCCESS! -- 42 Passed | 0 Failed | 0 Pending | 7000 Skipped`.
fn counts(text: &str) -> Option<SuiteCounts> {
    let summary = text.lines().rev().find_map(|line| line.split_once("! -- ").map(|(_, counts)| counts))?;
    let count = |word: &str| {
        let part = summary.split('|').map(str::trim).find_map(|part| part.strip_suffix(word))?;
        part.trim().parse().ok()
    };
    let failures = text.lines().map(str::trim).filter(|line| line.starts_with("[FAIL] "));
    let mut failures: Vec<String> = failures.map(str::to_owned).collect();
    failures.dedup();
    Some(SuiteCounts {
        passed: count("Passed")?,
        failed: count("Failed")?,
        failures,
        duration: Duration::ZERO,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_the_closing_lines() {
        let text = "Ran 42 of 1400 Specs in 188.5 seconds\nSUCCESS! -- 42 Passed | 0 Failed | 0 Pending | 1358 Skipped\nPASS\n";
        assert_eq!(counts(text), Some(SuiteCounts { passed: 42, ..SuiteCounts::default() }));
        let text = "Summarizing 1 Failure:\n  [FAIL] [sig-network] Netpol x [It] y\nFAIL! -- 1 Passed | 1 Failed | 0 Pending | 0 Skipped\n";
        let failed = counts(text).unwrap();
        assert_eq!((failed.passed, failed.failed), (1, 1));
        assert_eq!(failed.failures, ["[FAIL] [sig-network] Netpol x [It] y"]);
        assert_eq!(counts("panic: no flag\n"), None);
    }
}
