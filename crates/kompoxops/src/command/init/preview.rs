//! What an app will have by its compose file, for the comments of a new configuration. IO: reads the compose file and
//! what it refers to beneath its folder.

use crate::project_files::FolderFiles;
use kompox_compose::{ComposeFile, DotEnv};
use kompox_engine::app::{self, Nouns, Source};
use kompox_manifest::StarterFacts;
use kompox_model::Volume;
use kompox_store::read_text;
use kompox_yaml::{Diagnostics, Severity, Sources};
use std::collections::BTreeMap;
use std::path::Path;

/// Looks at the compose file with the configuration that `facts` give and adds what there is to say. Returns how many
/// problems keep the app from being deployed; without a compose file there are none to be seen.
pub(super) fn look(file: &Path, folder: &Path, facts: &mut StarterFacts) -> usize {
    let path = folder.join(&facts.compose);
    let Ok(text) = read_text(&path) else { return 0 };
    let Ok(files) = FolderFiles::new(path.parent().unwrap_or(folder), false) else { return 0 };
    let mut sources = Sources::new();
    // The image of kompox-node is asked for by itself; without it nothing else would be seen.
    let node_image = facts.node_image.clone().or_else(|| Some("kompox-node".to_owned()));
    let draft = StarterFacts { node_image, ..facts.clone() };
    let id = sources.add(file.display().to_string(), kompox_manifest::starter(&draft));
    let (Some(configuration), _) = kompox_manifest::load(&sources, id) else { return 0 };
    let Some(app) = &configuration.app else { return 0 };
    let environment: BTreeMap<_, _> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let source = Source {
        app,
        compose: &[ComposeFile { name: &facts.compose, path: "compose.yml", text: &text }],
        dot_env: DotEnv::Read,
        files: &files,
        environment: &environment,
        profiles: &[],
    };
    let (loaded, found) = app::load(&source, &mut sources);
    let Some(loaded) = loaded else { return errors(&found) };
    let nouns = Nouns {
        workspace: &configuration.workspace,
        provider: &configuration.provider,
        cluster: &configuration.cluster,
        app,
    };
    let (conversion, found) = app::validate(&nouns, None, &loaded);
    let Some(conversion) = conversion else { return errors(&found) };
    let summary = conversion.summary;
    let routes = summary
        .hosts
        .iter()
        .map(|host| format!("port {} of {}: https://{}", host.port, host.service, host.host));
    facts.findings.extend(routes);
    let on_default = summary.folders.iter().filter(|folder| folder.volume.as_str() == Volume::DEFAULT);
    let keys: Vec<_> = on_default.map(|folder| folder.key.as_str()).collect();
    if !keys.is_empty() {
        facts.findings.push(format!(
            "compose volumes on the disk `{}`: {}",
            Volume::DEFAULT,
            keys.join(", ")
        ));
    }
    let uploads: Vec<_> = summary.uploads.iter().map(|upload| upload.source.as_str()).collect();
    if !uploads.is_empty() {
        facts
            .findings
            .push(format!("paths uploaded to that disk at the first deploy: {}", uploads.join(", ")));
    }
    0
}

fn errors(found: &Diagnostics) -> usize {
    found.iter().filter(|one| one.severity == Severity::Error).count()
}
