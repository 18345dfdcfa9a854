//! Port of a driver that can take a volume away from one cluster and give it to another. Pure.

use super::{AppScope, Call, PortError};
use crate::{Holder, VolumeName, VolumeState};
use async_trait::async_trait;
use jiff::Timestamp;

/// Fences of volumes. Unlike all other ports these act for the holder that is named, not for the cluster that asks: the
/// caller vouches for it. Every method is idempotent. Errors beside those named: NotFound without such a volume, Conflict
/// when somebody else holds it or another app has its records, Unavailable and Timeout.
#[async_trait]
pub trait VolumeFences: Send + Sync {
    /// Fences the volume, so that nothing of the holder's cluster can write to its disks any more and no disk of it is
    /// changed; or opens it again. `at` is recorded.
    async fn fence(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        holder: &Holder,
        fenced: bool,
        at: Timestamp,
    ) -> Result<VolumeState, PortError>;

    /// Gives a fenced volume to another cluster; it stays fenced. Conflict for one that is not fenced.
    async fn set_holder(
        &self,
        call: &Call<'_>,
        scope: AppScope<'_>,
        volume: &VolumeName,
        from: &Holder,
        to: &Holder,
        at: Timestamp,
    ) -> Result<VolumeState, PortError>;
}
