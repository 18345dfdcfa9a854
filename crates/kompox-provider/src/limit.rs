//! Ends work with its caller's deadline or cancellation (DRV-17, DRV-18). Reads the clock, performs no other IO.

use kompox_model::port::{Call, ErrorKind, PortError};
use std::future::Future;
use std::time::{Duration, Instant};

/// Runs `work` until it ends, the caller cancels, or the earlier of the caller's deadline and `limit` has passed (C-21).
///
/// `frame` makes the error of the operation, so that it can name what was being done. Work that has not begun is
/// not begun when it is too late already. Work that is cut off is dropped: it must be safe to repeat.
///
/// # Errors
/// Those of `work`, Cancelled and Timeout.
pub async fn within<T>(
    call: &Call<'_>,
    limit: Option<Duration>,
    frame: impl Fn(ErrorKind) -> PortError,
    work: impl Future<Output = Result<T, PortError>>,
) -> Result<T, PortError> {
    let own = limit.and_then(|limit| Instant::now().checked_add(limit));
    let end = match (call.deadline, own) {
        (Some(theirs), Some(own)) => Some(theirs.min(own)),
        (theirs, own) => theirs.or(own),
    };
    let expired = async {
        match end {
            // A timer needs one tick even when it is late already, in which the work would begin.
            Some(end) if end <= Instant::now() => {}
            Some(end) => tokio::time::sleep_until(end.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = call.cancel.cancelled() => Err(frame(ErrorKind::Cancelled)),
        () = expired => Err(frame(ErrorKind::Timeout)),
        done = work => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_model::port::Cancel;
    use std::future::pending;

    fn frame(kind: ErrorKind) -> PortError {
        PortError::new(kind, "test", "wait for", "nothing")
    }

    #[tokio::test]
    async fn a_set_switch_or_a_passed_deadline_begins_nothing() {
        let cancel = Cancel::new();
        let late = Call::new(&cancel).with_deadline(Instant::now());
        let begun = async { panic!("the work was begun") };
        let error = within::<()>(&late, None, frame, begun).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
        cancel.cancel();
        let begun = async { panic!("the work was begun") };
        let error = within::<()>(&Call::new(&cancel), None, frame, begun).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Cancelled);
    }

    #[tokio::test]
    async fn the_shorter_limit_counts() {
        let cancel = Cancel::new();
        let day = Duration::from_secs(86_400);
        let soon = Duration::from_millis(5);
        let caller = Call::new(&cancel).with_deadline(Instant::now() + soon);
        let error = within::<()>(&caller, Some(day), frame, pending()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
        let caller = Call::new(&cancel).with_deadline(Instant::now() + day);
        let error = within::<()>(&caller, Some(soon), frame, pending()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
    }

    #[tokio::test]
    async fn cancelling_ends_running_work() {
        let cancel = Cancel::new();
        let call = Call::new(&cancel);
        let work = within::<()>(&call, None, frame, pending());
        let (result, ()) = tokio::join!(work, async { cancel.cancel() });
        assert_eq!(result.unwrap_err().kind, ErrorKind::Cancelled);
    }
}
