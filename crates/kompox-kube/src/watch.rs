//! Whole sets of objects, again after each change, on kube's watcher. IO: the network.

use crate::client::Client;
use crate::kind::Kind;
use crate::objects::{describe, named};
use crate::request::Limits;
use crate::translate::Site;
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use kompox_model::Gvk;
use kompox_model::port::{ErrorKind, PortError, Query, Snapshots};
use kube::Api;
use kube::core::DynamicObject;
use kube::runtime::utils::Backoff as _;
use kube::runtime::watcher::{self, DefaultBackoff, Event};
use serde_json::Value;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

/// Between two tries while the server is away. A user is waiting; kube's own pauses, up to 30 s, are made for fleets.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

type Events = Pin<Box<dyn Stream<Item = watcher::Result<Event<DynamicObject>>> + Send>>;

impl Client {
    pub(crate) fn snapshots<'a>(&self, limits: Limits, query: &Query) -> Snapshots<'a> {
        let site = self.site("watch", describe(query));
        let events = match self.events(query) {
            Ok(events) => events,
            Err(error) => return stream::once(async move { Err(site.kind(&error)) }).boxed(),
        };
        let state = Watching {
            site,
            limits,
            gvk: query.gvk.clone(),
            events,
            backoff: DefaultBackoff::default(),
            objects: BTreeMap::new(),
            relisted: None,
            listed: false,
        };
        stream::unfold(Some(state), |state| async move {
            let mut state = state?;
            match state.next().await {
                Ok(snapshot) => Some((Ok(snapshot), Some(state))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    fn events(&self, query: &Query) -> Result<Events, crate::kind::KindError> {
        let kind = Kind::find(&query.gvk)?;
        // Refuses a Namespace for a kind that lives in none.
        kind.collection(query.namespace.as_deref())?;
        let resource = kind.api_resource();
        let api: Api<DynamicObject> = match &query.namespace {
            Some(namespace) => Api::namespaced_with(self.kube().clone(), namespace, &resource),
            None => Api::all_with(self.kube().clone(), &resource),
        };
        let config = watcher::Config {
            label_selector: query.labels.clone(),
            field_selector: query.fields.clone(),
            ..watcher::Config::default()
        };
        Ok(watcher::watcher(api, config).boxed())
    }
}

/// Namespace and name.
type Key = (Option<String>, Option<String>);

/// A watch under way.
struct Watching {
    site: Site,
    limits: Limits,
    gvk: Gvk,
    events: Events,
    backoff: DefaultBackoff,
    objects: BTreeMap<Key, Value>,
    /// The set that replaces `objects` once a new list is complete.
    relisted: Option<BTreeMap<Key, Value>>,
    /// True once a list was complete.
    listed: bool,
}

impl Watching {
    /// Waits for a change and returns the whole set.
    async fn next(&mut self) -> Result<Vec<Value>, PortError> {
        // The trouble that is being waited out, so that a deadline can say why.
        let mut trouble: Option<PortError> = None;
        loop {
            let event = tokio::select! {
                biased;
                reason = self.limits.reached(&self.site) => return Err(explained(reason, trouble)),
                event = self.events.next() => event,
            };
            match event {
                Some(Ok(event)) => {
                    self.backoff.reset();
                    if self.take(event)? | self.take_ready()? && self.listed {
                        return Ok(self.objects.values().cloned().collect());
                    }
                }
                Some(Err(error)) => {
                    let error = translate(&self.site, error);
                    if !heals(error.kind) {
                        return Err(error);
                    }
                    tracing::debug!(target = %self.site.target, "watch interrupted: {error}");
                    trouble = Some(error);
                    let pause = self.backoff.next().unwrap_or_default().min(LONGEST_PAUSE);
                    tokio::select! {
                        biased;
                        reason = self.limits.reached(&self.site) => return Err(explained(reason, trouble)),
                        () = tokio::time::sleep(pause) => {}
                    }
                }
                None => return Err(self.site.error(ErrorKind::Internal).detail("the watch ended")),
            }
        }
    }

    /// Takes in what has arrived already, so that a burst of changes makes one snapshot. An error is left for later.
    fn take_ready(&mut self) -> Result<bool, PortError> {
        let mut changed = false;
        while let Some(Some(Ok(event))) = self.events.next().now_or_never() {
            changed |= self.take(event)?;
        }
        Ok(changed)
    }

    /// Takes in one event. True when the set may have changed.
    fn take(&mut self, event: Event<DynamicObject>) -> Result<bool, PortError> {
        match event {
            Event::Init => self.relisted = Some(BTreeMap::new()),
            Event::InitApply(object) => {
                let (key, value) = self.read(object)?;
                self.relisted.get_or_insert_default().insert(key, value);
            }
            Event::InitDone => {
                self.objects = self.relisted.take().unwrap_or_default();
                self.listed = true;
                return Ok(true);
            }
            Event::Apply(object) => {
                let (key, value) = self.read(object)?;
                self.objects.insert(key, value);
                return Ok(true);
            }
            Event::Delete(object) => {
                return Ok(self.objects.remove(&key_of(&object)).is_some());
            }
        }
        Ok(false)
    }

    fn read(&self, object: DynamicObject) -> Result<(Key, Value), PortError> {
        let key = key_of(&object);
        let value = serde_json::to_value(object).map_err(|error| self.site.garbled(error))?;
        Ok((key, named(value, &self.gvk)))
    }
}

fn key_of(object: &DynamicObject) -> Key {
    (object.metadata.namespace.clone(), object.metadata.name.clone())
}

/// A deadline that passed during trouble is explained by the trouble.
fn explained(reason: PortError, trouble: Option<PortError>) -> PortError {
    match trouble {
        Some(trouble) if reason.kind == ErrorKind::Timeout => reason.because(trouble),
        _ => reason,
    }
}

/// True for what may be over soon; the other kinds stay until somebody changes something.
fn heals(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Unavailable
        | ErrorKind::Timeout
        | ErrorKind::Throttled
        | ErrorKind::Internal
        | ErrorKind::Conflict => true,
        ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::Invalid
        | ErrorKind::Denied
        | ErrorKind::Unauthenticated
        | ErrorKind::Unsupported
        | ErrorKind::Quota
        | ErrorKind::Cancelled => false,
    }
}

fn translate(site: &Site, error: watcher::Error) -> PortError {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => site.client(error),
        watcher::Error::WatchError(status) => site.status(&status),
        watcher::Error::NoResourceVersion => {
            site.error(ErrorKind::Unsupported).detail("objects of this kind cannot be watched")
        }
    }
}
