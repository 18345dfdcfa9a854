//! `snapshot …`.

use super::{ArchivePath, ComposeArguments};
use clap::{Args, Subcommand};
use kompox_model::quantity::Bytes;
use kompox_model::{DiskName, SnapshotName, VolumeName};

/// Verbs of the snapshot.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// List the snapshots of the app's disks, newest first
    List(ListSnapshotsArguments),
    /// Keep what a disk holds now
    ///
    /// A disk that nothing writes to is copied as it is. One in use is copied where its file system does that in one
    /// moment (btrfs): what is restored from it is as after a power cut, which databases recover from. Elsewhere the
    /// app must be stopped for the copy: --stop does it and starts the app again; an app that you stopped before
    /// stays stopped. If the command is killed in between, the repeat starts the app again, as does app start.
    Create(CreateSnapshotArguments),
    /// Make a new disk from a snapshot
    ///
    /// The disk stands beside the one in use and is not assigned, unless the volume has no other. --attach switches
    /// the app to it; disk attach --previous goes back. With --all, every volume gets a disk from its snapshot of this
    /// name, or none does; --attach then switches all of them at once.
    Restore(RestoreArguments),
    /// Write what a snapshot holds to a file
    ///
    /// The file is an archive that disk import takes in again, here or on another cluster. The app goes on running.
    /// What arrives is in FILE.partial until all of it is there and verified; a command that was cut goes on there.
    Export(ExportSnapshotArguments),
    /// Delete a snapshot for good
    ///
    /// Disks that were made from it stay as they are. A snapshot that does not exist is success.
    Delete(DeleteSnapshotArguments),
}

/// Arguments of `snapshot list`.
#[derive(Debug, Args)]
pub(crate) struct ListSnapshotsArguments {
    /// Only snapshots of this volume
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,
}

/// Arguments of `snapshot create`.
#[derive(Debug, Args)]
pub(crate) struct CreateSnapshotArguments {
    /// Name of the new snapshot [default: one made from the time]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<SnapshotName>,

    /// Volume to keep [default: the app's first]
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,

    /// Keep all volumes of the app as of one moment, each in a snapshot of this name
    #[arg(long, conflicts_with_all = ["volume", "disk"])]
    pub(crate) all: bool,

    /// Disk of the volume [default: the assigned one]
    #[arg(long, value_name = "DISK")]
    pub(crate) disk: Option<DiskName>,

    /// Stop the app for the copy, and start it again
    #[arg(long)]
    pub(crate) stop: bool,

    /// Succeed when there is a snapshot of that name of this disk already
    #[arg(long, requires = "name")]
    pub(crate) if_not_exists: bool,

    /// Print what would be made, and make nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// End once the app is told to start again, without waiting for it to be ready
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Arguments of `snapshot restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// Name of the snapshot
    #[arg(value_name = "NAME")]
    pub(crate) name: SnapshotName,

    /// Volume it belongs to [default: the app's first]
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,

    /// Restore the snapshots of this name of all volumes
    #[arg(long, conflicts_with_all = ["volume", "size"])]
    pub(crate) all: bool,

    /// Name of the new disk [default: one made from the time]
    #[arg(long, value_name = "DISK")]
    pub(crate) disk: Option<DiskName>,

    /// Size of the new disk, such as 20Gi [default: that of the volume, or of the snapshot if that is larger]
    #[arg(long, value_name = "SIZE", value_parser = Bytes::parse)]
    pub(crate) size: Option<Bytes>,

    /// Succeed when a disk of that name exists already
    #[arg(long, requires = "disk")]
    pub(crate) if_not_exists: bool,

    /// Switch the app to the new disk at once
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) attach: bool,

    #[command(flatten)]
    pub(crate) compose: ComposeArguments,

    /// Print what would be made, and make nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// With --attach, end once everything is applied, without waiting for the app to be ready
    #[arg(long, requires = "attach")]
    pub(crate) no_wait: bool,
}

/// Arguments of `snapshot delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteSnapshotArguments {
    /// Name of the snapshot
    #[arg(value_name = "NAME")]
    pub(crate) name: SnapshotName,

    /// Volume it belongs to [default: the app's first]
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,

    /// Print what would become of the snapshot, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `snapshot export`.
#[derive(Debug, Args)]
pub(crate) struct ExportSnapshotArguments {
    /// Name of the snapshot
    #[arg(value_name = "NAME")]
    pub(crate) name: SnapshotName,

    /// File to write, which must not exist; - is standard output
    #[arg(value_name = "FILE")]
    pub(crate) to: ArchivePath,

    /// Volume it belongs to [default: the app's first]
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,
}
