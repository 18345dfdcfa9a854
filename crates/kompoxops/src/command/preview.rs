//! What an app will have by its compose files, and what a person must decide, for a new configuration. IO: reads the
//! compose files and what they refer to beneath their folder.

use crate::compose::environment_for_folder;
use crate::compose_project::ComposeProject;
use crate::exit::Failure;
use kompox_compose::{
    BindSource, Diagnostics, DotEnv, MountKind, Project, Protocol, Selection, Service, Severity, Sources,
};
use kompox_engine::app::{self, Nouns, Source};
use kompox_manifest::{StarterFacts, StarterHost, StarterVolume};
use kompox_model::{App, Configuration, Volume};
use std::collections::BTreeSet;
use std::path::Path;

/// What the compose files were found to say.
pub(super) struct Preview {
    /// Everything that was found on the way.
    pub(super) diagnostics: Diagnostics,
    /// Where the diagnostics point to.
    pub(super) sources: Sources,
    /// Whether the compose files could be loaded.
    pub(super) loaded: bool,
}

impl Preview {
    /// How many problems keep the app from being deployed.
    pub(super) fn problems(&self) -> usize {
        self.diagnostics.iter().filter(|one| one.severity == Severity::Error).count()
    }
}

/// Looks at the compose files with the configuration that `facts` give, and adds to them what there is to say. None if
/// there is nothing to be looked at.
pub(super) fn look(file: &Path, folder: &Path, facts: &mut StarterFacts) -> Result<Option<Preview>, Failure> {
    let path = folder.join(&facts.compose);
    if !path.exists() {
        return Ok(None);
    }
    let text = path.strip_prefix(".").unwrap_or(&path).display().to_string();
    let selection = if path.is_dir() {
        Selection { directory: Some(path.display().to_string()), ..Selection::default() }
    } else {
        Selection { files: vec![text], ..Selection::default() }
    };
    let environment = environment_for_folder();
    let mut sources = Sources::new();
    let (found, mut diagnostics) = ComposeProject::find(&selection, &environment, false, &mut sources)?;
    let Some(found) = found else { return Ok(Some(Preview { diagnostics, sources, loaded: false })) };
    let Some((_, app)) = draft(file, facts, &mut sources, &mut diagnostics) else {
        return Ok(Some(Preview { diagnostics, sources, loaded: false }));
    };
    let source = Source {
        app: &app,
        compose: &found.compose(),
        dot_env: DotEnv::Files(&found.found.env_files),
        files: &found.files,
        environment: &environment,
        profiles: &[],
    };
    let (loaded, more) = app::load(&source, &mut sources);
    diagnostics.extend(more);
    let Some(loaded) = loaded else { return Ok(Some(Preview { diagnostics, sources, loaded: false })) };
    propose(&loaded.project, facts);
    // What is proposed needs no decision any more.
    let Some((configuration, app)) = draft(file, facts, &mut sources, &mut diagnostics) else {
        return Ok(Some(Preview { diagnostics, sources, loaded: false }));
    };
    let nouns = Nouns {
        workspace: &configuration.workspace,
        provider: &configuration.provider,
        cluster: &configuration.cluster,
        app: &app,
    };
    let (conversion, more) = app::validate(&nouns, None, &loaded);
    diagnostics.extend(more);
    if let Some(conversion) = conversion {
        facts.findings.extend(findings(&conversion.summary));
    }
    Ok(Some(Preview { diagnostics, sources, loaded: true }))
}

