//! kubectl against one cluster. Starts processes.

use std::path::PathBuf;
use std::process::Output;

use crate::error::Result;
use crate::program::Program;

/// The cluster's own kubectl, with its administrator's kubeconfig.
#[derive(Debug, Clone)]
pub struct Kubectl {
    pub(crate) path: PathBuf,
    pub(crate) kubeconfig: PathBuf,
}

impl Kubectl {
    /// kubectl with arguments, ready to run.
    #[must_use]
    pub fn program(&self, arguments: &[&str]) -> Program {
        Program::new(&self.path).arg("--kubeconfig").arg(&self.kubeconfig).args(arguments)
    }

    /// The program itself.
    #[must_use]
    pub fn program_path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Runs to the end, whatever the exit status.
    ///
    /// # Errors
    /// When kubectl cannot be started.
    pub fn output(&self, arguments: &[&str]) -> Result<Output> {
        self.program(arguments).output()
    }

    /// Runs to the end and returns standard output.
    ///
    /// # Errors
    /// [`crate::Error::Program`] with kubectl's message for an exit status other than 0.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        self.program(arguments).run()
    }

    /// Applies a manifest.
    ///
    /// # Errors
    /// As [`Kubectl::run`].
    pub fn apply(&self, manifest: &str) -> Result<String> {
        self.program(&["apply", "--filename", "-"]).input(manifest).run()
    }
}
