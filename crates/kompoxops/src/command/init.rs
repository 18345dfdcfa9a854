//! `init`. Writes one file.

use super::preview;
use crate::arguments::{InitArguments, StarterArguments};
use crate::drivers;
use crate::ending;
use crate::exit::Failure;
use crate::output::{self, Data};
use crate::session::Session;
use kompox_compose::{COMPOSE_FILES, OVERRIDE_FILES};
use kompox_engine::Error;
use kompox_manifest::StarterFacts;
use kompox_model::{AppName, ClusterName, driver, resource_name};
use kompox_yaml::{Limits, Node, Sources};
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Answer of `init`.
#[derive(Serialize)]
struct Written {
    file: PathBuf,
    app: AppName,
    compose: String,
    cluster: ClusterName,
    context: Option<String>,
}

pub(super) fn run(session: &Session<'_>, arguments: InitArguments) -> Result<(), Failure> {
    let file = session.global.file();
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let InitArguments { force, compose, starter } = arguments;
    let contexts = Contexts::read(starter.kubeconfig.as_deref())?;
    let compose = || match compose {
        Some(compose) => Ok(compose),
        None => find_compose(session, folder),
    };
    let mut facts = facts(starter, folder, &contexts, compose)?;
    if !force && file.symlink_metadata().is_ok() {
        return Err(exists(file));
    }
    let problems = preview::look(file, folder, &mut facts)?.map_or(0, |preview| preview.problems());
    // What was proposed for a whole project is for `compose import`.
    facts.volumes.clear();
    facts.hosts.clear();
    facts.hints.clear();
    write(file, &kompox_manifest::starter(&facts), force)?;
    let compose_found = folder.join(&facts.compose).exists();
    let written = Written {
        file: file.to_owned(),
        app: facts.app,
        compose: facts.compose,
        cluster: facts.cluster,
        context: facts.context,
    };
    output::print(&written, session.global.output)?;
    facts.findings.iter().for_each(|finding| session.screen.note(finding));
    if problems > 0 {
        let plural = if problems == 1 { "" } else { "s" };
        session.screen.note(&format!(
            "{} has {problems} problem{plural}: kompoxops app validate shows what to change",
            written.compose
        ));
    }
    tell_next(session, &written, &contexts, compose_found, facts.node_image.is_some());
    Ok(())
}

fn exists(file: &Path) -> Failure {
    Error::refused(
        ending::INIT_EXISTS,
        format!("{} exists already", file.display()),
        "replace it with --force, or name another file with --file",
    )
    .into()
}

/// What a starter configuration for the compose files at `project`, a folder or a file, is made of; both as seen from
/// `folder`, where the configuration will lie.
pub(super) fn facts_of(
    session: &Session<'_>,
    arguments: StarterArguments,
    folder: &Path,
    project: &Path,
) -> Result<StarterFacts, Failure> {
    let contexts = Contexts::read(arguments.kubeconfig.as_deref())?;
    let named_after = if project.is_dir() { project } else { project.parent().unwrap_or(folder) };
    let named_after = if named_after.as_os_str().is_empty() { folder } else { named_after };
    facts(arguments, named_after, &contexts, || {
        if project.is_file() {
            return Ok(project.display().to_string());
        }
        let found = find_compose(session, project)?;
        let path = if found == HERE { project.to_owned() } else { project.join(found) };
        let path = path.strip_prefix(HERE).unwrap_or(&path);
        Ok(if path.as_os_str().is_empty() { HERE.to_owned() } else { path.display().to_string() })
    })
}

/// Fills in what the arguments leave out. The app is named after `folder`.
fn facts(
    arguments: StarterArguments,
    folder: &Path,
    contexts: &Contexts,
    compose: impl FnOnce() -> Result<String, Failure>,
) -> Result<StarterFacts, Failure> {
    let StarterArguments { app, workspace, domain, cluster, driver, kubeconfig, context, node_image } =
        arguments;
    let driver = driver.unwrap_or_else(|| drivers::SUGGESTED.to_owned());
    if driver::find(&driver).is_none() {
        let known: Vec<_> = driver::KNOWN.iter().map(|driver| driver.id).collect();
        return Err(Failure::Usage {
            message: format!("there is no driver `{driver}`"),
            hint: format!("known drivers are: {}", known.join(", ")),
        });
    }
    let context = context.or_else(|| contexts.current.clone());
    let label = |text: &str, limit| resource_name::dns_label(text, limit);
    let cluster = match (cluster, &context) {
        (Some(cluster), _) => legal(ClusterName::new(cluster)),
        (None, Some(context)) => legal(ClusterName::new(label(context, ClusterName::LIMIT))),
        (None, None) => legal(ClusterName::new("cluster1")),
    };
    let app = match app {
        Some(app) => legal(AppName::new(app)),
        None => {
            let folder = fs::canonicalize(folder).map_err(|source| Failure::File {
                action: "read",
                path: folder.to_owned(),
                hint: None,
                source,
            })?;
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            legal(AppName::new(label(&name, AppName::LIMIT)))
        }
    };
    let compose = compose()?;
    Ok(StarterFacts {
        workspace,
        domain,
        cluster,
        driver,
        kubeconfig,
        context,
        node_image,
        app,
        compose,
        findings: Vec::new(),
        volumes: Vec::new(),
        hosts: Vec::new(),
        hints: Vec::new(),
        decisions: Vec::new(),
    })
}

/// The folder itself, as `app.compose` names it.
const HERE: &str = ".";

