//! `compose config`. IO: reads the compose files and what they refer to, the environment and the home directory.

use crate::arguments::{ComposeForm, ConfigComposeArguments, Only, OutputForm};
use crate::compose::environment;
use crate::compose_project::ComposeProject;
use crate::exit::Failure;
use crate::output;
use crate::session::Session;
use kompox_compose::{DotEnv, Paths, Project, ProjectName, Request, Selection, Sources, config};
use kompox_model::hash;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(super) fn run(session: &Session<'_>, arguments: &ConfigComposeArguments) -> Result<(), Failure> {
    let form = form(session.global.output, arguments.format)?;
    let path = |path: &PathBuf| path.display().to_string();
    let selection = Selection {
        files: arguments.files.iter().map(path).collect(),
        directory: arguments.project_directory.as_ref().map(path),
        env_files: arguments.env_file.iter().map(path).collect(),
    };
    let environment = environment();
    let mut sources = Sources::new();
    let (project, mut found) =
        ComposeProject::find(&selection, &environment, arguments.allow_outside, &mut sources)?;
    let what = || "the compose project".to_owned();
    let Some(project) = project else {
        return Err(Failure::Invalid { what: what(), errors: session.screen.diagnostics(&found, &sources) });
    };
    let directory = project.found.directory.clone();
    let home = std::env::home_dir().unwrap_or_default().display().to_string();
    let request = Request {
        name: ProjectName::Found {
            option: arguments.project_name.as_deref(),
            directory: Path::new(&directory).file_name().and_then(|name| name.to_str()).unwrap_or_default(),
        },
        compose: &project.compose(),
        environment: &environment,
        dot_env: DotEnv::Files(&project.found.env_files),
        profiles: &arguments.profiles,
        files: &project.files,
    };
    let (loaded, more) = config(&mut sources, &request, Paths { directory: &directory, home: &home });
    found.extend(more);
    let errors = session.screen.diagnostics(&found, &sources);
    let (project, config) = loaded.ok_or(Failure::Invalid { what: what(), errors })?;
    output::write(&match part(&arguments.only, &project, &config) {
        Some(lines) => output::lines(&lines),
        None if form == ComposeForm::Json => output::json(&config)?,
        None => kompox_yaml::write(&config),
    })
}

fn form(global: Option<OutputForm>, own: Option<ComposeForm>) -> Result<ComposeForm, Failure> {
    match (own, global) {
        (Some(form), _) => Ok(form),
        (None, None | Some(OutputForm::Yaml)) => Ok(ComposeForm::Yaml),
        (None, Some(OutputForm::Json)) => Ok(ComposeForm::Json),
        (None, Some(OutputForm::Table | OutputForm::Name)) => Err(Failure::Usage {
            message: "a compose project is printed as yaml or json".to_owned(),
            hint: "for names: --services, --volumes, --images or --profiles".to_owned(),
        }),
    }
}

/// The lines of the part that is asked for.
fn part(only: &Only, project: &Project, config: &Value) -> Option<Vec<String>> {
    let names =
        |kind: &str| config[kind].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default();
    if only.services {
        return Some(names("services"));
    }
    if only.volumes {
        return Some(names("volumes"));
    }
    if only.images {
        let images = project.services.values().filter_map(|service| service.image.as_ref());
        let images: BTreeSet<String> = images.map(|image| image.value.clone()).collect();
        return Some(images.into_iter().collect());
    }
    if only.profiles {
        let on = project.services.values().flat_map(|service| &service.profiles);
        let all: BTreeSet<String> =
            on.chain(&project.inactive_profiles).map(|profile| profile.value.clone()).collect();
        return Some(all.into_iter().collect());
    }
    if only.hash {
        let hash = |(name, service): (&String, &Value)| {
            format!("{name} {}", hash::hex(service.to_string().as_bytes(), 64))
        };
        return Some(config["services"].as_object().into_iter().flatten().map(hash).collect());
    }
    None
}