/// The configuration as it stands, read back.
fn draft(
    file: &Path,
    facts: &StarterFacts,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<(Configuration, App)> {
    // The image of kompox-node is asked for by itself; without it nothing else would be seen.
    let node_image = facts.node_image.clone().or_else(|| Some("kompox-node".to_owned()));
    let draft = StarterFacts { node_image, ..facts.clone() };
    let id = sources.add(file.display().to_string(), kompox_manifest::starter(&draft));
    let (configuration, more) = kompox_manifest::load(sources, id);
    let whole = configuration.and_then(|all| all.app.clone().map(|app| (all, app)));
    if whole.is_none() {
        diagnostics.extend(more);
    }
    whole
}

fn findings(summary: &app::Summary) -> Vec<String> {
    let routes = summary
        .hosts
        .iter()
        .map(|host| format!("port {} of {}: https://{}", host.port, host.service, host.host));
    let mut findings: Vec<String> = routes.collect();
    let on_default = summary.folders.iter().filter(|folder| folder.volume.as_str() == Volume::DEFAULT);
    let keys: Vec<_> = on_default.map(|folder| folder.key.as_str()).collect();
    if !keys.is_empty() {
        findings.push(format!("compose volumes on the disk `{}`: {}", Volume::DEFAULT, keys.join(", ")));
    }
    let uploads: Vec<_> = summary.uploads.iter().map(|upload| upload.source.as_str()).collect();
    if !uploads.is_empty() {
        findings.push(format!("paths uploaded to that disk at the first deploy: {}", uploads.join(", ")));
    }
    findings
}

/// What the configuration, or the compose files, need besides.
fn propose(project: &Project, facts: &mut StarterFacts) {
    for (key, volume) in &project.volumes {
        let mounted = project
            .services
            .values()
            .flat_map(|service| &service.volumes)
            .any(|mount| matches!(&mount.kind, MountKind::Named { source, .. } if source == key));
        if mounted {
            facts.volumes.push(StarterVolume { compose: key.clone(), needed: volume.external.is_some() });
        }
    }
    let mut prefixes = BTreeSet::new();
    for service in project.services.values() {
        hosts(service, facts);
        for mount in &service.volumes {
            if let MountKind::Bind(bind) = &mount.kind
                && let BindSource::Absolute(path) = &bind.source
                && !is_of_the_machine(path)
            {
                prefixes.insert(path.clone());
            }
        }
        let name = &service.name.value;
        if service.image.is_none() {
            let line = format!("services.{name}.x-kompox.image: the image that you build and push for it");
            facts.hints.push(line);
        }
        let named =
            service.user.as_ref().map(|user| user.value.split(':').next().unwrap_or_default().to_owned());
        if let Some(user) = named.filter(|user| user.parse::<u32>().is_err()) {
            facts
                .hints
                .push(format!("services.{name}.x-kompox.uid: the number of the user `{user}` in the image"));
        }
    }
    for prefix in prefixes {
        let line = format!(
            "x-kompox.binds: `{prefix}: disk` to keep it on the app's disk, `{prefix}: empty` to begin with nothing each time"
        );
        facts.hints.push(line);
    }
}

/// The ports that people use, with the host that a reverse proxy of the machine was told of, if there is one.
fn hosts(service: &Service, facts: &mut StarterFacts) {
    let host = service.labels.iter().find_map(|(key, label)| {
        let is_rule = key.starts_with("traefik.http.routers.") && key.ends_with(".rule");
        let rule = label.value.split_once("Host(`").filter(|_| is_rule)?.1;
        Some(rule.split_once('`')?.0.to_owned())
    });
    let variable = || service.environment.get("VIRTUAL_HOST").map(|value| value.value.clone());
    let host = host.or_else(variable).filter(|host| kompox_model::host::parse(host).is_ok());
    for port in service.ports.iter().filter(|port| port.protocol == Protocol::Tcp) {
        let of_the_machine = port.host_ip.is_some_and(|address| address.is_loopback());
        let number = port.published.map_or(port.target, |published| published.first);
        if !of_the_machine && number != 0 && !facts.hosts.iter().any(|known| known.port == number) {
            facts.hosts.push(StarterHost { port: number, host: host.clone() });
        }
    }
}

/// What no disk replaces: it is converted by itself, or refused.
fn is_of_the_machine(path: &str) -> bool {
    const ROOTS: [&str; 5] = ["/dev", "/proc", "/sys", "/run", "/var/run"];
    matches!(path, "/" | "/etc/localtime" | "/etc/timezone")
        || ROOTS.iter().any(|root| path == *root || path.starts_with(&format!("{root}/")))
}
