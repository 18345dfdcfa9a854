//! Bind mounts of paths of the machine: an app has none of its own. Pure.
//!
//! The time zone is known. Other paths lie where `x-kompox.binds` puts them, or on the node where
//! `cluster.security.hostPaths` allows it; everything else is refused.

use crate::binds::ROOT;
use crate::contents::Data;
use crate::extension::{BindPlace, ProjectOptions};
use crate::mounts::{Mount, PodVolume, item};
use crate::security::User;
use crate::storage::{self, Storage};
use crate::unit::Unit;
use kompox_compose::{BindSource, Diagnostic, Diagnostics, MountKind, Span};
use kompox_model::resource_name;
use kompox_model::security::is_beneath;
use kompox_node_protocol::check_sub_path;

/// The path of a bind of the machine as `x-kompox.binds` names it: absolute, or `~/` with the rest.
pub(crate) fn path_of(kind: &MountKind) -> Option<String> {
    let MountKind::Bind(bind) = kind else { return None };
    match &bind.source {
        BindSource::Absolute(path) => Some(path.clone()),
        BindSource::Home(path) => Some(format!("~/{path}")),
        BindSource::Project(_) | BindSource::Outside(_) => None,
    }
}

/// Whether a path of the machine lies on the disk of the default volume.
pub(crate) fn is_on_disk(path: &str, options: &ProjectOptions) -> bool {
    is_redirected(path) && options.bind_place(path) == Some(BindPlace::Disk)
}

/// Time zones have their own answer, and no folder takes the place of the kernel's or a runtime's.
fn is_redirected(path: &str) -> bool {
    !matches!(path, "/etc/localtime" | "/etc/timezone") && !is_dangerous(path)
}

/// Mounts a path of the machine.
pub(crate) fn mount(
    storage: &mut Storage<'_, '_>,
    unit: &Unit<'_>,
    path: &str,
    target: Mount<'_>,
    user: Option<User>,
    diagnostics: &mut Diagnostics,
) {
    if matches!(path, "/etc/localtime" | "/etc/timezone") {
        return time_zone(storage, unit, path, target, diagnostics);
    }
    match storage.options.bind_place(path).filter(|_| is_redirected(path)) {
        Some(BindPlace::Disk) => on_disk(storage, unit, path, target, user, diagnostics),
        Some(BindPlace::Empty) => {
            let message = format!("`{path}` is an empty folder that lives as long as the Pod");
            diagnostics.push(Diagnostic::note("convert.bind", message).at(target.span));
            let name = resource_name::content("empty", &path.replace(['/', '~'], "-"), path.as_bytes());
            storage.mounts.mount(PodVolume::empty(name), target, diagnostics);
        }
        None => on_node(storage, path, target, diagnostics),
    }
}

/// A folder of the default volume's disk stands in.
fn on_disk(
    storage: &mut Storage<'_, '_>,
    unit: &Unit<'_>,
    path: &str,
    target: Mount<'_>,
    user: Option<User>,
    diagnostics: &mut Diagnostics,
) {
    let rest = path.trim_start_matches(['~', '/']);
    let folder = format!("binds/{}/{rest}", if path.starts_with('~') { "@home" } else { "@machine" });
    if let Err(rule) = check_sub_path(&folder) {
        let span = target.span;
        return diagnostics
            .push(Diagnostic::error("convert.bind-path", rule).at(span).help("rename the path"));
    }
    let Some(volume) = storage::disk_of(storage.input.app, None) else {
        return diagnostics.push(storage::no_default(target.span));
    };
    let message = format!("`{path}` is the folder `{folder}` of the app's disk, empty at first");
    diagnostics.push(Diagnostic::note("convert.bind", message).at(target.span));
    storage.fills.disk(unit, None, &volume.name, &folder, user);
    storage.on_disk(volume, folder, target, diagnostics);
}

