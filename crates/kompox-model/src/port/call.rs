//! What accompanies every port call: deadline and cancellation. Pure (wakers only, no runtime).

use super::Cluster;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// Deadline, cancellation and connection of one operation.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// When the operation must have ended; the smaller of this and an adapter's own limit counts (C-21).
    pub deadline: Option<Instant>,
    /// Set when the user wants to stop.
    pub cancel: &'a Cancel,
    /// The Kubernetes cluster, once connected.
    pub cluster: Option<&'a dyn Cluster>,
}

impl<'a> Call<'a> {
    /// A call without deadline and connection.
    #[must_use]
    pub fn new(cancel: &'a Cancel) -> Self {
        Self { deadline: None, cancel, cluster: None }
    }

    /// The same call with a connection.
    #[must_use]
    pub fn with_cluster(self, cluster: &'a dyn Cluster) -> Self {
        Self { cluster: Some(cluster), ..self }
    }

    /// The same call with this deadline, unless it has an earlier one.
    #[must_use]
    pub fn with_deadline(self, deadline: Instant) -> Self {
        Self { deadline: Some(self.deadline.map_or(deadline, |own| own.min(deadline))), ..self }
    }
}

#[derive(Default)]
struct State {
    cancelled: bool,
    wakers: Vec<Waker>,
}

/// A switch that is set once, by Ctrl-C for instance, and seen by all clones.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Mutex<State>>);

impl Cancel {
    /// A switch that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the switch and wakes everyone who waits for it.
    pub fn cancel(&self) {
        let wakers = {
            let mut state = self.state();
            state.cancelled = true;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// True once [`Cancel::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    /// A future that ends when the switch is set.
    #[must_use]
    pub fn cancelled(&self) -> Cancelled {
        Cancelled(self.clone())
    }
}

/// Ends when its [`Cancel`] is set.
pub struct Cancelled(Cancel);

impl Future for Cancelled {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.state();
        if state.cancelled {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            state.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_switch_is_seen_by_clones_and_waiters() {
        let cancel = Cancel::new();
        let mut waiting = Box::pin(cancel.cancelled());
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        cancel.cancel();
        assert!(waiting.as_mut().poll(&mut context).is_ready());
        assert!(cancel.is_cancelled());
    }
}
