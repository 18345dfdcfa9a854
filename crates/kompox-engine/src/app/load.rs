//! From the compose text to everything a conversion needs of the project directory. IO through [`ProjectFiles`].

use crate::Error;
use kompox_compose::{
    ComposeFile, Diagnostic, Diagnostics, DotEnv, FileError, FileErrorKind, ListedKind, Project,
    ProjectFiles, ProjectName, Request, Sources,
};
use kompox_convert::{BindContent, BindEntry, BindFile, Binds, Upload};
use kompox_model::port::{ErrorKind, PortError};
use kompox_model::{App, hash};
use std::collections::BTreeMap;

/// Largest content of all bind mounts of an app together, in bytes; it is held in memory.
const BIND_LIMIT: u64 = 512 << 20;

/// Where the compose text comes from, and what it may refer to.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The app.
    pub app: &'a App,
    /// The compose files; each is merged into those before it.
    pub compose: &'a [ComposeFile<'a>],
    /// Where `.env` comes from.
    pub dot_env: DotEnv<'a>,
    /// Files beneath the project directory.
    pub files: &'a dyn ProjectFiles,
    /// The environment of the process. What `app.env` says stands below it, and `.env` of the project directory below both.
    pub environment: &'a BTreeMap<String, String>,
    /// Profiles to switch on.
    pub profiles: &'a [String],
}

/// A loaded compose project with the content of its bind mounts.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// The content of bind mounts by source.
    pub binds: Binds,
}

/// Loads the compose project and what it binds. All problems are reported, not the first.
#[must_use]
pub fn load(source: &Source<'_>, sources: &mut Sources) -> (Option<Loaded>, Diagnostics) {
    let environment = source.app.env.below(source.environment);
    let request = Request {
        name: ProjectName::Given(source.app.name.as_str()),
        compose: source.compose,
        environment: &environment,
        dot_env: source.dot_env,
        profiles: source.profiles,
        files: source.files,
    };
    let (project, mut diagnostics) = kompox_compose::load(sources, &request);
    let Some(project) = project else { return (None, diagnostics) };
    let mut binds = Binds::new();
    let mut total = 0;
    for (path, span) in kompox_convert::bind_sources(source.app, &project) {
        match read_bind(source.files, &path) {
            Ok(content) => {
                total += content.size();
                binds.insert(path, content);
            }
            Err(error) => diagnostics.push(
                Diagnostic::error("engine.bind", format!("bind mount `{path}`: {error}"))
                    .label(span, "mounted here")
                    .help(help(error.kind)),
            ),
        }
    }
    if total > BIND_LIMIT {
        diagnostics.push(
            Diagnostic::error(
                "engine.bind.size",
                format!("the bind mounts hold {total} bytes, more than {BIND_LIMIT}"),
            )
            .help("put large data on a volume instead"),
        );
    }
    if diagnostics.has_errors() {
        (None, diagnostics)
    } else {
        (Some(Loaded { project, binds }), diagnostics)
    }
}

fn help(kind: FileErrorKind) -> &'static str {
    match kind {
        FileErrorKind::Outside => "move it into the project directory: nothing outside of it is read",
        FileErrorKind::Denied => "make it readable for the user who runs this command",
        FileErrorKind::NotAFile => "sockets, pipes and devices cannot be copied to a cluster",
        _ => "see whether the path is right",
    }
}

/// Reads a file, or a folder with everything in it.
fn read_bind(files: &dyn ProjectFiles, path: &str) -> Result<BindContent, FileError> {
    let listed = match files.list(path) {
        Ok(listed) => listed,
        Err(error) if error.kind == FileErrorKind::NotFound => return Ok(BindContent::Missing),
        Err(error) => return Err(error),
    };
    let mut entries = BTreeMap::new();
    for item in listed {
        let full = match (path, item.path.as_str()) {
            (whole, "") => whole.to_owned(),
            // The project directory itself.
            ("", below) => below.to_owned(),
            (path, below) => format!("{path}/{below}"),
        };
        let entry = match item.kind {
            ListedKind::File(_) => {
                let file = read_file(files, &full)?;
                if item.path.is_empty() {
                    return Ok(BindContent::File(file));
                }
                BindEntry::File(file)
            }
            ListedKind::Directory if item.path.is_empty() => continue,
            ListedKind::Directory => BindEntry::Folder { mode: item.mode },
            ListedKind::Symlink(target) => BindEntry::Link { target },
            ListedKind::Special => return Err(FileError { kind: FileErrorKind::NotAFile, detail: full }),
        };
        entries.insert(item.path, entry);
    }
    Ok(BindContent::Folder(entries))
}

fn read_file(files: &dyn ProjectFiles, path: &str) -> Result<BindFile, FileError> {
    let text = files.read(path)?;
    Ok(BindFile {
        mode: text.mode & 0o777,
        size: text.bytes.len() as u64,
        sha256: hash::hex(&text.bytes, 64),
        bytes: Some(text.bytes),
    })
}

impl Loaded {
    /// A tar archive of what is to be uploaded: of a folder its entries and itself, of a file that one under `name`.
    ///
    /// # Errors
    /// Internal when the source was not loaded, or a path cannot be written to an archive.
    pub(crate) fn archive(&self, upload: &Upload, name: &str) -> Result<Vec<u8>, Error> {
        let fail = |detail: String| {
            let error = PortError::new(ErrorKind::Internal, "engine", "archive", &upload.source);
            Error::from(error.detail(detail))
        };
        let mut archive = tar::Builder::new(Vec::new());
        match self.binds.get(&upload.source) {
            Some(BindContent::File(file)) => append_file(&mut archive, upload, name, file),
            Some(BindContent::Folder(entries)) => append_folder(&mut archive, upload, entries),
            Some(BindContent::Missing) => Ok(()),
            None => return Err(fail("it was not loaded".to_owned())),
        }
        .and_then(|()| archive.into_inner())
        .map_err(|error| fail(error.to_string()))
    }
}

type Archive = tar::Builder<Vec<u8>>;

fn append_folder(
    archive: &mut Archive,
    upload: &Upload,
    entries: &BTreeMap<String, BindEntry>,
) -> std::io::Result<()> {
    let mut itself = header(upload, tar::EntryType::Directory, 0o755, 0);
    archive.append_data(&mut itself, "./", std::io::empty())?;
    entries.iter().try_for_each(|(path, entry)| match entry {
        BindEntry::File(file) => append_file(archive, upload, path, file),
        BindEntry::Folder { mode } => {
            let mut header = header(upload, tar::EntryType::Directory, *mode, 0);
            archive.append_data(&mut header, path, std::io::empty())
        }
        BindEntry::Link { target } => {
            let mut header = header(upload, tar::EntryType::Symlink, 0o777, 0);
            archive.append_link(&mut header, path, target)
        }
    })
}

fn append_file(archive: &mut Archive, upload: &Upload, path: &str, file: &BindFile) -> std::io::Result<()> {
    let bytes = file.bytes.as_deref().unwrap_or_default();
    let mut header = header(upload, tar::EntryType::Regular, file.mode, bytes.len() as u64);
    archive.append_data(&mut header, path, bytes)
}

/// A header without a time, so that equal content gives equal archives.
fn header(upload: &Upload, kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(u64::from(upload.uid));
    header.set_gid(u64::from(upload.gid));
    header
}
