//! `disk …`.

use super::{ArchivePath, ComposeArguments};
use clap::{Args, Subcommand};
use kompox_model::quantity::Bytes;
use kompox_model::{DiskName, DiskSource, VolumeName};

/// Verbs of the disk.
#[derive(Debug, Subcommand)]
pub(crate) enum DiskCommand {
    /// List the disks of the app, newest first
    List(ListArguments),
    /// Create a disk; the first one of a volume is assigned, later ones are not
    Create(CreateArguments),
    /// Make a disk the one that the next deploy uses
    ///
    /// Only the record changes; a running app keeps its disk until it is deployed again.
    Assign(OneDiskArguments),
    /// Switch the app to another disk, now
    ///
    /// Stops the app's Pod, sees it gone, assigns the disk, deploys the app on it, and remembers the former
    /// disk: --previous goes back to it. Refused before anything is stopped if the disk is not ready, is used by
    /// others or belongs to another cluster. If the switch fails before the disk is assigned, the app is started
    /// again on its former one. How long the app was not ready is said at the end.
    Attach(AttachArguments),
    /// Leave a volume without an assigned disk
    ///
    /// Only while no Pod uses the disk: stop the app first. The disk can be deleted then; deploys refuse until
    /// a disk is assigned.
    Detach(OneDiskArguments),
    /// Write what a disk holds to a file
    ///
    /// The file is an archive that disk import takes in again, here or on another cluster; docs/export-format.md
    /// describes it. Only a disk that nothing uses is written out: stop the app first, or export a snapshot. What
    /// arrives is in FILE.partial until all of it is there and verified; a command that was cut goes on there.
    Export(ExportArguments),
    /// Make a new disk from an archive, a folder or standard input
    ///
    /// An archive is one of disk export or snapshot export, or a tar archive from elsewhere, as it is or compressed
    /// by zstd. Exports are read and verified before anything is made. The disk is not assigned, unless it is the
    /// first one of its volume; switch to it with disk attach.
    Import(ImportArguments),
    /// Show where a disk comes from and what became of it
    ///
    /// What it was made from, step by step; when it was assigned, fenced or given to another cluster, as far back as
    /// its volume remembers; and the snapshots that were made of it.
    Log(LogDiskArguments),
    /// Finish what killed commands left of disks, and say what has to be decided
    ///
    /// A disk that is half made is finished, one that is half deleted is deleted. Of several assigned disks the one that
    /// a switch was going to, or that the app last ran on, is kept; where none is assigned, the one that the app last ran
    /// on is assigned again, also after disk detach. A PersistentVolume that waits for a claim which is gone is freed.
    ///
    /// Nothing else is deleted, and disks of other clusters are left alone. Where it is not clear what to do, the commands
    /// to choose from are named and the exit code is 5. With nothing to do, nothing is written.
    Repair(RepairArguments),
    /// Delete a disk and its data for good
    ///
    /// Refused while the disk is assigned or in use. A disk that does not exist is success.
    Delete(OneDiskArguments),
}

/// Arguments of `disk list`.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only disks of this volume
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,
}

/// Arguments of `disk create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArguments {
    /// Name of the new disk [default: one made from the time]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<DiskName>,

    /// Volume it is for [default: the app's first]
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,

    /// Its size, such as 20Gi [default: the size of the volume]
    #[arg(long, value_name = "SIZE", value_parser = Bytes::parse)]
    pub(crate) size: Option<Bytes>,

    /// What it is made from: empty, disk:NAME, snapshot:NAME, or an id of the provider
    #[arg(long, value_name = "SOURCE", default_value = "empty", value_parser = DiskSource::parse)]
    pub(crate) source: DiskSource,

    /// Succeed when a disk of that name exists already
    #[arg(long, requires = "name")]
    pub(crate) if_not_exists: bool,

    /// Print what would be made, and make nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of the verbs on one disk.
#[derive(Debug, Args)]
pub(crate) struct OneDiskArguments {
    /// Name of the disk
    #[arg(value_name = "NAME")]
    pub(crate) name: DiskName,

    /// Volume it belongs to [default: the app's first]
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,

    /// Print what would become of the disk, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `disk repair`.
#[derive(Debug, Args)]
pub(crate) struct RepairArguments {
    /// Only this volume [default: every volume]
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,

    /// Where several disks are assigned, or none, assign this one; of --volume, otherwise of the app's first volume
    #[arg(long, value_name = "DISK")]
    pub(crate) keep: Option<DiskName>,

    /// Print what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `disk attach`.
#[derive(Debug, Args)]
pub(crate) struct AttachArguments {
    /// Name of the disk
    #[arg(value_name = "NAME", required_unless_present = "previous")]
    pub(crate) name: Option<DiskName>,

    /// Go back to the disk that the volume used before the last switch
    #[arg(long, conflicts_with = "name")]
    pub(crate) previous: bool,

    /// Volume it belongs to [default: the app's first]
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,

    #[command(flatten)]
    pub(crate) compose: ComposeArguments,

    /// Ask the cluster what would change, print that, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// End once everything is applied, without waiting for the app to be ready
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Arguments of `disk export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Name of the disk
    #[arg(value_name = "NAME")]
    pub(crate) name: DiskName,

    /// File to write, which must not exist; - is standard output
    #[arg(value_name = "FILE")]
    pub(crate) to: ArchivePath,

    /// Volume it belongs to [default: the app's first]
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,
}

/// Arguments of `disk import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// Archive or folder; - is an archive on standard input
    #[arg(value_name = "FILE")]
    pub(crate) from: ArchivePath,

    /// Name of the new disk [default: one made from the time]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<DiskName>,

    /// Volume it is for [default: the app's first]
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,

    /// Its size, such as 20Gi [default: that of the volume, or of the exported disk if that is larger]
    #[arg(long, value_name = "SIZE", value_parser = Bytes::parse)]
    pub(crate) size: Option<Bytes>,

    /// Succeed when a disk of that name was made from the same archive already
    #[arg(long, requires = "name")]
    pub(crate) if_not_exists: bool,

    /// Print what would be made, and make nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `disk log`.
#[derive(Debug, Args)]
pub(crate) struct LogDiskArguments {
    /// Name of the disk
    #[arg(value_name = "NAME")]
    pub(crate) name: DiskName,

    /// Volume it belongs to [default: the app's first]
    #[arg(long, value_name = "VOLUME")]
    pub(crate) volume: Option<VolumeName>,
}
