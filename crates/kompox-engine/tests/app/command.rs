//! Every command that changes something, from the state in which it has most to do.

use crate::bed::{Bed, COMPOSE, changed, going, options};
use crate::snapshots::{create_options, restore_options};
use kompox_engine::app::{self, DestroyOptions};
use kompox_engine::disk::{self, CreateOptions, Target};
use kompox_engine::snapshot::{self, CreateOptions as CreateSnapshot, RestoreOptions};
use kompox_engine::{Error, Scope};
use kompox_model::port::{DiskAssign, DiskDelete, SnapshotDelete};
use kompox_model::{Disk, DiskName, DiskSource};
use serde_json::Value;

/// What is done, from which state.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    First,
    Update,
    Switch,
    Replace,
    Destroy { delete_namespace: bool },
    Attach,
    AttachPrevious,
    Detach,
    Create,
    Assign,
    Delete,
    Stop,
    Start,
    Restart,
    Snapshot,
    Restore,
    DeleteSnapshot,
}

impl Command {
    /// All of them.
    pub(crate) const ALL: [Self; 18] = [
        Self::First,
        Self::Update,
        Self::Switch,
        Self::Replace,
        Self::Destroy { delete_namespace: false },
        Self::Destroy { delete_namespace: true },
        Self::Attach,
        Self::AttachPrevious,
        Self::Detach,
        Self::Create,
        Self::Assign,
        Self::Delete,
        Self::Stop,
        Self::Start,
        Self::Restart,
        Self::Snapshot,
        Self::Restore,
        Self::DeleteSnapshot,
    ];

    /// How many disks are assigned when it has ended well.
    pub(crate) fn assigned(self) -> usize {
        usize::from(!matches!(self, Self::Detach))
    }

    pub(crate) async fn bed(self) -> Bed {
        if matches!(self, Self::First) {
            return Bed::new().await;
        }
        let bed = Bed::deployed().await;
        match self {
            Self::Switch => {
                bed.insert_disk("second", false, |_| {});
                bed.assign("second").await.unwrap();
            }
            Self::Replace => bed.tamper(&bed.pair().0, going),
            Self::Attach | Self::Assign | Self::Delete => bed.insert_disk("second", false, |_| {}),
            Self::AttachPrevious => {
                bed.insert_disk("second", false, |_| {});
                bed.attach(Target::Named("second".parse().unwrap())).await.unwrap();
            }
            Self::Detach | Self::Start => {
                app::stop(&bed.scope(&bed.client), "tester").await.unwrap();
            }
            Self::Restore | Self::DeleteSnapshot => {
                let scope = bed.scope(&bed.client);
                snapshot::create(&scope, &create_options("s1"), "tester").await.unwrap();
            }
            Self::First
            | Self::Update
            | Self::Destroy { .. }
            | Self::Create
            | Self::Stop
            | Self::Restart
            | Self::Snapshot => {}
        }
        bed
    }

    pub(crate) async fn run(self, bed: &Bed, scope: Scope<'_>) -> Result<(), Error> {
        let now = options().now;
        match self {
            Self::Attach => {
                let second = Target::Named("second".parse().unwrap());
                return bed.attach_with(&scope, second, false).await.map(drop);
            }
            Self::AttachPrevious => return bed.attach_with(&scope, Target::Previous, false).await.map(drop),
            Self::Detach => {
                let seconds = u64::try_from(now.as_second()).unwrap();
                let name = DiskName::generated(seconds, options().random);
                return bed.detach(&scope, name.as_str()).await.map(drop);
            }
            Self::Create => {
                let options = CreateOptions {
                    volume: None,
                    name: Some("second".parse().unwrap()),
                    size: None,
                    source: DiskSource::Empty,
                    if_not_exists: true,
                    dry_run: false,
                    now,
                    random: 1,
                };
                return disk::create(&scope, &options, "tester").await.map(drop);
            }
            Self::Assign => {
                let (second, options) = ("second".parse().unwrap(), DiskAssign::default());
                return disk::assign(&scope, None, &second, options, "tester").await.map(drop);
            }
            Self::Delete => {
                let (second, options) = ("second".parse().unwrap(), DiskDelete::default());
                return disk::delete(&scope, None, &second, options, "tester").await.map(drop);
            }
            Self::Snapshot => {
                let options = CreateSnapshot { stop: true, if_not_exists: true, ..create_options("s1") };
                return snapshot::create(&scope, &options, "tester").await.map(drop);
            }
            Self::Restore => {
                let options = RestoreOptions { if_not_exists: true, ..restore_options("s1", "second") };
                return snapshot::restore(&scope, &options, "tester").await.map(drop);
            }
            Self::DeleteSnapshot => {
                let (name, options) = ("s1".parse().unwrap(), SnapshotDelete::default());
                return snapshot::delete(&scope, None, &name, options, "tester").await.map(drop);
            }
            Self::Stop => return app::stop(&scope, "tester").await.map(drop),
            Self::Start => return app::start(&scope, false, "tester").await.map(drop),
            Self::Restart => return app::restart(&scope, false, now, "tester").await.map(drop),
            _ => {}
        }
        let compose = if matches!(self, Self::Update) { changed() } else { COMPOSE.to_owned() };
        if let Self::Destroy { delete_namespace } = self {
            let options = DestroyOptions { delete_namespace, dry_run: false };
            return app::destroy(&scope, options, "tester").await.map(drop);
        }
        app::deploy(&scope, &bed.load(&compose), &options(), "tester").await.map(drop)
    }
}

/// Everything on the cluster but what the server makes up, all snapshots, and all disks. The Lease of a dead command is left where the
/// repeat has nothing to do, and so takes none; it expires.
pub(crate) async fn state(bed: &Bed) -> (Vec<Value>, Vec<Disk>) {
    let mut objects = bed.api.objects();
    objects.retain(|object| object["kind"] != "Lease");
    for object in &mut objects {
        let metadata = object["metadata"].as_object_mut().unwrap();
        for key in ["uid", "resourceVersion", "creationTimestamp"] {
            metadata.remove(key);
        }
    }
    let snapshots = snapshot::list(&bed.scope(&bed.client)).await.unwrap().snapshots;
    objects.extend(snapshots.iter().map(|snapshot| serde_json::to_value(snapshot).unwrap()));
    (objects, bed.disks().await)
}
