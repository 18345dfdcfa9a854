//! Streams between the caller and one node's kompox-node: archives of disks. IO through the cluster port.
//!
//! Both ends of a command can be lost on their way, its start and its end. An export is whole when the answer is there and
//! as many bytes as it names; an import when its answer is.

use crate::reply::{FAREWELL, Reply};
use crate::store::{Store, Unanswered, unexpected};
use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use kompox_model::port::{ExecStreams, ExportProgress, PortError};
use kompox_node_protocol::{Answer, ExportHeader, Exported, ImportHeader, Success};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// How long a stream may stand still: at its end everything is written to the device, which may take long.
const STANDSTILL: Duration = Duration::from_secs(600);
/// How often a stream is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Longer lines are no answers.
const LINE_LIMIT: usize = 1 << 20;

impl Store<'_> {
    /// Writes an export to `archive`.
    pub(crate) async fn export(
        &self,
        header: &ExportHeader,
        archive: &mut (dyn AsyncWrite + Send + Unpin),
        progress: ExportProgress<'_>,
    ) -> Result<Exported, PortError> {
        let flow = Flow::default();
        let line = header.encode() + "\n";
        let mut input = line.as_bytes().chain(Open);
        let mut archive = Counted { stream: archive, flow: flow.clone() };
        let mut answers = Answers { flow: flow.clone(), progress, line: Vec::new(), noise: Vec::new() };
        let streams =
            ExecStreams { stdin: Some(&mut input), stdout: &mut archive, stderr: &mut answers, sizes: None };
        let code = self.exec("export", &[], streams, flow.ended(true)).await;
        let code = code.map_err(|unanswered| self.error(unanswered))?;
        let (answer, moved) = flow.result();
        let Some(answer) = answer else {
            return Err(self.error(self.no_answer(code, &[], &answers.noise)));
        };
        match answer.into_result() {
            Ok(Success::Exported(exported)) if exported.written_bytes == moved => Ok(exported),
            Ok(Success::Exported(exported)) => {
                let why = format!("of {} bytes of the archive {moved} arrived", exported.written_bytes);
                Err(self.error(Unanswered::Silent(why)))
            }
            Ok(other) => Err(self.error(unexpected(&other))),
            Err(failure) => Err(self.error(Unanswered::Refused(failure))),
        }
    }

    /// Sends an archive to become a disk.
    pub(crate) async fn import(
        &self,
        header: &ImportHeader,
        archive: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<Success, PortError> {
        let flow = Flow::default();
        let line = header.encode() + "\n";
        let mut input = line.as_bytes().chain(Counted { stream: archive, flow: flow.clone() });
        let (mut stdout, mut stderr) = (Reply::default(), Vec::new());
        let overdue = stdout.overdue();
        let streams =
            ExecStreams { stdin: Some(&mut input), stdout: &mut stdout, stderr: &mut stderr, sizes: None };
        let ended = async {
            tokio::select! {
                () = overdue => Ok(()),
                stalled = flow.ended(false) => stalled,
            }
        };
        let code = self.exec("import", &[], streams, ended).await;
        code.and_then(|code| self.answer(code, &stdout.text, &stderr))
            .map_err(|unanswered| self.error(unanswered))
    }
}

/// What a stream has done so far.
#[derive(Clone)]
struct Flow(Arc<Mutex<State>>);

struct State {
    moved: u64,
    /// When something moved last.
    at: Instant,
    answer: Option<Answer>,
}

impl Default for Flow {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State { moved: 0, at: Instant::now(), answer: None })))
    }
}

impl Flow {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moves(&self, bytes: usize) {
        let mut state = self.state();
        state.moved += bytes as u64;
        state.at = Instant::now();
    }

    /// Ends when all has come and the command has had time to end, if `answered` streams are waited for; with an error when
    /// nothing moved for too long.
    async fn ended(&self, answered: bool) -> Result<(), Unanswered> {
        loop {
            tokio::time::sleep(LOOK).await;
            let state = self.state();
            let still = state.at.elapsed();
            if answered && state.is_whole() && still >= FAREWELL {
                return Ok(());
            }
            if still >= STANDSTILL {
                let why = format!("nothing came or went for {} minutes", STANDSTILL.as_secs() / 60);
                return Err(Unanswered::Silent(why));
            }
        }
    }

    fn result(&self) -> (Option<Answer>, u64) {
        let mut state = self.state();
        (state.answer.take(), state.moved)
    }
}

impl State {
    /// True when nothing more is to come.
    fn is_whole(&self) -> bool {
        match self.answer.clone().map(Answer::into_result) {
            None => false,
            Some(Ok(Success::Exported(exported))) => exported.written_bytes <= self.moved,
            Some(_) => true,
        }
    }
}

/// An input that neither comes nor ends: while it is open, kompox-node knows that somebody waits.
struct Open;

impl AsyncRead for Open {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }
}

/// A stream whose bytes are counted.
struct Counted<S> {
    stream: S,
    flow: Flow,
}

impl AsyncWrite for Counted<&mut (dyn AsyncWrite + Send + Unpin)> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut *self.stream).poll_write(context, bytes))?;
        self.flow.moves(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_close(context)
    }
}

impl AsyncRead for Counted<&mut (dyn AsyncRead + Send + Unpin)> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = ready!(Pin::new(&mut *self.stream).poll_read(context, buffer))?;
        self.flow.moves(read);
        Poll::Ready(Ok(read))
    }
}

/// The answers of an export: how far it is, and at last what became of it.
struct Answers<'a> {
    flow: Flow,
    progress: ExportProgress<'a>,
    line: Vec<u8>,
    /// What was no answer.
    noise: Vec<u8>,
}

impl Answers<'_> {
    fn take(&mut self) {
        let line = std::mem::take(&mut self.line);
        match Answer::decode(&line) {
            Ok(answer) => match answer.clone().into_result() {
                Ok(Success::Progress(progress)) => {
                    self.flow.moves(0);
                    (self.progress)(progress.done_bytes, progress.total_bytes);
                }
                _ => {
                    self.flow.moves(0);
                    self.flow.state().answer = Some(answer);
                }
            },
            Err(_) => self.noise = line,
        }
    }
}

impl AsyncWrite for Answers<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        for byte in bytes {
            match byte {
                b'\n' => self.take(),
                byte if self.line.len() < LINE_LIMIT => self.line.push(*byte),
                _ => {}
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
