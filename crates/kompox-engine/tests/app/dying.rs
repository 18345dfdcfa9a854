//! A cluster port whose user dies at its n-th write: before or after that has its effect, and nothing follows.

use async_trait::async_trait;
use futures::AsyncRead;
use kompox_kube::Client;
use kompox_model::port::{
    ApplyOptions, Call, Cluster, ClusterFacts, Duplex, ExecRequest, ExecStreams, ForwardRequest, Lock,
    LogRequest, Patch, PortError, Query, Right, Snapshots,
};
use kompox_model::{Object, ObjectRef};
use serde_json::Value;
use std::future::{Future, pending};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

pub(crate) struct Dying<'a> {
    inner: &'a Client,
    at: usize,
    after: bool,
    writes: AtomicUsize,
    dead: Notify,
}

impl<'a> Dying<'a> {
    pub(crate) fn new(inner: &'a Client, at: usize, after: bool) -> Self {
        Self { inner, at, after, writes: AtomicUsize::new(0), dead: Notify::new() }
    }

    /// Runs a command until it ends, or none when it died.
    pub(crate) async fn run<T>(&self, command: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.dead.notified() => None,
            result = command => Some(result),
        }
    }

    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    async fn write<T>(&self, work: impl Future<Output = T>) -> T {
        let dies = self.writes.fetch_add(1, Ordering::SeqCst) + 1 == self.at;
        if dies && !self.after {
            self.die().await;
        }
        let result = work.await;
        if dies {
            self.die().await;
        }
        result
    }

    async fn die(&self) {
        self.dead.notify_one();
        pending::<()>().await;
    }
}

#[async_trait]
impl Cluster for Dying<'_> {
    async fn facts(&self, call: &Call<'_>) -> Result<ClusterFacts, PortError> {
        self.inner.facts(call).await
    }

    async fn rights(&self, call: &Call<'_>) -> Result<Vec<Right>, PortError> {
        self.inner.rights(call).await
    }

    fn clock_ahead(&self) -> Option<i64> {
        self.inner.clock_ahead()
    }

    async fn get(&self, call: &Call<'_>, reference: &ObjectRef) -> Result<Option<Value>, PortError> {
        self.inner.get(call, reference).await
    }

    async fn list(&self, call: &Call<'_>, query: &Query) -> Result<Vec<Value>, PortError> {
        self.inner.list(call, query).await
    }

    fn watch<'a>(&'a self, call: &Call<'a>, query: &Query) -> Snapshots<'a> {
        self.inner.watch(call, query)
    }

    async fn create(&self, call: &Call<'_>, object: &Object) -> Result<Value, PortError> {
        self.write(self.inner.create(call, object)).await
    }

    async fn apply(
        &self,
        call: &Call<'_>,
        object: &Object,
        options: ApplyOptions,
    ) -> Result<Value, PortError> {
        let work = self.inner.apply(call, object, options);
        if options.dry_run { work.await } else { self.write(work).await }
    }

    async fn patch(&self, call: &Call<'_>, reference: &ObjectRef, patch: &Patch) -> Result<Value, PortError> {
        self.write(self.inner.patch(call, reference, patch)).await
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        reference: &ObjectRef,
        uid: Option<&str>,
    ) -> Result<bool, PortError> {
        self.write(self.inner.delete(call, reference, uid)).await
    }

    async fn lock(&self, call: &Call<'_>, namespace: &str, holder: &str) -> Result<Box<dyn Lock>, PortError> {
        self.write(self.inner.lock(call, namespace, holder)).await
    }

    async fn exec(
        &self,
        call: &Call<'_>,
        request: &ExecRequest,
        streams: ExecStreams<'_>,
    ) -> Result<i32, PortError> {
        self.inner.exec(call, request, streams).await
    }

    async fn logs(
        &self,
        call: &Call<'_>,
        request: &LogRequest,
    ) -> Result<Box<dyn AsyncRead + Send + Unpin>, PortError> {
        self.inner.logs(call, request).await
    }

    async fn forward(&self, call: &Call<'_>, request: &ForwardRequest) -> Result<Box<dyn Duplex>, PortError> {
        self.inner.forward(call, request).await
    }
}
