//! Which disk each volume of a deploy is on. Pure.

use crate::app::record::Memory;
use crate::{Error, refusal};
use kompox_convert::VolumeBinding;
use kompox_model::port::{DiskInventory, GapKind};
use kompox_model::{App, Cluster, Disk, DiskState, Volume, VolumeClass, VolumeName, resource_name};
use std::collections::BTreeSet;

/// What is known about the disks of one app when a deploy decides.
pub(crate) struct Known<'a> {
    /// The app.
    pub(crate) app: &'a App,
    /// The cluster that deploys.
    pub(crate) cluster: &'a Cluster,
    /// UID of that cluster.
    pub(crate) cluster_uid: &'a str,
    /// The disks, and what could not be seen.
    pub(crate) inventory: &'a DiskInventory,
    /// What the Namespace's annotations remember.
    pub(crate) remembered: &'a Memory,
    /// Keys of the compose file's volumes.
    pub(crate) compose_volumes: &'a BTreeSet<String>,
}

/// The disk of one volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This one exists.
    Existing(Box<Disk>),
    /// This one's creation was cut off and is continued.
    Continue(Box<Disk>),
    /// The volume has no disk yet.
    New,
}

/// Chooses the disk of each volume that the Pod mounts.
///
/// # Errors
/// Conflict for a volume without or with several assigned disks, for disks that another cluster holds or that are fenced,
/// for a remembered disk that is not listed, and for a volume that vanished from the configuration; Unavailable when emptiness cannot be
/// believed.
pub(crate) fn choose(
    known: &Known<'_>,
    in_use: &BTreeSet<VolumeName>,
) -> Result<Vec<(Volume, Choice)>, Error> {
    vanished(known)?;
    for disk in &known.inventory.disks {
        held(known, disk)?;
    }
    open(known.inventory)?;
    if let Some(name) =
        in_use.iter().find(|name| !known.app.volumes.iter().any(|volume| volume.name == **name))
    {
        return Err(Error::refused(
            refusal::DEFECT,
            format!("no volume is called {name}"),
            "this is a defect",
        ));
    }
    let mut choices = Vec::new();
    for volume in known.app.volumes.iter().filter(|volume| in_use.contains(&volume.name)) {
        choices.push((volume.clone(), choose_one(known, volume)?));
    }
    Ok(choices)
}

fn choose_one(known: &Known<'_>, volume: &Volume) -> Result<Choice, Error> {
    let disks: Vec<&Disk> = known.inventory.disks.iter().filter(|disk| disk.volume == volume.name).collect();
    let assigned: Vec<&Disk> = disks.iter().filter(|disk| disk.assigned).copied().collect();
    let names =
        |disks: &[&Disk]| disks.iter().map(|disk| disk.name.to_string()).collect::<Vec<_>>().join(", ");
    match assigned.as_slice() {
        [disk] => match disk.state {
            DiskState::Ready => Ok(Choice::Existing(Box::new((*disk).clone()))),
            DiskState::Creating if disk.source.is_import() => Err(Error::refused(
                refusal::app::DISK_IMPORTING,
                format!("disk {} of volume {} is being made of an archive", disk.name, volume.name),
                format!(
                    "repeat the import: kompoxops disk import FILE {0}; or give it up: kompoxops disk detach {0}, kompoxops disk \
                     delete {0}",
                    disk.name
                ),
            )),
            DiskState::Creating => Ok(Choice::Continue(Box::new((*disk).clone()))),
            DiskState::Deleting => Err(Error::refused(
                refusal::app::DISK_DELETING,
                format!("disk {} of volume {} is assigned but being deleted", disk.name, volume.name),
                "assign another disk: kompoxops disk assign NAME",
            )),
        },
        [] if disks.is_empty() => {
            empty_is_believed(known, volume)?;
            Ok(Choice::New)
        }
        [] => Err(Error::refused(
            refusal::app::DISK_NONE_ASSIGNED,
            format!("volume {} has disks ({}) but none is assigned", volume.name, names(&disks)),
            format!("choose one: kompoxops disk assign {}", disks[0].name),
        )),
        several => Err(Error::refused(
            refusal::app::DISK_SEVERAL_ASSIGNED,
            format!("volume {} has several assigned disks: {}", volume.name, names(several)),
            format!("choose one: kompoxops disk assign {}", several[0].name),
        )),
    }
}

