//! `cluster kubeconfig`. Writes the file that the user names, and nothing else.

use crate::arguments::{KubeconfigArguments, OutputForm};
use crate::ending;
use crate::exit::Failure;
use crate::kubeconfig;
use crate::output;
use crate::session::{Session, Use};
use kompox_engine::Error;
use serde_json::Value;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// For the owner only: it holds credentials.
const MODE: u32 = 0o600;

pub(super) fn run(session: &Session<'_>, arguments: &KubeconfigArguments) -> Result<(), Failure> {
    let opened = session.open()?;
    let cluster = &opened.configuration.cluster.name;
    let name = arguments.context.clone().unwrap_or_else(|| cluster.to_string());
    // No request is sent.
    let own = session
        .on_cluster(&opened, super::MODULE, Use::Stream, async |connected| connected.own_kubeconfig(&name))?;
    let form = session.global.output;
    match (&arguments.to, &arguments.merge_into) {
        (Some(file), _) => {
            create(file, &text(&own, form)?)?;
            session.screen.note(&format!("wrote {} with context {name}", file.display()));
        }
        (None, Some(file)) => merge(session, file, &own, &name, arguments.set_current)?,
        (None, None) => output::write(&text(&own, form)?)?,
    }
    Ok(())
}

/// A kubeconfig as text: YAML unless JSON was asked for.
fn text(kubeconfig: &Value, form: Option<OutputForm>) -> Result<String, Failure> {
    match form {
        None | Some(OutputForm::Yaml) => Ok(kompox_yaml::write(kubeconfig)),
        Some(OutputForm::Json) => output::json(kubeconfig),
        Some(OutputForm::Table | OutputForm::Name) => Err(Failure::Usage {
            message: "a kubeconfig is YAML or JSON".to_owned(),
            hint: "leave out --output, or say --output json".to_owned(),
        }),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.to_owned();
    move |source| Failure::File { action, path, hint: None, source }
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes aside, to be put in its place in one step.
fn aside(file: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile, Failure> {
    let mut beside = tempfile::Builder::new()
        .prefix(".kompoxops-")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder(file))
        .map_err(failed("write", file))?;
    beside.write_all(bytes).and_then(|()| beside.as_file().sync_all()).map_err(failed("write", file))?;
    Ok(beside)
}

/// Writes a new file.
fn create(file: &Path, text: &str) -> Result<(), Failure> {
    match aside(file, text.as_bytes())?.persist_noclobber(file) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(Error::refused(
            ending::KUBECONFIG_EXISTS,
            format!("{} exists already", file.display()),
            "name another file, or add the context to this one with --merge-into",
        )
        .into()),
        Err(error) => Err(failed("write", file)(error.error)),
    }
}

/// Adds the context to an existing file, or makes a new one. What was there before stays as `FILE.bak`.
fn merge(
    session: &Session<'_>,
    file: &Path,
    own: &Value,
    name: &str,
    set_current: bool,
) -> Result<(), Failure> {
    // A link stays one: what it leads to is written.
    let target = match fs::canonicalize(file) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound && file.symlink_metadata().is_err() => {
            file.to_owned()
        }
        Err(error) => return Err(failed("read", file)(error)),
    };
    if target.is_dir() {
        return Err(Failure::Usage {
            message: format!("{} is a folder", file.display()),
            hint: "name a file".to_owned(),
        });
    }
    let _lock = Lock::take(&target, file)?;
    let former = match fs::read(&target) {
        Ok(former) => Some(former),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed("read", file)(error)),
    };
    let place = file.display().to_string();
    let existing = std::str::from_utf8(former.as_deref().unwrap_or_default()).map_err(|_| {
        Failure::from(Error::refused(
            ending::KUBECONFIG_INVALID,
            format!("{place} is no kubeconfig: it is no UTF-8 text; it was left as it is"),
            "write to another file with --to",
        ))
    })?;
    let merged = kubeconfig::merge(existing, own, name, set_current, &place)?;
    let unchanged = former.is_some() && kubeconfig::same(existing, &merged);
    if unchanged {
        session.screen.note(&format!("nothing to change in {place}"));
        return Ok(());
    }
    if let Some(former) = &former {
        let backup = with_suffix(&target, ".bak");
        aside(&backup, former)?.persist(&backup).map_err(|error| failed("write", &backup)(error.error))?;
    }
    let text = text(&merged, None)?;
    aside(&target, text.as_bytes())?.persist(&target).map_err(|error| failed("write", file)(error.error))?;
    let kept =
        if former.is_some() { format!("; the former content is in {place}.bak") } else { String::new() };
    session.screen.note(&format!("added context {name} to {place}{kept}"));
    Ok(())
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The lock file that Kubernetes' own clients use while they change a kubeconfig.
struct Lock(PathBuf);

impl Lock {
    fn take(target: &Path, named: &Path) -> Result<Self, Failure> {
        let lock = with_suffix(target, ".lock");
        match OpenOptions::new().write(true).create_new(true).mode(MODE).open(&lock) {
            Ok(_) => Ok(Self(lock)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::refused(
                ending::KUBECONFIG_BUSY,
                format!("another program is changing {}", named.display()),
                format!("repeat the command; if nothing runs any more, remove {}", lock.display()),
            )
            .into()),
            Err(error) => Err(failed("write", &lock)(error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever comes next is told about one that could not be removed.
        let _ = fs::remove_file(&self.0);
    }
}
