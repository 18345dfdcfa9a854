//! One request to the disk store of one node, by whatever way leads to its kompox-node. IO through the cluster port and the
//! other ways.

use crate::error::Doing;
use crate::install::{NAME, PROGRAM};
use crate::reply::Reply;
use crate::transport::{Channel, Ways};
use futures::AsyncReadExt as _;
use kompox_model::label;
use kompox_model::port::{self, Call, ErrorKind, ExecRequest, ExecStreams, PortError};
use kompox_node_protocol::{Answer, DecodeError, Failure, FillHeader, Filled, Kind, Request, Success};
use kompox_provider::limit;
use std::error::Error as _;
use std::iter;
use std::time::{Duration, Instant};

/// How long a node may take to say what it has; then it counts as silent (C-21).
const READ_LIMIT: Duration = Duration::from_secs(15);
/// How long a reading request waits for the store's lock, in seconds; less than [`READ_LIMIT`].
const READ_LOCK_WAIT: &str = "10";
/// When a node that says nothing is asked once more: the start of a command may be lost, as its end may be.
const READ_AGAIN: Duration = Duration::from_secs(5);
/// How long one change may take: deleting a disk with millions of files is the longest.
const WRITE_LIMIT: Duration = Duration::from_secs(600);

/// The disk store of one node, with whom and for what it is reached.
#[derive(Clone, Copy)]
pub(crate) struct Store<'a> {
    pub(crate) kubernetes: &'a dyn port::Cluster,
    pub(crate) call: &'a Call<'a>,
    pub(crate) doing: &'a Doing,
    /// Root of the store, the same on every node.
    pub(crate) root: &'a str,
    /// How it keeps disks; none lets the node choose.
    pub(crate) backend: Option<&'a str>,
    pub(crate) node: &'a str,
    pub(crate) channel: &'a Channel,
    pub(crate) ways: &'a Ways,
}

/// Why there is no success.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// Nothing, or nothing that can be understood, came back: why.
    Silent(String),
    /// The store refused.
    Refused(Failure),
    /// Asking others will not help either: the caller gave up, or may not do this.
    Ended(PortError),
}

