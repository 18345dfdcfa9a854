//! Volumes, binds and memory of the services. Pure.

use crate::binds::{self, Place};
use crate::contents::Contents;
use crate::copy_up::Fills;
use crate::extension::ProjectOptions;
use crate::mounts::{Mount as Target, Mounts, PodVolume};
use crate::security::User;
use crate::summary::{Folder, Upload};
use crate::unit::Unit;
use crate::{BindContent, Binds, Input, machine};
use kompox_compose::{BindSource, Diagnostic, Diagnostics, Mount, MountKind, Project, Service, Span};
use kompox_model::{App, Volume, VolumeName, resource_name};
use kompox_node_protocol::check_sub_path;
use std::collections::{BTreeMap, BTreeSet};

/// Where a container of Kompox mounts whole disks.
pub(crate) const DISK_ROOT: &str = "/.kompox-disk";

/// Collects what the services store.
pub(crate) struct Storage<'a, 'b> {
    pub(crate) input: &'a Input<'a>,
    pub(crate) options: &'a ProjectOptions,
    pub(crate) mounts: &'b mut Mounts,
    pub(crate) contents: &'b mut Contents<'a>,
    pub(crate) fills: &'b mut Fills,
    pub(crate) uploads: BTreeMap<(VolumeName, String), Upload>,
    pub(crate) folders: BTreeSet<Folder>,
    /// Volumes whose disk is mounted.
    pub(crate) disks: BTreeSet<VolumeName>,
    pub(crate) writable: BTreeSet<&'a str>,
}

/// A mount together with the service that declares it.
#[derive(Clone, Copy)]
struct Declared<'a> {
    owner: &'a Unit<'a>,
    mount: &'a Mount,
    read_only: bool,
}

