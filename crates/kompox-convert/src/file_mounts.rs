//! Secrets and configs of services as single files. Pure.

use crate::contents::{Contents, Data, LIMIT};
use crate::mounts::{Mount, Mounts, PodVolume, item};
use crate::security::{User, id};
use crate::unit::{FILES, Unit};
use k8s_openapi::api::core::v1::KeyToPath;
use kompox_compose::{Diagnostic, Diagnostics, FileObject, FileReference, FileSource, Located, Project};
use kompox_model::hash;
use kompox_node_protocol::FileToWrite;

/// Where the container that writes files finds its sources, one folder each.
const SOURCES: &str = "/.kompox-source";
/// Where it writes: a memory volume of the Pod.
pub(crate) const ROOT: &str = "/.kompox-files";
/// Key and path of the content in its Secret or ConfigMap.
const CONTENT: &str = "content";

/// Which of the two a file is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Secret,
    Config,
}

/// Collects the files of all services.
pub(crate) struct FileMounts<'a, 'b> {
    pub(crate) project: &'a Project,
    pub(crate) mounts: &'b mut Mounts,
    pub(crate) contents: &'b mut Contents<'a>,
    /// Files that must be written with exact owner and mode.
    pub(crate) to_write: Vec<FileToWrite>,
}

impl FileMounts<'_, '_> {
    /// The secrets and configs of one service.
    pub(crate) fn service(&mut self, unit: &Unit<'_>, user: Option<User>, diagnostics: &mut Diagnostics) {
        for reference in &unit.service.secrets {
            self.file(unit, Kind::Secret, reference, user, diagnostics);
        }
        for reference in &unit.service.configs {
            self.file(unit, Kind::Config, reference, user, diagnostics);
        }
    }

    fn file(
        &mut self,
        unit: &Unit<'_>,
        kind: Kind,
        reference: &FileReference,
        user: Option<User>,
        diagnostics: &mut Diagnostics,
    ) {
        let objects = if kind == Kind::Secret { &self.project.secrets } else { &self.project.configs };
        let object = objects.get(&reference.source.value);
        let Some((object, content)) = object.and_then(|object| Some((object, object.content.as_ref()?)))
        else {
            let message = format!("the content of `{}` is not known", reference.source.value);
            diagnostics.push(
                Diagnostic::error("convert.file-content", message)
                    .at(reference.span)
                    .help("give it with `file`, `environment` or `content`"),
            );
            return;
        };
        if content.len() + CONTENT.len() > LIMIT {
            let message = format!("`{}` is larger than {LIMIT} bytes", reference.source.value);
            diagnostics.push(
                Diagnostic::error("convert.file-size", message)
                    .at(object.key.span)
                    .help("mount it from the project instead: large read-only binds are uploaded"),
            );
            return;
        }
        let mode = reference.mode.map_or_else(|| default_mode(object), |mode| mode.value & 0o777);
        let Some(owner) = owner(reference, user, mode, diagnostics) else { return };
        let mount = Mount {
            container: &unit.container,
            target: &reference.target,
            sub_path: Some(CONTENT.to_owned()),
            read_only: true,
            span: reference.span,
        };
        match owner {
            Owner::Mounted => {
                let volume = self.volume(kind, object, item(CONTENT, CONTENT, mode));
                self.mounts.mount(volume, mount, diagnostics);
            }
            Owner::Written(owner) => {
                let volume = self.volume(kind, object, item(CONTENT, CONTENT, 0o400));
                let path = format!("{}/{}", unit.container, hash::hex(reference.target.as_bytes(), 16));
                self.write(volume, &path, owner, mode, diagnostics);
                let mount = Mount { sub_path: Some(path), ..mount };
                self.mounts.mount(PodVolume::memory(FILES.to_owned(), None), mount, diagnostics);
            }
        }
    }

    /// Has a file written from its source before anything of the app runs.
    fn write(
        &mut self,
        volume: PodVolume,
        path: &str,
        owner: User,
        mode: u32,
        diagnostics: &mut Diagnostics,
    ) {
        let folder = format!("{SOURCES}/{}", volume.name());
        if !self.mounts.has(FILES, &folder) {
            let mount = Mount {
                container: FILES,
                target: &folder,
                sub_path: None,
                read_only: true,
                span: kompox_compose::Span::default(),
            };
            self.mounts.mount(volume, mount, diagnostics);
        }
        self.to_write.push(FileToWrite {
            source: format!("{folder}/{CONTENT}"),
            path: path.to_owned(),
            uid: owner.uid,
            gid: owner.gid.unwrap_or_default(),
            mode,
        });
    }

    fn volume(&mut self, kind: Kind, object: &FileObject, item: KeyToPath) -> PodVolume {
        let content = object.content.clone().unwrap_or_default();
        let data: Data = [(CONTENT.to_owned(), content)].into();
        let key = &object.key.value;
        match kind {
            Kind::Secret => PodVolume::secret(self.contents.secret("secret", key, data), vec![item]),
            Kind::Config => PodVolume::config_map(self.contents.config_map("config", key, data), vec![item]),
        }
    }
}

/// 0444, and executable where the file of the project is.
fn default_mode(object: &FileObject) -> u32 {
    match object.source {
        FileSource::File { mode, .. } if mode & 0o111 != 0 => 0o555,
        _ => 0o444,
    }
}

enum Owner {
    /// Root's, or readable for everyone: mounted as it is.
    Mounted,
    /// Anybody else's must be written: mounted files belong to root.
    Written(User),
}

/// Who owns the file; without `uid` and `gid` the user of the container, as Compose says.
fn owner(
    reference: &FileReference,
    user: Option<User>,
    mode: u32,
    diagnostics: &mut Diagnostics,
) -> Option<Owner> {
    let uid = number(reference.uid.as_ref(), diagnostics)?;
    let gid = number(reference.gid.as_ref(), diagnostics)?;
    if mode & 0o004 != 0 && uid.unwrap_or(0) == 0 && gid.unwrap_or(0) == 0 {
        return Some(Owner::Mounted);
    }
    let uid = uid.unwrap_or(user.map_or(0, |user| user.uid));
    let gid = gid.unwrap_or(user.and_then(|user| user.gid).unwrap_or(0));
    Some(if (uid, gid) == (0, 0) { Owner::Mounted } else { Owner::Written(User { uid, gid: Some(gid) }) })
}

/// A number, or nothing; the outer none is an error that was reported.
fn number(written: Option<&Located<String>>, diagnostics: &mut Diagnostics) -> Option<Option<u32>> {
    let Some(text) = written else { return Some(None) };
    let number = id(&text.value);
    if number.is_none() {
        let message = format!("`{}` is no number of a user or group", text.value);
        diagnostics.push(Diagnostic::error("convert.file-owner", message).at(text.span));
    }
    number.map(Some)
}