/// A path of the node the Pod runs on. What is mounted as volume is the path that the administrator named, and the rest
/// a sub-path of it: the kubelet follows no symlink out of a volume, so an app cannot widen what was allowed.
fn on_node(storage: &mut Storage<'_, '_>, path: &str, target: Mount<'_>, diagnostics: &mut Diagnostics) {
    let Some(allowed) = storage.input.cluster.security.host_path(path) else {
        return diagnostics.push(refused(path, target.span));
    };
    if allowed.read_only && !target.read_only {
        let message = format!("`{path}` may be mounted read-only only: `cluster.security.hostPaths` says so");
        return diagnostics.push(
            Diagnostic::error("convert.bind-absolute", message)
                .at(target.span)
                .help("add `:ro`, or `read_only: true`"),
        );
    }
    let rest = path.strip_prefix(&allowed.path).unwrap_or_default().trim_start_matches('/');
    if !rest.is_empty()
        && let Err(rule) = check_sub_path(rest)
    {
        return diagnostics.push(Diagnostic::error("convert.bind-path", rule).at(target.span));
    }
    let message = format!("`{path}` is a path of the node that the Pod runs on, not a disk of the app");
    diagnostics.push(Diagnostic::note("convert.bind", message).at(target.span));
    let name = resource_name::content("node", &allowed.path.replace('/', "-"), allowed.path.as_bytes());
    let target = Mount { sub_path: (!rest.is_empty()).then(|| rest.to_owned()), ..target };
    storage.mounts.mount(PodVolume::host_path(name, allowed.path.clone()), target, diagnostics);
}

fn time_zone(
    storage: &mut Storage<'_, '_>,
    unit: &Unit<'_>,
    path: &str,
    target: Mount<'_>,
    diagnostics: &mut Diagnostics,
) {
    let facts = storage.input.facts;
    let zone = unit.service.environment.get("TZ").map(|zone| zone.value.trim_start_matches(':'));
    let zone = zone.filter(|zone| !zone.is_empty()).unwrap_or(&facts.local_zone);
    let content = match path {
        "/etc/localtime" => facts.time_zones.get(zone).cloned(),
        _ => Some(format!("{zone}\n").into_bytes()),
    };
    let Some(content) = content else {
        let message = format!("the data of time zone `{zone}` is not known here: the image's own time stays");
        diagnostics.push(
            Diagnostic::warning("convert.time-zone", message)
                .at(target.span)
                .help("set TZ to a zone such as Europe/Berlin; images with tzdata need no mount"),
        );
        return;
    };
    let data: Data = [(ROOT.to_owned(), content)].into();
    let map = storage.contents.config_map("config", path.trim_start_matches('/'), data);
    let volume = PodVolume::config_map(map, vec![item(ROOT, ROOT, 0o444)]);
    let target = Mount { sub_path: Some(ROOT.to_owned()), read_only: true, ..target };
    storage.mounts.mount(volume, target, diagnostics);
}

/// Paths that give power over the machine.
fn is_dangerous(path: &str) -> bool {
    path == "/"
        || ["/proc", "/sys", "/dev"].into_iter().any(|root| is_beneath(path, root))
        || path.ends_with(".sock")
}

fn refused(path: &str, span: Span) -> Diagnostic {
    let shown = path.escape_debug();
    let message = format!("the bind mount of `{shown}` is refused: an app has no machine of its own");
    let help = if is_dangerous(path) {
        "it would give the app power over the node; only the cluster's administrator can allow it, with `cluster.security.hostPaths`".to_owned()
    } else {
        format!(
            "use a volume, put the content beneath the project and write a relative path, or add `x-kompox: {{binds: {{\"{shown}\": disk}}}}` at the top of the file for a folder of the app's disk"
        )
    };
    Diagnostic::error("convert.bind-absolute", message).at(span).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_and_kernel_folders_are_dangerous() {
        for path in ["/", "/proc", "/proc/1", "/sys", "/dev/sda", "/var/run/docker.sock"] {
            assert!(refused(path, Span::default()).help.unwrap().contains("administrator"), "{path}");
        }
        assert!(!refused("/srv/data", Span::default()).help.unwrap().contains("administrator"));
    }
}
