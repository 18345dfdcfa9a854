//! The command line: nouns, verbs and options as clap types. Pure apart from what clap does.
//!
//! The help texts are the reference of the program; `tests/help.rs` holds them as data.

mod app;
mod archive;
mod cluster;
mod compose;
mod config;
mod copy;
mod disk;
mod documents;
mod duration;
mod init;
mod snapshot;
mod tunnel;

pub(crate) use app::{
    AppCommand, CheckedWith, CloneArguments, ComposeArguments, DeployArguments, DestroyArguments,
    DiffArguments, ExecArguments, LogsArguments, MoveArguments, ShellArguments, StartArguments,
    StatusArguments, TakeoverArguments, ValidateArguments, VolumesArguments,
};
pub(crate) use archive::ArchivePath;
pub(crate) use cluster::{ClusterCommand, KubeconfigArguments, UninstallNodeArguments};
pub(crate) use compose::{ComposeCommand, ComposeForm, ConfigComposeArguments, ImportComposeArguments, Only};
pub(crate) use config::{ConfigCommand, ConvertArguments, ShowArguments};
pub(crate) use copy::{CopyArguments, CopyEnd};
pub(crate) use disk::{
    AttachArguments, CreateArguments, DiskCommand, ExportArguments, ImportArguments, ListArguments,
    LogDiskArguments, OneDiskArguments, RepairArguments,
};
pub(crate) use documents::{CompletionArguments, ManArguments};
pub(crate) use duration::Limit;
pub(crate) use init::{InitArguments, StarterArguments};
pub(crate) use snapshot::{
    CreateSnapshotArguments, DeleteSnapshotArguments, ExportSnapshotArguments, ListSnapshotsArguments,
    RestoreArguments, SnapshotCommand,
};
pub(crate) use tunnel::{TunnelArguments, TunnelPort};

use clap::{Args, Parser, Subcommand, ValueEnum};
use kompox_model::choice::Wanted;
use kompox_store::Files;
use std::path::{Path, PathBuf};

/// The configuration file that is read when no other is named.
pub(crate) const CONFIGURATION_FILE: &str = "kompoxops.yml";

/// Runs compose apps on Kubernetes with disks that outlive the app and the cluster.
///
/// Everything is described by kompoxops.yml, or KOM documents, and the compose file; there is no other state than what
/// the cluster and the disks themselves carry. Every command can be repeated.
#[derive(Debug, Parser)]
#[command(
    name = "kompoxops",
    version,
    propagate_version = false,
    max_term_width = 100,
    infer_long_args = false,
    arg_required_else_help = true,
    after_long_help = ENVIRONMENT_AND_EXIT_CODES
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
    #[command(subcommand)]
    pub(crate) noun: Noun,
}

/// Environment variables, and the table of `exit.rs`, for people.
const ENVIRONMENT_AND_EXIT_CODES: &str = "\
Environment:
  KOMPOXOPS_KUBECONFIG  kubeconfig to use instead of the one in cluster.auth
  KUBECONFIG            kubeconfigs to use when cluster.auth names none
  COMPOSE_PROFILES      compose profiles, separated by commas, when no --profile is given
  All variables can be used in the compose file.

Exit codes:
    0  done
    1  failed: a crashed container, a quota, an internal error
    2  wrong usage of the command line
    3  invalid input
    4  not found
    5  exists already, or in conflict with what was found
    6  denied, or not authenticated
    7  not supported
    8  unavailable, too many requests, or timed out
   10  a --check found a difference
  130  interrupted
`app exec` ends with the exit code of the command it ran.";

/// Options of every command; they may stand before or after the noun and the verb.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArguments {
    /// Configuration file [default: ./kompoxops.yml]
    #[arg(short = 'f', long, global = true, value_name = "FILE")]
    file: Option<PathBuf>,

    /// KOM documents, a file or a folder; can be repeated, and goes with --file or without
    #[arg(long, global = true, value_name = "PATH")]
    kom: Vec<PathBuf>,

    /// App, by name or as WORKSPACE/PROVIDER/NAME [default: the only one]
    #[arg(short = 'a', long, global = true, value_name = "APP")]
    app: Option<String>,

    /// Cluster, by name or as WORKSPACE/PROVIDER/NAME [default: the app's, or the only one]
    #[arg(short = 'c', long, global = true, value_name = "CLUSTER")]
    cluster: Option<String>,

    /// Form of the data on stdout [default: what suits people best]
    #[arg(short = 'o', long, global = true, value_name = "FORM")]
    pub(crate) output: Option<OutputForm>,

    /// Form of everything on stderr; json gives one object per line
    #[arg(long, global = true, value_name = "FORM", default_value = "text")]
    pub(crate) log_format: LogFormat,

    /// Least severe log lines to show
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    pub(crate) log_level: LogLevel,

    /// Show no progress, only what needs attention
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,

    /// Answer every question with yes; needed for destructive commands without a terminal
    #[arg(short = 'y', long, global = true)]
    pub(crate) yes: bool,

    /// Time limit such as 90s, 10m or 1h30m, 0 for none [default: 10m; none for logs, exec, shell, tunnel and cp]
    #[arg(long, global = true, value_name = "DURATION")]
    pub(crate) timeout: Option<Limit>,
}

