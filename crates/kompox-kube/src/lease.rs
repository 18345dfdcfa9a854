//! The Lease that one mutating command at a time holds. IO: the network; renews in the background.
//!
//! Whether a Lease has expired is judged by the API server's clock, which every answer tells, so that holders whose own
//! clocks disagree cannot both believe that they hold it. Whether *we* still hold it is judged by how long ago a renewal
//! was confirmed, by the steady clock and by the wall clock: a laptop that slept does not notice by the former.

use crate::client::Client;
use crate::request::Limits;
use crate::translate::Site;
use async_trait::async_trait;
use jiff::Timestamp;
use kompox_model::label;
use kompox_model::port::{ErrorKind, Lock, Patch, PortError};
use kompox_model::{Gvk, Object, ObjectRef};
use kube::api::Preconditions;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The times of a Lease; shorter ones in tests only.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// How long it is valid without renewal.
    valid: Duration,
    /// Added before another's Lease counts as expired: the server's clock is told in whole seconds.
    rounding: Duration,
    /// Taken off before our own counts as valid: a write that is checked now takes a while.
    margin: Duration,
    /// Between renewals.
    renew: Duration,
    /// After a renewal that failed.
    again: Duration,
    /// How long one renewal, or giving back, may take.
    patience: Duration,
}

const TIMES: Times = Times {
    valid: Duration::from_secs(30),
    rounding: Duration::from_secs(2),
    margin: Duration::from_secs(5),
    renew: Duration::from_secs(8),
    again: Duration::from_secs(2),
    patience: Duration::from_secs(5),
};

/// Attempts to take a Lease that others change at the same moment.
const ATTEMPTS: usize = 5;

/// A Lease as it is on the server.
struct Found {
    resource_version: String,
    holder: Option<String>,
    acquired: Option<String>,
    renewed: Option<Timestamp>,
    valid: Duration,
    transitions: i64,
}

impl Found {
    fn read(lease: &Value) -> Self {
        let text = |pointer: &str| {
            let text = lease.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let number = |pointer: &str| lease.pointer(pointer).and_then(Value::as_i64);
        let seconds = number("/spec/leaseDurationSeconds").and_then(|seconds| u64::try_from(seconds).ok());
        Self {
            resource_version: text("/metadata/resourceVersion").unwrap_or_default(),
            holder: text("/spec/holderIdentity"),
            acquired: text("/spec/acquireTime"),
            renewed: text("/spec/renewTime").and_then(|time| time.parse().ok()),
            valid: seconds.map_or(TIMES.valid, Duration::from_secs),
            transitions: number("/spec/leaseTransitions").unwrap_or_default(),
        }
    }

    /// Whether nobody renews it any more. One that was never renewed is nobody's.
    fn expired(&self, now: Timestamp) -> bool {
        self.renewed.is_none_or(|renewed| now > renewed + self.valid + TIMES.rounding)
    }
}

/// Time as Lease fields want it.
fn micro(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// When the server last confirmed that the Lease is ours, by both clocks.
#[derive(Debug, Clone, Copy)]
struct Confirmed {
    steady: Instant,
    wall: SystemTime,
}

impl Confirmed {
    fn now() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }

    /// The longer of what both clocks say. A wall clock that was set back says nothing.
    fn age(&self) -> Duration {
        self.steady.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }
}

struct State {
    resource_version: String,
    confirmed: Confirmed,
    /// Who or what took it from us.
    lost: Option<String>,
}

/// What holder, renewing task and release share.
struct Shared {
    client: Client,
    site: Site,
    reference: ObjectRef,
    holder: String,
    acquired: String,
    times: Times,
    state: Mutex<State>,
}

/// A Lease that is ours until it is released, dropped or lost.
pub(crate) struct Held {
    shared: Arc<Shared>,
    taken_over: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    renewing: JoinHandle<()>,
}

impl Client {
    pub(crate) async fn take_lease(
        &self,
        limits: &Limits,
        namespace: &str,
        holder: &str,
    ) -> Result<Held, PortError> {
        self.take_lease_for(limits, namespace, holder, TIMES).await
    }

    async fn take_lease_for(
        &self,
        limits: &Limits,
        namespace: &str,
        holder: &str,
        times: Times,
    ) -> Result<Held, PortError> {
        let gvk = Gvk::new("coordination.k8s.io", "v1", "Lease");
        let reference = ObjectRef::new(gvk, Some(namespace), label::OPERATION_LEASE);
        let site = self.site("lock", &reference);
        for _ in 0..ATTEMPTS {
            let found = self.read(limits, &reference).await?.map(|lease| Found::read(&lease));
            let before = Confirmed::now();
            let acquired = micro(self.now());
            let spec = json!({
                "holderIdentity": holder,
                "leaseDurationSeconds": times.valid.as_secs(),
                "acquireTime": acquired,
                "renewTime": acquired,
                "leaseTransitions": found.as_ref().map_or(0, |found| found.transitions + 1),
            });
            let (result, previous) = match found {
                None => (self.create_lease(limits, &reference, spec).await, None),
                Some(found) => {
                    if let Some(other) = found.holder.as_deref().filter(|_| !found.expired(self.now())) {
                        return Err(held_by(&site, other));
                    }
                    let change = json!({
                        "metadata": {"resourceVersion": found.resource_version, "labels": labels()},
                        "spec": spec,
                    });
                    let result = self.change(limits, &reference, &Patch::Merge(change)).await;
                    (result, found.holder)
                }
            };
            match result {
                Ok(lease) => {
                    let state = State {
                        resource_version: Found::read(&lease).resource_version,
                        confirmed: before,
                        lost: None,
                    };
                    let shared = Shared {
                        client: self.clone(),
                        site,
                        reference,
                        holder: holder.to_owned(),
                        acquired,
                        times,
                        state: Mutex::new(state),
                    };
                    return Ok(Held::start(shared, previous));
                }
                // Somebody was quicker; look again.
                Err(error) if matches!(error.kind, ErrorKind::Conflict | ErrorKind::AlreadyExists) => {}
                Err(error) => return Err(error),
            }
        }
        Err(site.error(ErrorKind::Conflict).detail("others take the Lease at the same moment"))
    }

