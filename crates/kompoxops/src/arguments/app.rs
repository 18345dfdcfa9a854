//! `app …`.

use super::{CopyArguments, Limit, TunnelArguments};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Verbs of the app.
#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Check the configuration and the compose file, and print the Kubernetes manifests
    ///
    /// Works offline: no cluster is asked, nothing is written. Everything that is wrong is listed with its
    /// file, line and column, not just the first problem.
    Validate(ValidateArguments),
    /// Deploy the app, or bring a deployed one up to date
    ///
    /// Makes missing disks, applies what differs, removes what is no longer part of the app, and waits until
    /// the app is ready or can say why it is not. A repeat with nothing to do writes nothing.
    Deploy(DeployArguments),
    /// List the apps on the cluster, and those of the configuration that are not there
    List,
    /// Show what a deploy would change, line by line
    ///
    /// What is on the cluster is compared with what the server says a deploy would make of it. Data of Secrets
    /// are shown by their SHA-256. Nothing is written.
    Diff(DiffArguments),
    /// Show containers, hosts, DNS records and disks of the app
    ///
    /// With --output json, the form is that of docs/schema/status.schema.json.
    Status(StatusArguments),
    /// Show the volumes of the app, their disks and what lives on them
    ///
    /// Each volume with the compose volumes on it, its assigned disk, how many disks and snapshots it has, the Pod that
    /// mounts it, and what is wrong with it. A volume that has disks and is not in app.volumes any more is shown as
    /// left. Nothing is written.
    Volumes(VolumesArguments),
    /// Show what the app's containers wrote
    Logs(LogsArguments),
    /// Run a command in a container of the app
    ///
    /// Standard input is passed on. A terminal is allocated when input and output are terminals. Ends with
    /// the exit code of the command.
    Exec(ExecArguments),
    /// Copy files and folders out of a container of the app, or into it
    ///
    /// One of SRC and DEST is SERVICE:PATH, where PATH begins at the container's root; the other is a path of this
    /// machine, or - for a tar archive on standard input or output. As with docker cp: into a folder that is there, SRC
    /// goes under its own name, and SRC/. means the content of a folder; otherwise DEST is the new name. Folders that
    /// are there already keep what else they hold.
    ///
    /// The image needs neither tar nor a shell. Nothing at the destination changes before everything has arrived, and no
    /// link in the copy is followed. Modes are kept; sockets, pipes and devices are left out, and said. The copy belongs
    /// to you, or to the container's user. There is no time limit unless --timeout sets one.
    Cp(CopyArguments),
    /// Stop the app's Pod; everything else stays
    ///
    /// The app stays stopped until `app start`: a deploy in between brings it up to date and does not start it.
    /// Its disks stay assigned, and nothing that leads to its data is removed.
    Stop,
    /// Start a stopped app on the disks it had
    Start(StartArguments),
    /// Replace the app's Pod by a new one of the same kind
    ///
    /// An app is one Pod, so that all services restart together, in the order of depends_on. The app is not
    /// reachable from when the Pod begins to stop until the new one is ready; how long that took is said.
    Restart(StartArguments),
    /// Open a shell in a container of the app
    ///
    /// The first of bash and sh that the image has. Without a terminal, commands are read from standard input. Ends
    /// with the exit code of the shell.
    Shell(ShellArguments),
    /// Lead ports of this machine to ports of the app
    ///
    /// All services share the Pod, so a port is the same whichever service listens on it. Stays until it is
    /// interrupted, and goes on with the next Pod after a deploy.
    Tunnel(TunnelArguments),
    /// Move the app with all its disks to another cluster of its provider
    ///
    /// The app is stopped and its disks are fenced, so that nothing writes to them any more. They are copied and
    /// verified, or handed over where both clusters see them; then the app is deployed on the other cluster, and only
    /// when it is ready there, the disks become that cluster's. If something fails before, the app is started again
    /// where it was. A command that was killed is finished by its repeat, or given up with --abort.
    ///
    /// Snapshots stay where they are unless the disks are handed over, and so do the fenced copies. Afterwards, set
    /// the app's cluster in the configuration to the new one.
    Move(MoveArguments),
    /// Take the app over from a cluster that is gone for good, and deploy it here
    ///
    /// For disks that this cluster sees and another one holds: a new cluster on the same machine, for instance. The
    /// old one must not run any more; --fenced says that you have made sure. Refused when it is configured and
    /// answers.
    Takeover(TakeoverArguments),
    /// Copy the app's data to another app of the configuration
    ///
    /// The other app gets a new disk for each assigned one, of one moment, and is not deployed. The app goes on
    /// meanwhile where its disks are copied in one moment or its services hold still; elsewhere --stop is needed, as
    /// for a snapshot.
    Clone(CloneArguments),
    /// Remove the app from the cluster; its disks stay
    ///
    /// Everything of the app goes but its Namespace and its disks. A later deploy finds them again.
    Destroy(DestroyArguments),
}

