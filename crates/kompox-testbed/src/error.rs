//! What can go wrong with the test bed. No IO.

use std::path::PathBuf;

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the test bed, worded for the developer at the terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The clusters need network and mount namespaces, links and control groups.
    #[error("the test bed needs root (namespaces, links and control groups)")]
    NotRoot,
    /// The machine lacks something that cannot be installed.
    #[error("this machine cannot run the test bed: {0}")]
    Machine(String),
    /// A cluster name other than one letter from a to i.
    #[error("`{0}` is no cluster name: one letter from a to i (the letter fixes its addresses)")]
    Name(String),
    /// An image name this test bed does not build.
    #[error("`{name}` is no image of the test bed; it builds: {known}")]
    UnknownImage {
        /// What was asked for.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// A component name that has no log.
    #[error("`{name}` is no component; there are: {known}")]
    UnknownComponent {
        /// What was asked for.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// The addresses of a cluster name are machine-wide and in use by another state folder.
    #[error("cluster `{slot}` of this machine is running from another state folder, {}; use another letter or take it down there", root.display())]
    SlotTaken {
        /// The cluster's letter.
        slot: char,
        /// The state folder that owns it.
        root: PathBuf,
    },
    /// A command was given a cluster that is not running.
    #[error("cluster `{0}` is not up")]
    NotUp(char),
    /// A program could not be started at all.
    #[error("`{program}` could not be started")]
    Start {
        /// The program's name.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program ended with a failure.
    #[error("`{command}` failed ({status}){}", indented(output))]
    Program {
        /// The command line.
        command: String,
        /// Its exit status.
        status: String,
        /// The last lines it wrote to standard error, or to standard output if there were none.
        output: String,
    },
    /// A component did not get ready in time, or ended.
    #[error("{what}; last lines of {}:{}", log.display(), indented(tail))]
    Component {
        /// What happened to which component.
        what: String,
        /// Its log file.
        log: PathBuf,
        /// The end of that file.
        tail: String,
    },
    /// Something awaited did not happen.
    #[error("{what} was not seen within {seconds} s")]
    Timeout {
        /// What was awaited.
        what: String,
        /// For how long.
        seconds: u64,
    },
    /// A file operation failed.
    #[error("cannot {action} {}", path.display())]
    File {
        /// A verb, such as `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or an answer has a form this crate does not expect.
    #[error("{what} has an unexpected form: {detail}")]
    Form {
        /// Which file or answer.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl Error {
    /// For `map_err` on file operations.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |mut all, line| {
        all.push_str("\n    ");
        all.push_str(line);
        all
    })
}