impl Store<'_> {
    /// Asks what writes nothing.
    pub(crate) async fn read(&self, request: &Request) -> Result<Success, Unanswered> {
        let line = request.encode() + "\n";
        let ask = || async {
            self.run("store", &["--lock-wait", READ_LOCK_WAIT], READ_LIMIT, &mut line.as_bytes()).await
        };
        let again = async {
            tokio::time::sleep(READ_AGAIN).await;
            tracing::debug!(node = self.node, "kompox-node has said nothing for a while, asking again");
            ask().await
        };
        tokio::select! {
            answer = ask() => answer,
            answer = again => answer,
        }
    }

    /// Asks for a change.
    pub(crate) async fn change(&self, request: &Request) -> Result<Success, PortError> {
        tracing::debug!(node = self.node, request = ?request.operation, "changing the disk store");
        let line = request.encode() + "\n";
        let result = self.run("store", &[], WRITE_LIMIT, &mut line.as_bytes()).await;
        result.map_err(|unanswered| self.error(unanswered))
    }

    /// Uploads a tar archive.
    pub(crate) async fn fill(&self, header: &FillHeader, archive: &[u8]) -> Result<Filled, PortError> {
        let line = header.encode() + "\n";
        let mut input = line.as_bytes().chain(archive);
        match self.run("fill", &[], WRITE_LIMIT, &mut input).await {
            Ok(Success::Filled(filled)) => Ok(filled),
            Ok(other) => Err(self.error(unexpected(&other))),
            Err(unanswered) => Err(self.error(unanswered)),
        }
    }

    /// The error of an operation that needs this node.
    pub(crate) fn error(&self, unanswered: Unanswered) -> PortError {
        failed_on(self.doing, self.node, unanswered)
    }

    async fn run(
        &self,
        command: &str,
        options: &[&str],
        time: Duration,
        input: &mut (dyn futures::AsyncRead + Send + Unpin),
    ) -> Result<Success, Unanswered> {
        let (mut stdout, mut stderr) = (Reply::default(), Vec::new());
        let overdue = stdout.overdue();
        let streams =
            ExecStreams { stdin: Some(input), stdout: &mut stdout, stderr: &mut stderr, sizes: None };
        let ended = async {
            tokio::select! {
                () = overdue => Ok(()),
                () = tokio::time::sleep(time) => {
                    Err(Unanswered::Silent("kompox-node did not answer in time".to_owned()))
                }
            }
        };
        let code = self.exec(command, options, streams, ended).await?;
        self.answer(code, &stdout.text, &stderr)
    }

    /// Runs a command of kompox-node until it ends, or `ended` says that it must have; its code, if it is known.
    pub(crate) async fn exec(
        &self,
        command: &str,
        options: &[&str],
        streams: ExecStreams<'_>,
        ended: impl Future<Output = Result<(), Unanswered>>,
    ) -> Result<Option<i32>, Unanswered> {
        let backend = self.backend.into_iter().flat_map(|name| ["--backend", name]);
        let arguments =
            [command, "--root", self.root].into_iter().chain(backend).chain(options.iter().copied());
        let arguments: Vec<_> = arguments.map(str::to_owned).collect();
        let work = async {
            match self.channel {
                Channel::Pod(pod) => self.kubernetes.exec(self.call, &in_pod(pod, arguments), streams).await,
                Channel::Ssh(remote) => remote.exec(self.ways, &arguments, streams).await,
                Channel::Local(program) => program.exec(&arguments, streams).await,
            }
        };
        let work = limit::within(self.call, None, |kind| self.doing.error(kind), work);
        tokio::select! {
            code = work => code.map(Some).map_err(|error| self.unanswered(error)),
            ended = ended => {
                ended?;
                tracing::debug!(node = self.node, command, "the end of kompox-node is not reported");
                Ok(None)
            }
        }
    }

    /// The answer in what a command wrote.
    pub(crate) fn answer(
        &self,
        code: Option<i32>,
        stdout: &[u8],
        stderr: &[u8],
    ) -> Result<Success, Unanswered> {
        match Answer::decode(stdout) {
            Ok(answer) => answer.into_result().map_err(Unanswered::Refused),
            Err(_) => Err(self.no_answer(code, stdout, stderr)),
        }
    }

    /// Why there is no answer in `text`, from what else the command wrote.
    pub(crate) fn no_answer(&self, code: Option<i32>, text: &[u8], stderr: &[u8]) -> Unanswered {
        let Err(error) = Answer::decode(text) else {
            return Unanswered::Silent("kompox-node answered something else".to_owned());
        };
        if let DecodeError::Version { .. } = error {
            let why = format!("kompox-node there is of another version: {error}");
            return Unanswered::Refused(Failure::new(Kind::Unsupported, why));
        }
        let errors = String::from_utf8_lossy(stderr);
        let said = errors.lines().next().map(|line| format!(", it said: {line}")).unwrap_or_default();
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        if let Some(why) = code.and_then(|code| self.channel.absent(code, stderr)) {
            return Unanswered::Silent(why);
        }
        let end = code.map_or("did not end".to_owned(), |code| format!("ended with code {code}"));
        Unanswered::Silent(format!("kompox-node {end}{said}; {error}{cause}"))
    }

    fn unanswered(&self, error: PortError) -> Unanswered {
        let late = self.call.deadline.is_some_and(|deadline| deadline <= Instant::now());
        match error.kind {
            ErrorKind::Timeout if !late => {
                Unanswered::Silent("kompox-node did not answer in time".to_owned())
            }
            ErrorKind::Cancelled | ErrorKind::Timeout => Unanswered::Ended(error),
            kind @ (ErrorKind::Denied | ErrorKind::Unauthenticated | ErrorKind::Unsupported) => {
                let ended = self.doing.error(kind);
                let ended = match &error.hint {
                    Some(hint) => ended.hint(hint.clone()),
                    None => ended,
                };
                Unanswered::Ended(ended.because(error))
            }
            ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::Conflict
            | ErrorKind::Invalid
            | ErrorKind::Quota
            | ErrorKind::Throttled
            | ErrorKind::Unavailable
            | ErrorKind::Internal => {
                Unanswered::Silent(format!("kompox-node cannot be asked: {}", chain(&error)))
            }
        }
    }
}

/// The error of what was being done for what did not come from `node`.
pub(crate) fn failed_on(doing: &Doing, node: &str, unanswered: Unanswered) -> PortError {
    match unanswered {
        Unanswered::Silent(why) => doing
            .error(ErrorKind::Unavailable)
            .detail(format!("node {node}: {why}"))
            .hint("repeat the command; it goes on where this one ended"),
        Unanswered::Refused(failure) => doing.failed_on(node, &failure),
        Unanswered::Ended(error) => error,
    }
}

/// The program in its Pod.
fn in_pod(pod: &str, arguments: Vec<String>) -> ExecRequest {
    ExecRequest {
        namespace: label::SYSTEM_NAMESPACE.to_owned(),
        pod: pod.to_owned(),
        container: Some(NAME.to_owned()),
        command: iter::once(PROGRAM.to_owned()).chain(arguments).collect(),
        tty: false,
    }
}

/// What to say of an answer to another question.
pub(crate) fn unexpected(success: &Success) -> Unanswered {
    let kind = match success {
        Success::Status(_) => "a status",
        Success::Listing(_) => "a list",
        Success::Created(_) => "a made disk",
        Success::Assigned(_) => "an assigned disk",
        Success::Deleted(_) => "a deleted disk",
        Success::Occupied(_) => "folders with content",
        Success::Filled(_) => "a filled sub-path",
        Success::Copied(_) => "a copy",
        Success::SnapshotCreated(_) => "a made snapshot",
        Success::Fenced(_) => "a fenced volume",
        Success::Exported(_) | Success::Progress(_) => "an export",
        Success::Quiesced(_) | Success::Released(_) => "a word about services",
    };
    Unanswered::Silent(format!("kompox-node answered with {kind}, which was not asked for"))
}

/// An error with its causes, for a sentence that is not an error itself.
pub(crate) fn chain(error: &PortError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
