//! `compose …`.

use super::StarterArguments;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Verbs for compose projects, with or without a configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ComposeCommand {
    /// Print a compose project as it is understood: merged, interpolated, in full
    ///
    /// The form is that of docker compose config: every key in its long form, paths absolute, env files resolved. Without
    /// files, they are found as Docker Compose finds them: COMPOSE_FILE, or compose.yaml and its relatives in this folder
    /// or above, with the override file. No configuration is read and nothing is written.
    Config(ConfigComposeArguments),
    /// Print a starter kompoxops.yml for a compose project
    ///
    /// It says which hosts and volumes the app will have, which volumes could get a disk of their own or need one, what
    /// the compose files need in `x-kompox`, and what a person must decide, each with its place. Nothing is written: send
    /// it into kompoxops.yml, decide, and go on with `kompoxops app validate`.
    Import(ImportComposeArguments),
}

/// Arguments of `compose import`.
#[derive(Debug, Args)]
pub(crate) struct ImportComposeArguments {
    /// Folder of the compose project, or its compose file
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) project: PathBuf,

    #[command(flatten)]
    pub(crate) starter: StarterArguments,
}

/// Arguments of `compose config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigComposeArguments {
    /// Compose files, each merged into those before it [default: as Docker Compose finds them]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Project directory, where relative paths lead from [default: the folder of the first file]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) project_directory: Option<PathBuf>,

    /// Name of the project [default: COMPOSE_PROJECT_NAME, `name:` in the file, or that of the folder]
    #[arg(short = 'p', long, value_name = "NAME")]
    pub(crate) project_name: Option<String>,

    /// File with variables, instead of .env; can be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,

    /// Enable the services of a compose profile; may be repeated [default: $COMPOSE_PROFILES]
    #[arg(long = "profile", value_name = "NAME")]
    pub(crate) profiles: Vec<String>,

    /// Let the compose files read files outside the project directory
    #[arg(long)]
    pub(crate) allow_outside: bool,

    /// Form of the project, as --output
    #[arg(long, value_name = "FORM", conflicts_with = "output")]
    pub(crate) format: Option<ComposeForm>,

    #[command(flatten)]
    pub(crate) only: Only,
}

/// A part of the project instead of all of it.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Only {
    /// Print the names of the services only
    #[arg(long)]
    pub(crate) services: bool,

    /// Print the names of the volumes only
    #[arg(long)]
    pub(crate) volumes: bool,

    /// Print the images only
    #[arg(long)]
    pub(crate) images: bool,

    /// Print the profiles of all services only, also of those that are off
    #[arg(id = "list-profiles", long = "profiles")]
    pub(crate) profiles: bool,

    /// Print each service with the SHA-256 of what is configured for it; it is another one than Docker's
    #[arg(long)]
    pub(crate) hash: bool,
}

/// Form of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ComposeForm {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}