    async fn create_lease(
        &self,
        limits: &Limits,
        reference: &ObjectRef,
        spec: Value,
    ) -> Result<Value, PortError> {
        let body = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": reference.name, "namespace": reference.namespace, "labels": labels()},
            "spec": spec,
        });
        self.write_new(limits, &Object { reference: reference.clone(), body }).await
    }
}

fn labels() -> Value {
    json!({label::PART: label::PART_STATE, label::MANAGED_BY: label::MANAGER})
}

fn held_by(site: &Site, other: &str) -> PortError {
    site.error(ErrorKind::Conflict)
        .detail(format!("another operation is under way, by {other}"))
        .hint("repeat when it has ended; if it crashed, its Lease expires within 35 seconds")
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the spec, only if the Lease is as we left it.
    async fn change(&self, spec: Value) -> Result<(), PortError> {
        let before = Confirmed::now();
        let version = self.state().resource_version.clone();
        let change = json!({"metadata": {"resourceVersion": version}, "spec": spec});
        let limits = Limits::only(self.times.patience);
        let lease = self.client.change(&limits, &self.reference, &Patch::Merge(change)).await?;
        let mut state = self.state();
        state.resource_version = Found::read(&lease).resource_version;
        state.confirmed = before;
        Ok(())
    }

    /// After a conflict: takes over the version if the Lease is still ours, as when somebody changed a label; or a
    /// renewal of ours had its effect although its answer was lost.
    async fn look_again(&self) -> Result<(), PortError> {
        let found = self.client.read(&Limits::only(self.times.patience), &self.reference).await?;
        let found = found.as_ref().map(Found::read);
        let mut state = self.state();
        match found {
            Some(found) if self.is_ours(&found) => state.resource_version = found.resource_version,
            Some(found) => {
                let other = found.holder.unwrap_or_else(|| "nobody".to_owned());
                state.lost = Some(format!("the Lease is held by {other} now"));
            }
            None => state.lost = Some("the Lease was deleted".to_owned()),
        }
        Ok(())
    }

    fn is_ours(&self, found: &Found) -> bool {
        found.holder.as_deref() == Some(&self.holder) && found.acquired.as_deref() == Some(&self.acquired)
    }

    /// Renews once. Returns how long to wait until the next renewal, none when the Lease is lost.
    async fn renew(&self) -> Option<Duration> {
        let spec = json!({"renewTime": micro(self.client.now())});
        let result = match self.change(spec).await {
            Err(error) if matches!(error.kind, ErrorKind::Conflict | ErrorKind::NotFound) => {
                self.look_again().await.map(|()| Duration::ZERO)
            }
            other => other.map(|()| self.times.renew),
        };
        if self.state().lost.is_some() {
            return None;
        }
        Some(result.unwrap_or_else(|error| {
            tracing::debug!("the Lease was not renewed: {error}");
            self.times.again
        }))
    }

    async fn renew_until(&self, mut stop: oneshot::Receiver<()>) {
        let mut pause = self.times.renew;
        loop {
            tokio::select! {
                biased;
                _ = &mut stop => return,
                () = tokio::time::sleep(pause) => {}
            }
            match self.renew().await {
                Some(next) => pause = next,
                None => return,
            }
        }
    }
}

impl Held {
    fn start(shared: Shared, taken_over: Option<String>) -> Self {
        let shared = Arc::new(shared);
        let (stop, stopped) = oneshot::channel();
        let renewer = Arc::clone(&shared);
        let renewing = tokio::spawn(async move { renewer.renew_until(stopped).await });
        Self { shared, taken_over, stop: Some(stop), renewing }
    }
}

#[async_trait]
impl Lock for Held {
    fn taken_over(&self) -> Option<&str> {
        self.taken_over.as_deref()
    }

    fn check(&self) -> Result<(), PortError> {
        let state = self.shared.state();
        if let Some(lost) = &state.lost {
            return Err(self.shared.site.error(ErrorKind::Conflict).detail(lost.clone()));
        }
        let age = state.confirmed.age();
        if age + self.shared.times.margin >= self.shared.times.valid {
            return Err(self
                .shared
                .site
                .error(ErrorKind::Unavailable)
                .detail(format!("the Lease could not be renewed for {} s", age.as_secs())));
        }
        Ok(())
    }

    async fn release(mut self: Box<Self>) -> Result<(), PortError> {
        // Let a renewal under way end, otherwise it and the release would race for the version.
        drop(self.stop.take());
        let _ = (&mut self.renewing).await;
        let shared = &self.shared;
        for _ in 0..2 {
            if let Some(lost) = &shared.state().lost {
                return Err(shared.site.error(ErrorKind::Conflict).detail(lost.clone()));
            }
            // Deleted rather than emptied: what is left of an app must be exactly what was promised. With the Namespace
            // gone there is nothing to give back.
            let only =
                Preconditions { uid: None, resource_version: Some(shared.state().resource_version.clone()) };
            match shared.client.remove(&Limits::only(shared.times.patience), &shared.reference, only).await {
                Ok(_) => return Ok(()),
                Err(error) if error.kind == ErrorKind::Conflict => shared.look_again().await?,
                Err(error) => return Err(error),
            }
        }
        Err(shared.site.error(ErrorKind::Conflict).detail("others change the Lease at the same moment"))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