impl<'a> Storage<'a, '_> {
    /// Everything that one service mounts under `volumes`, `volumes_from`, `tmpfs` and `shm_size`.
    pub(crate) fn service(
        &mut self,
        units: &'a [Unit<'a>],
        unit: &'a Unit<'a>,
        user: Option<User>,
        diagnostics: &mut Diagnostics,
    ) {
        let mut seen = BTreeSet::new();
        for declared in declared(units, unit, &mut seen, diagnostics) {
            self.mount(unit, declared, user, diagnostics);
        }
        for tmpfs in &unit.service.tmpfs {
            let size = tmpfs.size.map(|size| size.value);
            self.memory("tmpfs", unit, &tmpfs.target, size, tmpfs.span, diagnostics);
            let without_effect =
                [tmpfs.mode.map(|m| m.span), tmpfs.uid.map(|u| u.span), tmpfs.gid.map(|g| g.span)];
            let options = tmpfs.options.iter().map(|option| option.span);
            if let Some(span) = without_effect.into_iter().flatten().chain(options).next() {
                let message = "options of tmpfs other than its size have no effect: everyone may write there";
                diagnostics.push(Diagnostic::note("convert.tmpfs", message).at(span));
            }
        }
        if let Some(size) = unit.service.shm_size {
            self.memory("shm", unit, "/dev/shm", Some(size.value), size.span, diagnostics);
            let message = "what is written to /dev/shm counts against the container's memory limit";
            diagnostics.push(Diagnostic::note("convert.shm-size", message).at(size.span));
        }
    }

    fn memory(
        &mut self,
        purpose: &str,
        unit: &Unit<'_>,
        target: &str,
        size: Option<u64>,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) {
        let name = resource_name::content(purpose, &unit.container, target.as_bytes());
        let mount = Target { container: &unit.container, target, sub_path: None, read_only: false, span };
        self.mounts.mount(PodVolume::memory(name, size), mount, diagnostics);
    }

    fn mount(
        &mut self,
        unit: &Unit<'_>,
        declared: Declared<'a>,
        user: Option<User>,
        diagnostics: &mut Diagnostics,
    ) {
        let Declared { owner, mount, read_only } = declared;
        let target = Target {
            container: &unit.container,
            target: &mount.target,
            sub_path: None,
            read_only,
            span: mount.span,
        };
        match &mount.kind {
            MountKind::Named { source, subpath, no_copy } => {
                let sub = subpath.as_ref().map(|path| path.value.as_str());
                self.named(unit, source, sub, *no_copy, target, user, diagnostics);
            }
            MountKind::Anonymous { no_copy } => {
                let name = resource_name::content("anonymous", &owner.container, mount.target.as_bytes());
                if !no_copy {
                    self.fills.mount(unit, &mount.target, &name, user);
                }
                self.mounts.mount(PodVolume::empty(name), target, diagnostics);
                let message =
                    "a volume without a name lives as long as the Pod, and is filled again at each start";
                diagnostics.push(
                    Diagnostic::note("convert.anonymous", message)
                        .at(mount.span)
                        .help("give it a name to keep its content"),
                );
            }
            MountKind::Bind(bind) => match &bind.source {
                BindSource::Project(path) | BindSource::Outside(path) => {
                    if !bind.create_host_path && self.input.binds.get(path) == Some(&BindContent::Missing) {
                        let message = format!("there is no `{}`", bind.written);
                        diagnostics.push(Diagnostic::error("convert.bind-missing", message).at(mount.span));
                        return;
                    }
                    self.bind(unit, path, target, user, diagnostics);
                }
                BindSource::Absolute(path) => machine::mount(self, unit, path, target, user, diagnostics),
                BindSource::Home(path) => {
                    machine::mount(self, unit, &format!("~/{path}"), target, user, diagnostics);
                }
            },
            MountKind::Tmpfs { size, .. } => {
                let size = size.map(|size| size.value);
                self.memory("tmpfs", unit, &mount.target, size, mount.span, diagnostics);
            }
            MountKind::Other { kind, .. } => diagnostics.push(
                Diagnostic::error("convert.mount-type", format!("mounts of type `{kind}` are refused"))
                    .at(mount.span)
                    .help("use a volume, or a path beneath the project"),
            ),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one mount has this many independent properties")]
    fn named(
        &mut self,
        unit: &Unit<'_>,
        key: &str,
        sub: Option<&str>,
        no_copy: bool,
        target: Target<'_>,
        user: Option<User>,
        diagnostics: &mut Diagnostics,
    ) {
        let span = target.span;
        let folder = match sub {
            None => format!("volumes/{key}"),
            Some(sub) => format!("volumes/{key}/{}", sub.trim_matches('/')),
        };
        if let Err(rule) = check_sub_path(&folder) {
            diagnostics
                .push(Diagnostic::error("convert.volume-key", rule).at(span).help("rename the volume"));
            return;
        }
        let Some(volume) = disk_of(self.input.app, Some(key)) else {
            diagnostics.push(no_default(span));
            return;
        };
        self.folders.insert(Folder::of(key, &volume.name));
        // A folder inside a volume is never filled from an image, as in Docker.
        let source = (!no_copy && sub.is_none()).then_some(target.target);
        self.fills.disk(unit, source, &volume.name, &folder, user);
        self.on_disk(volume, folder, target, diagnostics);
    }

    /// Mounts a folder of a volume's disk.
    pub(crate) fn on_disk(
        &mut self,
        volume: &Volume,
        folder: String,
        target: Target<'_>,
        diagnostics: &mut Diagnostics,
    ) {
        let Some(source) = self.disk(&volume.name, target.span, diagnostics) else { return };
        self.mounts.mount(source, Target { sub_path: Some(folder), ..target }, diagnostics);
    }

    /// The Pod volume of a volume's disk.
    fn disk(&mut self, volume: &VolumeName, span: Span, diagnostics: &mut Diagnostics) -> Option<PodVolume> {
        let Some(binding) = self.input.volumes.iter().find(|binding| binding.volume.name == *volume) else {
            let message = format!("volume `{volume}` is needed but no disk was chosen for it");
            diagnostics.push(Diagnostic::error("convert.volume-unbound", message).at(span));
            return None;
        };
        self.disks.insert(volume.clone());
        let claim = resource_name::persistent_volume_claim(volume, &binding.handle);
        Some(PodVolume::claim(disk_name(volume), claim))
    }

    fn bind(
        &mut self,
        unit: &Unit<'_>,
        source: &'a str,
        target: Target<'_>,
        user: Option<User>,
        diagnostics: &mut Diagnostics,
    ) {
        let span = target.span;
        let Some(content) = self.input.binds.get(source) else {
            let message = format!("the content of `{source}` was not read");
            diagnostics.push(Diagnostic::error("convert.bind-unread", message).at(span));
            return;
        };
        let writable = self.writable.contains(source);
        let place = binds::place(source, writable, content);
        binds::note(source, &place, writable, content, span, diagnostics);
        let (folder, entry) = match place {
            Place::Nothing => {
                let name = resource_name::content("empty", source, source.as_bytes());
                return self.mounts.mount(PodVolume::empty(name), target, diagnostics);
            }
            Place::ConfigMap => {
                let volume = binds::config_map(source, content, self.contents);
                let target = Target { sub_path: Some(binds::ROOT.to_owned()), read_only: true, ..target };
                return self.mounts.mount(volume, target, diagnostics);
            }
            Place::Folder(folder) => (folder.clone(), folder),
            Place::File(folder) => (format!("{folder}/{}", file_name(&folder)), folder),
        };
        if let Err(rule) = check_sub_path(&folder) {
            diagnostics.push(Diagnostic::error("convert.bind-path", rule).at(span).help("rename the path"));
            return;
        }
        let Some(volume) = disk_of(self.input.app, None) else {
            diagnostics.push(no_default(span));
            return;
        };
        let is_file = folder != entry;
        if content.has_content() {
            let key = (volume.name.clone(), entry.clone());
            let upload = self.uploads.entry(key).or_insert_with(|| Upload {
                volume: volume.name.clone(),
                sub_path: entry,
                source: source.to_owned(),
                is_file,
                uid: 0,
                gid: 0,
            });
            // On a developer's machine the files belong to whom the container runs as, or it could not write them.
            if let (0, Some(user)) = (upload.uid, user) {
                (upload.uid, upload.gid) = (user.uid, user.gid.unwrap_or(0));
            }
        }
        if writable && !is_file {
            self.fills.disk(unit, None, &volume.name, &folder, user);
        }
        self.on_disk(volume, folder, target, diagnostics);
    }
}

/// The name under which a file lies in the folder made for it.
fn file_name(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or_default()
}

pub(crate) fn no_default(span: Span) -> Diagnostic {
    Diagnostic::error("convert.no-default-volume", "the app has no volume that compose volumes share")
        .at(span)
        .help("add a volume without `compose:` to `app.volumes`")
}

/// Name of a disk's volume in the Pod.
pub(crate) fn disk_name(volume: &VolumeName) -> String {
    format!("disk-{volume}")
}

/// The volume whose disk holds a compose volume, or binds.
pub(crate) fn disk_of<'a>(app: &'a App, key: Option<&str>) -> Option<&'a Volume> {
    let own = |volume: &&Volume| key.is_some() && volume.compose.as_deref() == key;
    app.volumes.iter().find(own).or_else(|| app.volumes.iter().find(|volume| volume.compose.is_none()))
}

