//! A connected cluster: the client and the port that it implements. No IO of its own; see the modules it calls.

use crate::connect::Options;
use crate::kind::Kind;
use crate::portable::Chosen;
use crate::request::Limits;
use crate::translate::Site;
use async_trait::async_trait;
use futures::io::AsyncRead;
use jiff::{SignedDuration, Timestamp};
use kompox_model::port::{
    ApplyOptions, Call, Cluster, ClusterFacts, Duplex, ExecRequest, ExecStreams, ForwardRequest, Lock,
    LogRequest, Patch, PortError, Query, Right, Snapshots,
};
use kompox_model::{Object, ObjectRef};
use kube::Config;
use kube::api::Preconditions;
use secrecy::SecretSlice;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// The server has not told its time yet.
pub(crate) const UNHEARD: i64 = i64::MIN;

/// A connection to one Kubernetes cluster. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) kube: kube::Client,
    pub(crate) config: Config,
    pub(crate) kubeconfig: Option<SecretSlice<u8>>,
    /// The part of the kubeconfig that is used.
    pub(crate) chosen: Option<Chosen>,
    pub(crate) server: Arc<str>,
    pub(crate) options: Options,
    /// How many seconds the server's clock is ahead of ours, as its last answer told, or [`UNHEARD`].
    pub(crate) ahead: AtomicI64,
}

/// Shows the server only: the configuration holds credentials.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("server", &self.0.server).finish_non_exhaustive()
    }
}

impl Client {
    /// The REST configuration in use (KUB-03).
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The handle for typed APIs (KUB-03).
    #[must_use]
    pub fn kube(&self) -> &kube::Client {
        &self.0.kube
    }

    /// A copy of the kubeconfig it was built from, none when it was not built from one (KUB-08).
    #[must_use]
    pub fn kubeconfig(&self) -> Option<SecretSlice<u8>> {
        self.0.kubeconfig.clone()
    }

    /// URL of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// How many seconds the server's clock is ahead of ours; none when it told no time yet.
    fn ahead(&self) -> Option<i64> {
        Some(self.0.ahead.load(Ordering::Relaxed)).filter(|ahead| *ahead != UNHEARD)
    }

    /// The time by the server's clock, to about a second; by ours until it told its own.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.ahead().unwrap_or_default())
    }

    /// Takes note of the time that the server tells.
    pub(crate) fn hear(&self, date: Timestamp) {
        let ahead = date.duration_since(Timestamp::now()).as_secs();
        self.0.ahead.store(ahead, Ordering::Relaxed);
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        self.0.options.request_timeout
    }

    pub(crate) fn site(&self, operation: &'static str, target: impl fmt::Display) -> Site {
        Site { operation, target: target.to_string(), server: Arc::clone(&self.0.server), secret: false }
    }

    /// Names what is done to an object, and finds its collection.
    pub(crate) fn place(
        &self,
        operation: &'static str,
        reference: &ObjectRef,
    ) -> Result<(Site, kube::core::Request), PortError> {
        let secret = reference.gvk.kind == "Secret";
        let site = Site { secret, ..self.site(operation, reference) };
        let path = Kind::of(reference).map_err(|error| site.kind(&error))?;
        Ok((site, kube::core::Request::new(path)))
    }

    /// Names what is done with a Pod, and finds its collection.
    pub(crate) fn pod(
        &self,
        operation: &'static str,
        namespace: &str,
        pod: &str,
    ) -> Result<(Site, kube::core::Request), PortError> {
        self.place(operation, &ObjectRef::new(kompox_model::Gvk::core("Pod"), Some(namespace), pod))
    }
}

#[async_trait]
impl Cluster for Client {
    async fn facts(&self, call: &Call<'_>) -> Result<ClusterFacts, PortError> {
        self.read_facts(&Limits::of(call)).await
    }

    async fn rights(&self, call: &Call<'_>) -> Result<Vec<Right>, PortError> {
        self.review_rights(&Limits::of(call)).await
    }

    fn clock_ahead(&self) -> Option<i64> {
        self.ahead()
    }

    async fn get(&self, call: &Call<'_>, reference: &ObjectRef) -> Result<Option<Value>, PortError> {
        self.read(&Limits::of(call), reference).await
    }

    async fn list(&self, call: &Call<'_>, query: &Query) -> Result<Vec<Value>, PortError> {
        self.read_all(&Limits::of(call), query).await
    }

    fn watch<'a>(&'a self, call: &Call<'a>, query: &Query) -> Snapshots<'a> {
        self.snapshots(Limits::of(call), query)
    }

    async fn create(&self, call: &Call<'_>, object: &Object) -> Result<Value, PortError> {
        self.write_new(&Limits::of(call), object).await
    }

    async fn apply(
        &self,
        call: &Call<'_>,
        object: &Object,
        options: ApplyOptions,
    ) -> Result<Value, PortError> {
        self.write(&Limits::of(call), object, kompox_model::label::MANAGER, options).await
    }

    async fn patch(&self, call: &Call<'_>, reference: &ObjectRef, patch: &Patch) -> Result<Value, PortError> {
        self.change(&Limits::of(call), reference, patch).await
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        reference: &ObjectRef,
        uid: Option<&str>,
    ) -> Result<bool, PortError> {
        let only = Preconditions { uid: uid.map(ToOwned::to_owned), resource_version: None };
        self.remove(&Limits::of(call), reference, only).await
    }

    async fn lock(&self, call: &Call<'_>, namespace: &str, holder: &str) -> Result<Box<dyn Lock>, PortError> {
        Ok(Box::new(self.take_lease(&Limits::of(call), namespace, holder).await?))
    }

    async fn exec(
        &self,
        call: &Call<'_>,
        request: &ExecRequest,
        streams: ExecStreams<'_>,
    ) -> Result<i32, PortError> {
        self.run_command(&Limits::of(call), request, streams).await
    }

    async fn logs(
        &self,
        call: &Call<'_>,
        request: &LogRequest,
    ) -> Result<Box<dyn AsyncRead + Send + Unpin>, PortError> {
        Ok(Box::new(self.read_log(Limits::of(call), request).await?))
    }

    async fn forward(&self, call: &Call<'_>, request: &ForwardRequest) -> Result<Box<dyn Duplex>, PortError> {
        Ok(Box::new(self.open_port(Limits::of(call), request).await?))
    }
}
