//! Port of a Kubernetes cluster. Pure; implemented by `kompox-kube`, faked in `kompox-testkit`.

use super::{Call, PortError};
use crate::{Gvk, Object, ObjectRef};
use async_trait::async_trait;
use futures_core::stream::BoxStream;
use futures_io::{AsyncRead, AsyncWrite};
use jiff::Timestamp;
use serde_json::Value;

/// What a cluster says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Major and minor version of the API server.
    pub version: (u32, u32),
    /// UID of the kube-system Namespace, which identifies the cluster.
    pub uid: String,
}

/// Something that Kompox does on clusters, and whether these credentials may.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Right {
    /// The verb, as RBAC rules have it.
    pub verb: String,
    /// The API group, empty for the core group.
    pub group: String,
    /// The plural of the kind, with `/` and the subresource if it is about one.
    pub resource: String,
    /// True when they may do it in every Namespace, or to every object of a kind that is in none.
    pub allowed: bool,
}

/// Which objects of one kind are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Their kind.
    pub gvk: Gvk,
    /// Their Namespace; none means all Namespaces, or a cluster-scoped kind.
    pub namespace: Option<String>,
    /// A label selector.
    pub labels: Option<String>,
    /// A field selector.
    pub fields: Option<String>,
}

impl Query {
    /// All objects of a kind in a Namespace (or everywhere).
    #[must_use]
    pub fn new(gvk: Gvk, namespace: Option<&str>) -> Self {
        Self { gvk, namespace: namespace.map(ToOwned::to_owned), labels: None, fields: None }
    }

    /// Only those with these labels.
    #[must_use]
    pub fn labels(self, selector: impl Into<String>) -> Self {
        Self { labels: Some(selector.into()), ..self }
    }

    /// Only those with these fields.
    #[must_use]
    pub fn fields(self, selector: impl Into<String>) -> Self {
        Self { fields: Some(selector.into()), ..self }
    }
}

/// How a server-side apply is done. The field manager is always [`crate::label::MANAGER`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Ask the server what would happen, write nothing.
    pub dry_run: bool,
    /// Take fields over from other managers instead of failing with a conflict.
    pub force: bool,
}

/// A change of a part of an object.
#[derive(Debug, Clone, PartialEq)]
pub enum Patch {
    /// RFC 6902 operations, all or none.
    Json(Value),
    /// RFC 7386 merge.
    Merge(Value),
}

/// A command to run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    /// Namespace of the Pod.
    pub namespace: String,
    /// The Pod.
    pub pod: String,
    /// The container; none means the Pod's first.
    pub container: Option<String>,
    /// Program and arguments; no shell is involved.
    pub command: Vec<String>,
    /// Allocate a terminal (then stderr is part of stdout).
    pub tty: bool,
}

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Columns.
    pub columns: u16,
    /// Lines.
    pub lines: u16,
}

/// The streams of a running command.
pub struct ExecStreams<'a> {
    /// What the command reads; none closes its stdin at once.
    pub stdin: Option<&'a mut (dyn AsyncRead + Send + Unpin)>,
    /// Where its output goes.
    pub stdout: &'a mut (dyn AsyncWrite + Send + Unpin),
    /// Where its error output goes.
    pub stderr: &'a mut (dyn AsyncWrite + Send + Unpin),
    /// The size of its terminal, now and after each change.
    pub sizes: Option<BoxStream<'a, TerminalSize>>,
}

/// Which log lines of a container are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogRequest {
    /// Namespace of the Pod.
    pub namespace: String,
    /// The Pod.
    pub pod: String,
    /// The container; none means the Pod's only one.
    pub container: Option<String>,
    /// Stay and deliver new lines.
    pub follow: bool,
    /// Only the last lines.
    pub tail: Option<i64>,
    /// Only lines of the last seconds.
    pub since_seconds: Option<i64>,
    /// Only lines from this time on; servers go by whole seconds. Not together with `since_seconds`.
    pub since_time: Option<Timestamp>,
    /// Lines of the container's previous run.
    pub previous: bool,
    /// Put the time before each line.
    pub timestamps: bool,
}

/// A connection to a port of a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardRequest {
    /// Namespace of the Pod.
    pub namespace: String,
    /// The Pod.
    pub pod: String,
    /// The TCP port inside the Pod.
    pub port: u16,
}