/// The mounts of a service: its own, then those of `volumes_from` at other paths.
fn declared<'a>(
    units: &'a [Unit<'a>],
    unit: &'a Unit<'a>,
    seen: &mut BTreeSet<&'a str>,
    diagnostics: &mut Diagnostics,
) -> Vec<Declared<'a>> {
    if !seen.insert(unit.name()) {
        return Vec::new();
    }
    let own = unit.service.volumes.iter();
    let mut all: Vec<_> =
        own.map(|mount| Declared { owner: unit, mount, read_only: mount.read_only }).collect();
    for from in &unit.service.volumes_from {
        let is_source = |other: &&Unit<'_>| {
            other.name() == from.source
                || from.container
                    && other.service.container_name.as_ref().is_some_and(|name| name.value == from.source)
        };
        let Some(source) = units.iter().find(is_source) else {
            let message =
                format!("the volumes of `{}` cannot be had: it is no service of this file", from.source);
            diagnostics.push(Diagnostic::error("convert.volumes-from", message).at(from.span));
            continue;
        };
        for inherited in declared(units, source, seen, diagnostics) {
            if !all.iter().any(|other| other.mount.target == inherited.mount.target) {
                all.push(Declared { read_only: inherited.read_only || from.read_only, ..inherited });
            }
        }
    }
    all
}

