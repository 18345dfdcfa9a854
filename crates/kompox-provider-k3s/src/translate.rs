//! Between the nouns of the model and the records of the disk store. Pure.

use kompox_model::port::{AppScope, DiskCreate};
use kompox_model::quantity::Bytes;
use kompox_model::{
    ClusterName, Disk, DiskSource, DiskState, Holder, Snapshot, VolumeChange, VolumeEvent, VolumeName,
    VolumeState,
};
use kompox_node_protocol::{
    self as protocol, AppRef, Backend, CreateDisk, DiskEntry, Identity, SnapshotEntry, VolumeRecord,
    VolumeRef,
};

/// The app as the store knows it.
pub(crate) fn app(scope: AppScope<'_>) -> AppRef {
    let identity = scope.identity;
    AppRef {
        identity: Identity {
            workspace: identity.workspace.to_string(),
            provider: identity.provider.to_string(),
            app: identity.app.to_string(),
        },
        app_hash: identity.app_hash(),
    }
}

/// The cluster that asks.
pub(crate) fn holder(scope: AppScope<'_>) -> protocol::Holder {
    protocol::Holder { cluster: scope.cluster.name.to_string(), cluster_uid: scope.cluster_uid.to_owned() }
}

/// A volume of the app, asked for by its cluster.
pub(crate) fn volume(scope: AppScope<'_>, volume: &VolumeName) -> VolumeRef {
    VolumeRef { app: app(scope), holder: holder(scope), volume: volume.to_string() }
}

/// A volume of the app, asked for on behalf of `who`.
pub(crate) fn volume_of(scope: AppScope<'_>, volume: &VolumeName, who: &Holder) -> VolumeRef {
    VolumeRef { app: app(scope), holder: record_holder(who), volume: volume.to_string() }
}

/// A holder as records have it.
pub(crate) fn record_holder(holder: &Holder) -> protocol::Holder {
    protocol::Holder { cluster: holder.cluster.to_string(), cluster_uid: holder.uid.clone() }
}

/// The record of a volume in the store with this id.
///
/// # Errors
/// A sentence on a record that breaks a rule of the model.
pub(crate) fn volume_state(record: &VolumeRecord, store: Option<&str>) -> Result<VolumeState, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("the record of volume {}: {error}", record.volume);
    let event = |event: &protocol::VolumeEvent| {
        Ok(VolumeEvent {
            at: event.at.parse().map_err(|error: jiff::Error| wrong(&error))?,
            change: change(&event.what).map_err(|error| wrong(&error))?,
            cluster: event.cluster.parse().map_err(|error| wrong(&error))?,
        })
    };
    Ok(VolumeState {
        name: record.volume.parse().map_err(|error| wrong(&error))?,
        store: store.unwrap_or_default().to_owned(),
        holder: holder_of(record).map_err(|error| wrong(&error))?,
        fenced: record.fenced,
        history: record.history.iter().map(event).collect::<Result<_, String>>()?,
    })
}

fn change(change: &protocol::VolumeChange) -> Result<VolumeChange, kompox_model::NameError> {
    Ok(match change {
        protocol::VolumeChange::Created { disk } => VolumeChange::Created { disk: disk.parse()? },
        protocol::VolumeChange::Assigned { disk, previous } => VolumeChange::Assigned {
            disk: disk.parse()?,
            previous: previous.as_deref().map(str::parse).transpose()?,
        },
        protocol::VolumeChange::Unassigned { disk } => VolumeChange::Unassigned { disk: disk.parse()? },
        protocol::VolumeChange::Fenced {} => VolumeChange::Fenced,
        protocol::VolumeChange::Opened {} => VolumeChange::Opened,
        protocol::VolumeChange::Held { from } => VolumeChange::Held { from: from.cluster.parse()? },
    })
}

/// The request for a new disk.
pub(crate) fn create(
    scope: AppScope<'_>,
    name: &VolumeName,
    generation: u64,
    options: &DiskCreate,
) -> CreateDisk {
    CreateDisk {
        volume: volume(scope, name),
        generation,
        disk: options.name.to_string(),
        size_bytes: options.size.0,
        created_at: options.created_at.to_string(),
        source: options.source.to_string(),
        at_rest: options.at_rest,
        if_not_exists: options.if_not_exists,
    }
}

fn state(state: protocol::DiskState) -> DiskState {
    match state {
        protocol::DiskState::Creating => DiskState::Creating,
        protocol::DiskState::Ready => DiskState::Ready,
        protocol::DiskState::Deleting => DiskState::Deleting,
    }
}