impl GlobalArguments {
    /// The configuration file that `init` writes.
    pub(crate) fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new(CONFIGURATION_FILE))
    }

    /// The configuration file to read: with KOM documents alone there is none.
    fn read_file(&self) -> Option<PathBuf> {
        (self.file.is_some() || self.kom.is_empty()).then(|| self.file().to_owned())
    }

    /// Everything to read.
    pub(crate) fn files(&self) -> Files {
        Files::new(self.read_file(), self.kom.clone())
    }

    /// Files and folders to read, as the user named them.
    pub(crate) fn inputs(&self) -> Vec<PathBuf> {
        self.read_file().into_iter().chain(self.kom.iter().cloned()).collect()
    }

    /// True for a path of --kom.
    pub(crate) fn names_kom(&self, path: &Path) -> bool {
        self.kom.iter().any(|named| named == path)
    }

    /// What the user said about the app and the cluster.
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        Wanted { app: self.app.as_deref(), cluster: self.cluster.as_deref() }
    }
}

/// Form of data on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputForm {
    /// Columns for people.
    Table,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Names only, one a line.
    Name,
}

/// Form of what goes to stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Severity of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// Errors only.
    Error,
    /// Also what may need attention.
    Warn,
    /// Also what was done.
    Info,
    /// Also each request.
    Debug,
    /// Everything.
    Trace,
}

/// What a command is about.
#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// Write a starter kompoxops.yml
    Init(InitArguments),
    /// Validate, deploy, watch and remove an app
    #[command(subcommand)]
    App(AppCommand),
    /// List, create, assign, attach, detach and delete the disks of an app
    #[command(subcommand)]
    Disk(DiskCommand),
    /// Keep what the disks of an app hold, and make disks from that
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Look at a compose project as Docker Compose would
    #[command(subcommand)]
    Compose(ComposeCommand),
    /// See the state of the cluster, get its kubeconfig
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Check whether the cluster, and your access to it, have what apps need
    ///
    /// Nothing is written. A check is ok; or warn, when apps work but something is weaker than it should be or could not
    /// be seen; or fail, when apps will not work. Each of the latter two says what helps. Ends with exit code 1 when a
    /// check fails. With --output json, every right that kompoxops uses is listed.
    Doctor,
    /// Show, check and convert the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show the version, the Kubernetes versions it works with, and the built-in drivers
    Version,
    /// Print a completion script for a shell
    ///
    /// For bash, for instance: kompoxops completion bash > ~/.local/share/bash-completion/completions/kompoxops
    Completion(CompletionArguments),
    /// Print the manual page, or write the pages of all commands
    Man(ManArguments),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Arguments {
        Arguments::try_parse_from(line.split(' ')).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_stand_before_or_after_the_verb() {
        for line in [
            "kompoxops -f a.yml -o json app status",
            "kompoxops app -f a.yml status -o json",
            "kompoxops app status -f a.yml --output json",
        ] {
            let arguments = parse(line);
            assert_eq!(arguments.global.file(), Path::new("a.yml"), "{line}");
            assert_eq!(arguments.global.output, Some(OutputForm::Json), "{line}");
        }
        assert_eq!(parse("kompoxops app status").global.file(), Path::new(CONFIGURATION_FILE));
    }

    #[test]
    fn after_logs_f_is_follow() {
        for (line, file, follow) in [
            ("kompoxops app logs", CONFIGURATION_FILE, false),
            ("kompoxops app logs -f", CONFIGURATION_FILE, true),
            ("kompoxops app logs -f db", CONFIGURATION_FILE, true),
            ("kompoxops -f a.yml app logs -f db", "a.yml", true),
            ("kompoxops app logs --file a.yml db", "a.yml", false),
            ("kompoxops app -f a.yml logs --follow", "a.yml", true),
        ] {
            let arguments = parse(line);
            assert_eq!(arguments.global.file(), Path::new(file), "{line}");
            let Noun::App(AppCommand::Logs(logs)) = arguments.noun else { panic!("{line}") };
            assert_eq!(logs.follow, follow, "{line}");
        }
    }

    #[test]
    fn everything_after_the_command_of_exec_belongs_to_it() {
        for line in ["kompoxops app exec -s web -- ls -o --yes", "kompoxops app exec -s web ls -o --yes"] {
            let arguments = parse(line);
            assert!(!arguments.global.yes, "{line}");
            let Noun::App(AppCommand::Exec(exec)) = arguments.noun else { panic!("{line}") };
            assert_eq!(exec.command, ["ls", "-o", "--yes"], "{line}");
        }
    }
}