/// The compose file of the folder: the first of the names that Compose looks for. Others are told. With an override file
/// it is the folder, whose files are merged.
fn find_compose(session: &Session<'_>, folder: &Path) -> Result<String, Failure> {
    let there = |name: &&str| folder.join(name).is_file();
    let mut found = COMPOSE_FILES.into_iter().filter(there);
    let Some(first) = found.next() else {
        let shown =
            if folder == Path::new(".") { "this folder".to_owned() } else { folder.display().to_string() };
        return Err(Error::refused(
            ending::INIT_NO_COMPOSE,
            format!("there is no compose file in {shown}"),
            format!("write one of {}, or name another file with --compose", COMPOSE_FILES.join(", ")),
        )
        .into());
    };
    let others: Vec<_> = found.collect();
    if !others.is_empty() {
        session.screen.note(&format!(
            "{first} is taken, as by Docker Compose; --compose takes another: {}",
            others.join(", ")
        ));
    }
    if let Some(name) = OVERRIDE_FILES.into_iter().find(there) {
        session.screen.note(&format!(
            "{name} is merged into {first}, as by Docker Compose: app.compose names the folder"
        ));
        return Ok(HERE.to_owned());
    }
    Ok(first.to_owned())
}

/// A name that was made to be legal.
fn legal<T>(name: Result<T, kompox_model::NameError>) -> T {
    name.unwrap_or_else(|error| unreachable!("made to be a legal name: {error}"))
}

/// Writes the whole file or nothing; without `force`, never over another.
fn write(file: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let failed = |source| Failure::File { action: "write", path: file.to_owned(), hint: None, source };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::Builder::new()
        .prefix(".kompoxops-")
        // The user's umask takes from these what it always takes.
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed)?;
    beside.write_all(text.as_bytes()).and_then(|()| beside.as_file().sync_all()).map_err(failed)?;
    let persisted = if force { beside.persist(file) } else { beside.persist_noclobber(file) };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(file)),
        Err(error) => Err(failed(error.error)),
    }
}

/// Contexts of the kubeconfig that would be used.
#[derive(Debug, Default, PartialEq, Eq)]
struct Contexts {
    current: Option<String>,
    names: Vec<String>,
}

impl Contexts {
    /// Reads them; one of the usual kubeconfigs that is missing or broken has none, since there may be one later. One that
    /// was named must be there.
    fn read(kubeconfig: Option<&str>) -> Result<Self, Failure> {
        let home = std::env::home_dir();
        let files: Vec<PathBuf> =
            match (kubeconfig, std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty())) {
                (Some(path), _) => match (path.strip_prefix("~/"), home) {
                    (Some(rest), Some(home)) => vec![home.join(rest)],
                    _ => vec![path.into()],
                },
                (None, Some(list)) => std::env::split_paths(&list).collect(),
                (None, None) => home.map(|home| home.join(".kube/config")).into_iter().collect(),
            };
        let mut contexts = Self::default();
        for file in &files {
            match fs::read_to_string(file) {
                Ok(text) => contexts.add(&text),
                Err(source) if kubeconfig.is_some() => {
                    let hint = Some("name a kubeconfig that is there, or leave --kubeconfig out".to_owned());
                    return Err(Failure::File { action: "read", path: file.clone(), hint, source });
                }
                Err(_) => {}
            }
        }
        Ok(contexts)
    }

    /// Adds those of one more file; the first file to name a current context wins.
    fn add(&mut self, text: &str) {
        let mut sources = Sources::new();
        let id = sources.add("kubeconfig", text);
        let (documents, _) = kompox_yaml::parse(&sources, id, Limits::default());
        let Some(root) = documents.first() else { return };
        let text = |node: Option<&Node>| {
            node.and_then(Node::as_str).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
        };
        self.current = self.current.take().or_else(|| text(root.get("current-context")));
        let contexts = root.get("contexts").and_then(Node::as_sequence).unwrap_or_default();
        self.names.extend(contexts.iter().filter_map(|context| text(context.get("name"))));
    }
}

/// Says what to do next.
fn tell_next(
    session: &Session<'_>,
    written: &Written,
    contexts: &Contexts,
    compose_found: bool,
    node_image: bool,
) {
    let say = |text: &str| session.screen.note(text);
    say("next:");
    if !compose_found {
        say(&format!("  write {}: there is no compose file yet", written.compose));
    }
    match &written.context {
        Some(context) if !contexts.names.contains(context) => {
            say(&format!(
                "  make a kubeconfig context `{context}`, or change cluster.auth: there is no such context yet"
            ));
        }
        Some(_) if contexts.names.len() > 1 => {
            say(&format!("  check cluster.auth.context; there are: {}", contexts.names.join(", ")));
        }
        Some(_) => {}
        None => {
            say("  say in cluster.auth how to reach the cluster: no current kubeconfig context was found");
        }
    }
    if !node_image {
        say("  set cluster.images.node, if the app has volumes");
    }
    say("  set workspace.domain to a domain that leads to the cluster's ingress controller");
    say("  kompoxops app validate");
    say("  kompoxops app deploy");
}

impl Data for Written {
    fn table(&self) -> String {
        let Self { file, app, compose, cluster, context } = self;
        let context = context.as_ref().map(|context| format!(" (context {context})")).unwrap_or_default();
        format!("wrote {}: app {app} from {compose} on cluster {cluster}{context}\n", file.display())
    }

    fn names(&self) -> Vec<String> {
        vec![self.file.display().to_string()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_of_several_kubeconfigs_are_joined() {
        let mut contexts = Contexts::default();
        contexts.add("contexts:\n- name: a\n- name: b\ncurrent-context: \"\"\n");
        contexts.add("{\"current-context\": \"c\", \"contexts\": [{\"name\": \"c\"}]}");
        contexts.add("current-context: a\n");
        contexts.add(": not [ yaml");
        contexts.add("");
        let names = ["a", "b", "c"].map(ToOwned::to_owned).to_vec();
        assert_eq!(contexts, Contexts { current: Some("c".to_owned()), names });
    }
}