fn holder_of(volume: &VolumeRecord) -> Result<Holder, kompox_model::NameError> {
    let protocol::Holder { cluster, cluster_uid } = &volume.holder;
    Ok(Holder { cluster: cluster.parse::<ClusterName>()?, uid: cluster_uid.clone() })
}

/// A disk as `node` has it, in a store at `root`.
///
/// # Errors
/// A sentence on a record that breaks a rule of the model.
pub(crate) fn disk(entry: &DiskEntry, volume: &VolumeRecord, node: &str, root: &str) -> Result<Disk, String> {
    let record = &entry.record;
    let wrong = |error: &dyn std::fmt::Display| {
        format!("the record of disk {} of volume {}: {error}", record.name, record.volume)
    };
    Ok(Disk {
        name: record.name.parse().map_err(|error| wrong(&error))?,
        volume: record.volume.parse().map_err(|error| wrong(&error))?,
        size: Bytes(record.size_bytes),
        size_enforced: record.size_enforced,
        atomic_snapshots: record.backend == Backend::Btrfs,
        handle: format!("{root}/{}", entry.path),
        assigned: entry.assigned,
        created_at: record.created_at.parse().map_err(|error: jiff::Error| wrong(&error))?,
        node: Some(node.to_owned()),
        zone: None,
        source: DiskSource::parse(&record.source).map_err(|error| wrong(&error))?,
        state: state(record.state),
        holder: holder_of(volume).map_err(|error| wrong(&error))?,
    })
}

/// A snapshot as `node` has it, in a store at `root`.
///
/// # Errors
/// A sentence on a record that breaks a rule of the model.
pub(crate) fn snapshot(
    entry: &SnapshotEntry,
    volume: &VolumeRecord,
    node: &str,
    root: &str,
) -> Result<Snapshot, String> {
    let record = &entry.record;
    let wrong = |error: &dyn std::fmt::Display| {
        format!("the record of snapshot {} of volume {}: {error}", record.name, record.volume)
    };
    Ok(Snapshot {
        name: record.name.parse().map_err(|error| wrong(&error))?,
        volume: record.volume.parse().map_err(|error| wrong(&error))?,
        disk: record.disk.parse().map_err(|error| wrong(&error))?,
        size: Bytes(record.size_bytes),
        handle: format!("{root}/{}", entry.path),
        created_at: record.created_at.parse().map_err(|error: jiff::Error| wrong(&error))?,
        node: Some(node.to_owned()),
        zone: None,
        state: state(record.state),
        atomic: record.atomic,
        holder: holder_of(volume).map_err(|error| wrong(&error))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_node_protocol::DiskRecord;

    #[test]
    fn times_are_written_as_the_store_reads_them() {
        for text in ["2026-01-31T08:15:00Z", "2026-01-31T08:15:00.123456789Z"] {
            let time: jiff::Timestamp = text.parse().unwrap();
            assert_eq!(time.to_string(), text);
            protocol::check_time(&time.to_string()).unwrap();
        }
    }

    #[test]
    fn a_record_that_breaks_a_rule_is_named() {
        let identity = Identity { workspace: "w".to_owned(), provider: "p".to_owned(), app: "a".to_owned() };
        let volume = VolumeRecord {
            format: 1,
            identity: identity.clone(),
            holder: protocol::Holder { cluster: "c".to_owned(), cluster_uid: "u".to_owned() },
            app_hash: "abc123".to_owned(),
            volume: "default".to_owned(),
            assigned: Some("one".to_owned()),
            generation: 1,
            fenced: false,
            history: Vec::new(),
        };
        let mut entry = DiskEntry {
            record: DiskRecord {
                format: 1,
                name: "one".to_owned(),
                identity,
                volume: "default".to_owned(),
                size_bytes: 7,
                created_at: "2026-01-31T08:15:00Z".to_owned(),
                source: "disk:zero".to_owned(),
                first: true,
                state: protocol::DiskState::Ready,
                backend: Backend::Btrfs,
                size_enforced: true,
                imported: None,
                handle: "h".to_owned(),
            },
            assigned: true,
            path: "abc123/default/disks/one/data".to_owned(),
        };
        let found = disk(&entry, &volume, "n1", "/s").unwrap();
        assert!(found.size_enforced && found.atomic_snapshots);
        assert_eq!(found.handle, "/s/abc123/default/disks/one/data");
        assert_eq!((found.node.as_deref(), found.source.to_string().as_str()), (Some("n1"), "disk:zero"));
        entry.record.name = "One".to_owned();
        let error = disk(&entry, &volume, "n1", "/s").unwrap_err();
        assert!(error.starts_with("the record of disk One of volume default: "), "{error}");
    }
}
