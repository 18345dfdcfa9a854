//! The containers that prepare volumes before anything of the app runs. Pure.

use crate::escape::literal;
use crate::mounts::{Mount, Mounts, PodVolume};
use crate::security::User;
use crate::storage::DISK_ROOT;
use crate::unit::{FILES, FILL, INSTALL, Unit};
use k8s_openapi::api::core::v1::{Capabilities, Container, SecurityContext};
use kompox_compose::{Diagnostics, Span};
use kompox_model::{VolumeName, resource_name};
use kompox_node_protocol::{
    CopyUp, CopyUpPlan, FileToWrite, FillTarget, Owner, PLAN_VERSION, WriteFilesPlan,
};
use serde::Serialize;

/// Where containers find the program of Kompox, if their Pod has it.
pub const PROGRAM_FOLDER: &str = "/.kompox";
/// The program: `kompox-node`.
pub const PROGRAM: &str = "/.kompox/kompox-node";
/// The Pod volume that holds the program.
const PROGRAM_VOLUME: &str = "kompox";
/// Where a filling container mounts volumes that are no disks.
const MOUNT_ROOT: &str = "/.kompox-mount";

/// The volumes to fill, by the image that fills them, in the order of the services.
#[derive(Default)]
pub(crate) struct Fills {
    images: Vec<Image>,
}

struct Image {
    image: String,
    pull_policy: String,
    /// Name of the container that fills.
    container: String,
    /// Volumes with their mount path in that container.
    volumes: Vec<(FillVolume, String)>,
    fills: Vec<CopyUp>,
}

#[derive(PartialEq, Eq)]
enum FillVolume {
    Disk(VolumeName),
    Empty(String),
}

impl Fills {
    /// Fills a folder of a disk from `source` in the unit's image; none makes an empty folder only.
    pub(crate) fn disk(
        &mut self,
        unit: &Unit<'_>,
        source: Option<&str>,
        volume: &VolumeName,
        folder: &str,
        user: Option<User>,
    ) {
        let root = format!("{DISK_ROOT}/{volume}");
        let target = FillTarget::Disk { root: root.clone(), sub_path: folder.to_owned() };
        self.add(unit, source, target, FillVolume::Disk(volume.clone()), root, user);
    }

    /// Fills an anonymous volume from the path where it will be mounted.
    pub(crate) fn mount(&mut self, unit: &Unit<'_>, source: &str, volume: &str, user: Option<User>) {
        let path = format!("{MOUNT_ROOT}/{volume}");
        let target = FillTarget::Mount { path: path.clone() };
        self.add(unit, Some(source), target, FillVolume::Empty(volume.to_owned()), path, user);
    }

