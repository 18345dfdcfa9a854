//! A disk or snapshot of one app or cluster as a new disk of another: an archive that nobody keeps. IO through the ports of
//! both.

use super::streams;
use crate::progress::Step;
use crate::{Error, Event, Scope};
use kompox_model::port::{DiskExport, DiskImport, ErrorKind};
use kompox_model::{Disk, VolumeName};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

/// What of an archive may be on its way, in bytes.
const PIPE: usize = 1 << 20;
/// How often it is told how far a copy is.
const PACE: Duration = Duration::from_secs(5);

/// Sends what `export` says from the app and cluster of `from` to those of `to`, which verifies all of it. `uids` are those
/// of the clusters, `what` is for people.
///
/// # Errors
/// Unsupported when a driver has no archives; those of both ends, of which the one that failed first is told.
pub(crate) async fn pipe(
    (from, to): (&Scope<'_>, &Scope<'_>),
    uids: (&str, &str),
    volume: &VolumeName,
    export: &DiskExport,
    import: &DiskImport,
    what: &str,
) -> Result<Disk, Error> {
    let step = Step::start(from.progress, format!("copying {what}"));
    let identities = (from.identity(), to.identity());
    let (here, there) = (from.disks(&identities.0, uids.0), to.disks(&identities.1, uids.1));
    let (writing, reading) = (streams(from)?, streams(to)?);
    let told = Mutex::new(Instant::now());
    let progress = |done: u64, total: u64| {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= PACE {
            *told = Instant::now();
            let percent = (done.saturating_mul(100) / total.max(1)).min(100);
            from.progress.event(Event::Progressed(format!("{what}: about {percent} % copied")));
        }
    };
    let (near, far) = tokio::io::duplex(PIPE);
    let exporting = async {
        // Dropped at its end, so that the other side sees the end.
        let mut near = near.compat_write();
        writing.export(&from.call(), here, volume, export, &mut near, &progress).await
    };
    let importing = async {
        let mut far = far.compat();
        reading.import(&to.call(), there, volume, import, &mut far).await
    };
    let disk = match futures::join!(exporting, importing) {
        // It saw an archive that was cut; the other end knows why.
        (Err(error), Err(cut)) if cut.kind == ErrorKind::Invalid => return Err(error.into()),
        (_, Err(error)) | (Err(error), Ok(_)) => return Err(error.into()),
        (Ok(_), Ok(disk)) => disk,
    };
    step.done(format!("{what} copied and verified"));
    Ok(disk)
}