/// "No disk" is believed only if every place answered and no annotation remembers a disk that is not listed. Before
/// anything is installed that could answer, a plan assumes so; a deploy installs it and asks again before it creates.
fn empty_is_believed(known: &Known<'_>, volume: &Volume) -> Result<(), Error> {
    if known.inventory.gaps.iter().any(|gap| gap.kind != GapKind::NotInstalled) {
        return crate::disk::believed(known.inventory);
    }
    if !known.inventory.gaps.is_empty() {
        return Ok(());
    }
    if let Some(lost) = known.remembered.lost(&volume.name, &known.inventory.disks) {
        return Err(Error::refused(
            refusal::app::DISK_LOST,
            format!("volume {} seems to have no disk, but the Namespace remembers disk {lost}", volume.name),
            "nothing was changed; bring that disk back, or create and assign one by hand: kompoxops disk create",
        ));
    }
    Ok(())
}

fn held(known: &Known<'_>, disk: &Disk) -> Result<(), Error> {
    if disk.holder.cluster == known.cluster.name && disk.holder.uid == known.cluster_uid {
        return Ok(());
    }
    let who = if disk.holder.cluster == known.cluster.name {
        format!("another cluster of the name {} (its id is {})", disk.holder.cluster, disk.holder.uid)
    } else {
        format!("cluster {}", disk.holder.cluster)
    };
    Err(Error::refused(
        refusal::app::DISK_HELD,
        format!("disk {} of volume {} is held by {who}", disk.name, disk.volume),
        "two clusters must never use one disk; deploy the app there, or move it",
    ))
}

/// A fence of a takeover that was cut off, or somebody's by hand: a Pod could not open the disks.
pub(crate) fn open(inventory: &DiskInventory) -> Result<(), Error> {
    match inventory.volumes.iter().find(|volume| volume.fenced) {
        None => Ok(()),
        Some(volume) => Err(Error::refused(
            refusal::app::DISK_FENCED,
            format!("volume {} is fenced: nothing may open its disks", volume.name),
            "a takeover was not finished: repeat it: kompoxops app takeover --fenced",
        )),
    }
}

/// A volume with disks of its own that is no longer configured would fall back to the shared disk, with no data.
fn vanished(known: &Known<'_>) -> Result<(), Error> {
    let configured: BTreeSet<_> = known.app.volumes.iter().map(|volume| &volume.name).collect();
    let gone = known.inventory.disks.iter().find(|disk| {
        !configured.contains(&disk.volume) && known.compose_volumes.contains(disk.volume.as_str())
    });
    match gone {
        None => Ok(()),
        Some(disk) => Err(Error::refused(
            refusal::app::VOLUME_VANISHED,
            format!(
                "compose volume `{0}` has disk {1} of its own, but app.volumes no longer names `{0}`",
                disk.volume, disk.name
            ),
            format!(
                "add `- name: {}` to app.volumes again, or remove the volume from the compose file",
                disk.volume
            ),
        )),
    }
}