/// How the compose file is read.
#[derive(Debug, Clone, Args)]
pub(crate) struct ComposeArguments {
    /// Enable the services of a compose profile; may be repeated [default: $COMPOSE_PROFILES]
    #[arg(long = "profile", value_name = "NAME")]
    pub(crate) profiles: Vec<String>,

    /// Let the compose file read files outside its own folder
    #[arg(long)]
    pub(crate) allow_outside: bool,
}

/// Arguments of `app validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateArguments {
    #[command(flatten)]
    pub(crate) compose: ComposeArguments,

    /// Print the data of Secrets instead of their SHA-256
    #[arg(long)]
    pub(crate) show_secrets: bool,

    /// Print what becomes of every key of the compose files instead of the manifests
    #[arg(long, conflicts_with = "show_secrets")]
    pub(crate) explain: bool,

    /// Print what behaves otherwise than under Docker Compose instead of the manifests, and end with exit code 10 if
    /// anything does
    #[arg(long, value_name = "WITH", conflicts_with_all = ["show_secrets", "explain"])]
    pub(crate) check: Option<CheckedWith>,
}

/// What an app is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckedWith {
    /// Docker Compose.
    Docker,
}

/// Arguments of `app deploy`.
#[derive(Debug, Args)]
pub(crate) struct DeployArguments {
    #[command(flatten)]
    pub(crate) compose: ComposeArguments,

    /// Ask the cluster what would change, print that, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// With --dry-run and --output json or yaml, print the data of Secrets instead of their SHA-256
    #[arg(long, requires = "dry_run")]
    pub(crate) show_secrets: bool,

    /// End once everything is applied, without waiting for the app to be ready
    #[arg(long)]
    pub(crate) no_wait: bool,

    /// Let a compose volume begin with nothing although data of it lie elsewhere; may be repeated
    ///
    /// A deploy refuses when a compose volume that got another name, or another disk, would seem to have lost its data.
    /// The old data stay where they are.
    #[arg(long, value_name = "VOLUME")]
    pub(crate) start_empty: Vec<String>,
}

/// Arguments of `app status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Stay and show the status again whenever it changes; Ctrl-C ends it
    ///
    /// On a terminal the screen is renewed. Elsewhere each change is one line, with --output json one object. Disks and
    /// DNS records, which no cluster watches, are looked at again every 30 seconds.
    #[arg(short = 'w', long)]
    pub(crate) watch: bool,

    /// Do not ask the name servers whether the app's hosts lead to the cluster
    #[arg(long)]
    pub(crate) no_dns: bool,
}

/// Arguments of `app volumes`.
#[derive(Debug, Args)]
pub(crate) struct VolumesArguments {
    #[command(flatten)]
    pub(crate) compose: ComposeArguments,
}

