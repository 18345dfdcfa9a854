//! `disk …`.

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
}