/// The bindings that the converter gets.
pub(crate) fn bindings(
    choices: &[(Volume, Choice)],
    class: impl Fn(&Volume) -> VolumeClass,
) -> Vec<VolumeBinding> {
    choices
        .iter()
        .map(|(volume, choice)| {
            let (handle, node, size) = match choice {
                Choice::Existing(disk) => (disk.handle.clone(), disk.node.clone(), disk.size),
                Choice::Continue(_) | Choice::New => {
                    (resource_name::unresolved_handle(&volume.name), None, volume.size)
                }
            };
            VolumeBinding { volume: volume.clone(), class: class(volume), handle, node, size }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_model::port::DiskGap;
    use kompox_model::{ComposeSource, DiskSource, Holder, label};

    fn app(volumes: &[&str]) -> App {
        let volume = |name: &&str| Volume { name: VolumeName::new(*name).unwrap(), ..Volume::implicit() };
        App {
            volumes: volumes.iter().map(volume).collect(),
            ..App::new("app".parse().unwrap(), ComposeSource::Inline(String::new()))
        }
    }

    fn disk(volume: &str, name: &str, assigned: bool) -> Disk {
        Disk {
            name: name.parse().unwrap(),
            volume: volume.parse().unwrap(),
            size: Volume::DEFAULT_SIZE,
            size_enforced: false,
            atomic_snapshots: true,
            handle: format!("/disks/{name}"),
            assigned,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            node: None,
            zone: None,
            source: DiskSource::Empty,
            state: DiskState::Ready,
            holder: Holder { cluster: "c1".parse().unwrap(), uid: "u1".to_owned() },
        }
    }

    fn run(
        disks: Vec<Disk>,
        gaps: &[GapKind],
        remembered: Option<&str>,
        volumes: &[&str],
    ) -> Result<Choice, String> {
        let app = app(volumes);
        let cluster = Cluster { existing: true, ..Cluster::new("c1".parse().unwrap()) };
        let gaps = gaps.iter().map(|kind| DiskGap { kind: *kind, message: "node n".to_owned() }).collect();
        let inventory = DiskInventory { disks, gaps, ..DiskInventory::default() };
        let namespace = remembered
            .map(|handle| serde_json::json!({"metadata": {"annotations": {label::DISK_CURRENT: handle}}}));
        let known = Known {
            app: &app,
            cluster: &cluster,
            cluster_uid: "u1",
            inventory: &inventory,
            remembered: &Memory::read(namespace.as_ref(), &inventory.disks).unwrap(),
            compose_volumes: &["db".to_owned()].into(),
        };
        match choose(&known, &["default".parse().unwrap()].into()) {
            Ok(mut choices) => Ok(choices.remove(0).1),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_assigned_disk_is_used() {
        let disks = vec![disk("default", "a", false), disk("default", "b", true)];
        let Ok(Choice::Existing(found)) = run(disks, &[], None, &["default"]) else { panic!("no disk") };
        assert_eq!(found.name.as_str(), "b");
    }

    #[test]
    fn nothing_is_created_while_disks_may_exist() {
        assert_eq!(run(vec![], &[], None, &["default"]), Ok(Choice::New));
        assert_eq!(
            run(vec![], &[GapKind::NotInstalled], Some("/disks/x"), &["default"]),
            Ok(Choice::New),
            "asked again later"
        );
        for (gaps, remembered, expected) in [
            (&[GapKind::Unreachable][..], None, "not all disks can be seen: node n"),
            (&[GapKind::NotInstalled, GapKind::Unreachable], None, "not all disks can be seen: node n"),
            (&[GapKind::Foreign], None, "not all disks can be seen: node n"),
            (
                &[],
                Some("/disks/x"),
                "volume default seems to have no disk, but the Namespace remembers disk /disks/x",
            ),
        ] {
            assert_eq!(run(vec![], gaps, remembered, &["default"]), Err(expected.to_owned()));
        }
    }

    #[test]
    fn none_or_several_assigned_are_refused() {
        let none = run(vec![disk("default", "a", false)], &[], None, &["default"]);
        assert_eq!(none, Err("volume default has disks (a) but none is assigned".to_owned()));
        let two = run(vec![disk("default", "a", true), disk("default", "b", true)], &[], None, &["default"]);
        assert_eq!(two, Err("volume default has several assigned disks: a, b".to_owned()));
    }

    #[test]
    fn disks_of_another_cluster_are_refused() {
        let mut other = disk("default", "a", true);
        other.holder.cluster = "c2".parse().unwrap();
        assert_eq!(
            run(vec![other], &[], None, &["default"]),
            Err("disk a of volume default is held by cluster c2".to_owned())
        );
        let mut same_name = disk("default", "a", true);
        same_name.holder.uid = "u2".to_owned();
        let expected = "disk a of volume default is held by another cluster of the name c1 (its id is u2)";
        assert_eq!(run(vec![same_name], &[], None, &["default"]), Err(expected.to_owned()));
    }

    #[test]
    fn a_vanished_volume_is_refused() {
        let error = run(vec![disk("db", "a", true)], &[], None, &["default"]).unwrap_err();
        assert_eq!(error, "compose volume `db` has disk a of its own, but app.volumes no longer names `db`");
        assert_eq!(run(vec![disk("db", "a", true)], &[], None, &["default", "db"]), Ok(Choice::New));
        assert_eq!(
            run(vec![disk("old", "a", true)], &[], None, &["default"]),
            Ok(Choice::New),
            "compose does not use it"
        );
    }

    #[test]
    fn a_cut_off_creation_is_continued() {
        let mut half = disk("default", "a", true);
        half.state = DiskState::Creating;
        assert!(matches!(run(vec![half.clone()], &[], None, &["default"]), Ok(Choice::Continue(_))));
        half.source = DiskSource::parse("import:archive").unwrap();
        let expected = "disk a of volume default is being made of an archive";
        assert_eq!(run(vec![half], &[], None, &["default"]), Err(expected.to_owned()), "app.disk.importing");
    }
}