/// A two-way byte stream.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The Lease of a running operation. It is renewed in the background until released or dropped.
#[async_trait]
pub trait Lock: Send + Sync {
    /// Whose expired Lease was taken over, if any; to be reported.
    fn taken_over(&self) -> Option<&str>;

    /// Confirms that the Lease is still ours; called before each write.
    ///
    /// # Errors
    /// Conflict when somebody else holds it now, Unavailable when it could not be renewed in time.
    fn check(&self) -> Result<(), PortError>;

    /// Gives the Lease back. Not releasing it makes others wait until it expires (30 s).
    ///
    /// # Errors
    /// Those of the request.
    async fn release(self: Box<Self>) -> Result<(), PortError>;
}

/// A stream that yields the whole set of matching objects, first at once and again after each change.
pub type Snapshots<'a> = BoxStream<'a, Result<Vec<Value>, PortError>>;

/// A connected Kubernetes cluster.
///
/// Errors of every method: NotFound, Conflict, Invalid, Denied, Unauthenticated, Quota, Throttled, Unavailable,
/// Timeout, Cancelled, Internal as the server or the network gives them; Invalid also for a kind the adapter cannot
/// place.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// Version and identity.
    async fn facts(&self, call: &Call<'_>) -> Result<ClusterFacts, PortError>;

    /// Everything that Kompox does on clusters, each with whether these credentials may. Writes nothing.
    async fn rights(&self, call: &Call<'_>) -> Result<Vec<Right>, PortError>;

    /// How many seconds the server's clock is ahead of ours (negative: behind), to about a second, as its last answer
    /// told; none before the first answer, or when it tells no time.
    fn clock_ahead(&self) -> Option<i64>;

    /// One object, or none.
    async fn get(&self, call: &Call<'_>, reference: &ObjectRef) -> Result<Option<Value>, PortError>;

    /// All objects that match.
    async fn list(&self, call: &Call<'_>, query: &Query) -> Result<Vec<Value>, PortError>;

    /// The objects that match, now and after each change. Broken connections are resumed inside.
    fn watch<'a>(&'a self, call: &Call<'a>, query: &Query) -> Snapshots<'a>;

    /// Creates an object; AlreadyExists when there is one of that name.
    async fn create(&self, call: &Call<'_>, object: &Object) -> Result<Value, PortError>;

    /// Server-side apply. Idempotent.
    async fn apply(
        &self,
        call: &Call<'_>,
        object: &Object,
        options: ApplyOptions,
    ) -> Result<Value, PortError>;

    /// Changes a part of an object.
    async fn patch(&self, call: &Call<'_>, reference: &ObjectRef, patch: &Patch) -> Result<Value, PortError>;

    /// Deletes an object, only the one with `uid` if given. False when there was none. Idempotent. Does not wait for
    /// finalizers; dependants go in the background.
    async fn delete(
        &self,
        call: &Call<'_>,
        reference: &ObjectRef,
        uid: Option<&str>,
    ) -> Result<bool, PortError>;

    /// Takes the Lease `kompox-operation` in `namespace` as `holder`. Conflict, naming the holder, while another holds it.
    async fn lock(&self, call: &Call<'_>, namespace: &str, holder: &str) -> Result<Box<dyn Lock>, PortError>;

    /// Runs a command and returns its exit code.
    async fn exec(
        &self,
        call: &Call<'_>,
        request: &ExecRequest,
        streams: ExecStreams<'_>,
    ) -> Result<i32, PortError>;

    /// Reads a container's log.
    async fn logs(
        &self,
        call: &Call<'_>,
        request: &LogRequest,
    ) -> Result<Box<dyn AsyncRead + Send + Unpin>, PortError>;

    /// Connects to a port of a Pod.
    async fn forward(&self, call: &Call<'_>, request: &ForwardRequest) -> Result<Box<dyn Duplex>, PortError>;
}

/// Runs a command with `stdin` and returns its exit code, output and error output.
///
/// # Errors
/// Those of [`Cluster::exec`].
pub async fn exec_bytes(
    cluster: &dyn Cluster,
    call: &Call<'_>,
    request: &ExecRequest,
    stdin: &[u8],
) -> Result<(i32, Vec<u8>, Vec<u8>), PortError> {
    let (mut input, mut stdout, mut stderr) = (stdin, Vec::new(), Vec::new());
    let streams =
        ExecStreams { stdin: Some(&mut input), stdout: &mut stdout, stderr: &mut stderr, sizes: None };
    let code = cluster.exec(call, request, streams).await?;
    Ok((code, stdout, stderr))
}