/// The services that run, before anything is checked.
fn running(project: &Project) -> impl Iterator<Item = &Service> {
    project.services.values().filter(|service| service.replicas().is_none_or(|replicas| replicas.value > 0))
}

/// The binds beneath the project, by source: whether some service may write, and the first place.
pub(crate) fn binds_of(project: &Project) -> BTreeMap<&str, (bool, Span)> {
    let mut all: BTreeMap<&str, (bool, Span)> = BTreeMap::new();
    for mount in running(project).flat_map(|service| &service.volumes) {
        if let MountKind::Bind(bind) = &mount.kind
            && let BindSource::Project(path) | BindSource::Outside(path) = &bind.source
        {
            let entry = all.entry(path).or_insert((false, mount.span));
            entry.0 |= !mount.read_only;
        }
    }
    all
}

/// The sources whose content [`crate::convert`] needs, each with the place of its first mount.
#[must_use]
pub fn bind_sources(_app: &App, project: &Project) -> Vec<(String, Span)> {
    binds_of(project).into_iter().map(|(source, (_, span))| (source.to_owned(), span)).collect()
}

/// Keys of the compose volumes that running services mount.
fn mounted_keys(project: &Project) -> BTreeSet<&str> {
    let mounts = running(project).flat_map(|service| &service.volumes);
    let named = mounts.filter_map(|mount| match &mount.kind {
        MountKind::Named { source, .. } => Some(source.as_str()),
        _ => None,
    });
    named.collect()
}

/// Where the compose volumes that running services mount lie, sorted by key; what has no place is left out, and is
/// refused by the conversion.
#[must_use]
pub fn folders(app: &App, project: &Project) -> Vec<Folder> {
    let folder = |key: &str| Some(Folder::of(key, &disk_of(app, Some(key))?.name));
    mounted_keys(project).into_iter().filter_map(folder).collect()
}

/// The volumes of the app whose disks its Pod mounts. An app that stores nothing needs none.
#[must_use]
pub fn volumes_in_use(app: &App, project: &Project, binds: &Binds) -> BTreeSet<VolumeName> {
    // What is wrong with them is reported by the conversion.
    let options = ProjectOptions::read(project, &mut Diagnostics::new());
    let mut keys: BTreeSet<_> = mounted_keys(project).into_iter().map(Some).collect();
    let on_disk = |(source, (writable, _)): (&str, (bool, Span))| {
        let place = binds.get(source).map(|content| binds::place(source, writable, content));
        matches!(place, Some(Place::File(_) | Place::Folder(_)))
    };
    let redirected = |service: &Service| {
        let mut binds = service.volumes.iter().filter_map(|mount| machine::path_of(&mount.kind));
        binds.any(|path| machine::is_on_disk(&path, &options))
    };
    if binds_of(project).into_iter().any(on_disk) || running(project).any(redirected) {
        keys.insert(None);
    }
    keys.into_iter().filter_map(|key| disk_of(app, key)).map(|volume| volume.name.clone()).collect()
}