    fn add(
        &mut self,
        unit: &Unit<'_>,
        source: Option<&str>,
        target: FillTarget,
        volume: FillVolume,
        path: String,
        user: Option<User>,
    ) {
        let found = self.images.iter().position(|image| image.image == unit.image);
        let index = found.unwrap_or_else(|| {
            self.images.push(Image {
                image: unit.image.clone(),
                pull_policy: crate::deployment::pull_policy(unit).to_owned(),
                container: resource_name::dns_label(&format!("{FILL}{}", unit.container), 63),
                volumes: Vec::new(),
                fills: Vec::new(),
            });
            self.images.len() - 1
        });
        let image = &mut self.images[index];
        if !image.volumes.iter().any(|(known, _)| *known == volume) {
            image.volumes.push((volume, path));
        }
        let owner = user.map(|user| Owner { uid: user.uid, gid: user.gid.unwrap_or(0) });
        let fill = CopyUp { source: source.map(ToOwned::to_owned), target, owner };
        let same = |other: &CopyUp| other.target == fill.target && other.source == fill.source;
        if !image.fills.iter().any(same) {
            image.fills.push(fill);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// One container per image with volumes.
    ///
    /// `disk` gives the Pod volume of a volume's disk. The whole disk is mounted, so that a volume can be filled aside
    /// and renamed. Whole volumes come before folders in them, which would make them look filled.
    pub(crate) fn containers(
        mut self,
        mounts: &mut Mounts,
        disk: impl Fn(&VolumeName) -> Option<PodVolume>,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Container> {
        let mut containers = Vec::new();
        for image in &mut self.images {
            image.fills.sort_by_key(|fill| match &fill.target {
                FillTarget::Disk { sub_path, .. } => sub_path.matches('/').count(),
                FillTarget::Mount { .. } => 0,
            });
            mount_program(mounts, &image.container, diagnostics);
            for (volume, path) in &image.volumes {
                let source = match volume {
                    FillVolume::Disk(volume) => disk(volume),
                    FillVolume::Empty(name) => Some(PodVolume::empty(name.clone())),
                };
                let Some(source) = source else { continue };
                mounts.mount(source, whole(&image.container, path, false), diagnostics);
            }
            let plan = CopyUpPlan { version: PLAN_VERSION, fills: image.fills.clone() };
            containers.push(Container {
                name: image.container.clone(),
                image: Some(image.image.clone()),
                image_pull_policy: Some(image.pull_policy.clone()),
                command: Some(vec![PROGRAM.to_owned()]),
                args: Some(vec!["copy-up".to_owned(), "--plan".to_owned(), json(&plan)]),
                security_context: Some(root(&["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"])),
                volume_mounts: mounts.of(&image.container),
                termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
                ..Container::default()
            });
        }
        containers
    }
}

fn whole<'a>(container: &'a str, target: &'a str, read_only: bool) -> Mount<'a> {
    Mount { container, target, sub_path: None, read_only, span: Span::default() }
}

/// Lets a container find the program.
pub(crate) fn mount_program(mounts: &mut Mounts, container: &str, diagnostics: &mut Diagnostics) {
    let volume = PodVolume::empty(PROGRAM_VOLUME.to_owned());
    mounts.mount(volume, whole(container, PROGRAM_FOLDER, true), diagnostics);
}

/// The container that puts the program where the others find it.
pub(crate) fn install(image: &str, mounts: &mut Mounts, diagnostics: &mut Diagnostics) -> Container {
    let volume = PodVolume::empty(PROGRAM_VOLUME.to_owned());
    mounts.mount(volume, whole(INSTALL, PROGRAM_FOLDER, false), diagnostics);
    node(INSTALL, image, &["install", "--to", PROGRAM_FOLDER], mounts)
}

/// The container that writes files with exact owner and mode.
pub(crate) fn write_files(
    image: &str,
    files: Vec<FileToWrite>,
    mounts: &mut Mounts,
    diagnostics: &mut Diagnostics,
) -> Container {
    let target = crate::file_mounts::ROOT;
    mounts.mount(PodVolume::memory(FILES.to_owned(), None), whole(FILES, target, false), diagnostics);
    let plan = WriteFilesPlan { version: PLAN_VERSION, root: target.to_owned(), files };
    let container = node(FILES, image, &["write-files", "--plan", &json(&plan)], mounts);
    Container { security_context: Some(root(&["CHOWN", "DAC_OVERRIDE", "FOWNER"])), ..container }
}

/// A container of the program's own image, without any right.
pub(crate) fn node(name: &str, image: &str, args: &[&str], mounts: &Mounts) -> Container {
    Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        args: Some(args.iter().map(|arg| (*arg).to_owned()).collect()),
        security_context: Some(SecurityContext {
            run_as_user: Some(65532),
            run_as_group: Some(65532),
            run_as_non_root: Some(true),
            ..root(&[])
        }),
        volume_mounts: mounts.of(name),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

/// Root with a read-only root file system and only these capabilities, all of which level `baseline` allows.
fn root(capabilities: &[&str]) -> SecurityContext {
    SecurityContext {
        run_as_user: Some(0),
        run_as_group: Some(0),
        run_as_non_root: Some(false),
        read_only_root_filesystem: Some(true),
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            add: (!capabilities.is_empty())
                .then(|| capabilities.iter().map(|name| (*name).to_owned()).collect()),
        }),
        ..SecurityContext::default()
    }
}

/// A plan as an argument: Kubernetes would expand `$(…)` in it.
fn json<T: Serialize>(plan: &T) -> String {
    literal(&serde_json::to_string(plan).expect("plans have string keys only"))
}