/// Arguments of `app diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    #[command(flatten)]
    pub(crate) compose: ComposeArguments,

    /// End with exit code 10 when something differs
    #[arg(long)]
    pub(crate) check: bool,

    /// Compare as if this compose volume were to begin with nothing; may be repeated
    #[arg(long, value_name = "VOLUME")]
    pub(crate) start_empty: Vec<String>,
}

/// Arguments of `app logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArguments {
    /// Compose service; all of them when left out
    #[arg(value_name = "SERVICE")]
    pub(crate) service: Option<String>,

    /// Stay and show new lines, those of later Pods too
    #[arg(short = 'f', long)]
    pub(crate) follow: bool,

    /// Configuration file [default: ./kompoxops.yml]
    // The same argument as the global one, without its short form: here -f is --follow.
    #[arg(id = "file", long = "file", value_name = "FILE", help_heading = "Global options")]
    file: Option<PathBuf>,

    /// Only the last lines of each container
    #[arg(long, value_name = "LINES")]
    pub(crate) tail: Option<u32>,

    /// Only lines younger than this, such as 90s or 2h
    #[arg(long, value_name = "DURATION")]
    pub(crate) since: Option<Limit>,

    /// Lines of the containers' previous run
    #[arg(short = 'p', long, conflicts_with = "follow")]
    pub(crate) previous: bool,

    /// Put the time before each line
    #[arg(short = 't', long)]
    pub(crate) timestamps: bool,
}

/// Arguments of `app exec`.
#[derive(Debug, Args)]
pub(crate) struct ExecArguments {
    /// Compose service; may be left out when the app has one only
    #[arg(short = 's', long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,

    /// Never allocate a terminal
    #[arg(short = 'T', long)]
    pub(crate) no_tty: bool,

    /// Program and arguments; no shell is involved
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
}

/// Arguments of `app start` and `app restart`.
#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// End once the Pod is on its way, without waiting for the app to be ready
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Arguments of `app shell`.
#[derive(Debug, Args)]
pub(crate) struct ShellArguments {
    /// Compose service; may be left out when the app has one only
    #[arg(value_name = "SERVICE")]
    pub(crate) service: Option<String>,
}

/// Arguments of `app destroy`.
#[derive(Debug, Args)]
pub(crate) struct DestroyArguments {
    /// Delete the app's Namespace too; disks stay all the same
    #[arg(long)]
    pub(crate) delete_namespace: bool,

    /// Print what would be deleted, and delete nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `app move`.
#[derive(Debug, Args)]
pub(crate) struct MoveArguments {
    /// Cluster to move to
    #[arg(long, value_name = "CLUSTER")]
    pub(crate) to: String,

    #[command(flatten)]
    pub(crate) compose: ComposeArguments,

    /// Delete the fenced copies that an earlier move left on that cluster
    #[arg(long)]
    pub(crate) delete_old_copies: bool,

    /// Give up a move that was begun: delete what is copied, and start the app where it was
    ///
    /// What the app wrote on the other cluster meanwhile is lost. Refused when that cluster holds the disks already.
    #[arg(long, conflicts_with_all = ["delete_old_copies", "dry_run"])]
    pub(crate) abort: bool,

    /// Print what would be moved, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `app takeover`.
#[derive(Debug, Args)]
pub(crate) struct TakeoverArguments {
    /// The old cluster is gone, or can reach the disks no more: you have made sure
    #[arg(long, required = true)]
    pub(crate) fenced: bool,

    #[command(flatten)]
    pub(crate) compose: ComposeArguments,

    /// Print what would be taken over, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `app clone`.
#[derive(Debug, Args)]
pub(crate) struct CloneArguments {
    /// The other app, on the same cluster
    #[arg(value_name = "APP")]
    pub(crate) name: String,

    /// Stop the app for the copy, and start it again
    #[arg(long)]
    pub(crate) stop: bool,

    /// Print what would be copied, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
