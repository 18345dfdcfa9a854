//! Holds the data of the app's services still while their disks are copied, by the commands that the compose file names. IO
//! through the cluster port.
//!
//! The commands run in the containers, under kompox-node, which lets go also when this program dies.

use crate::app::{live, logs, one_line, workload};
use crate::progress::Step;
use crate::{Error, Scope, refusal};
use futures::channel::oneshot;
use futures::future::{Either, join_all, select, try_join_all};
use futures::io::{AsyncRead, AsyncWrite};
use kompox_convert::PROGRAM;
use kompox_model::port::{ExecRequest, ExecStreams};
use kompox_model::{label, object};
use kompox_node_protocol::{Answer, Failure, QUIESCE_VERSION, QuiesceHook, QuiescePlan, Released, Success};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// Standard output and errors are kept up to so many bytes.
const LIMIT: usize = 64 * 1024;

/// The services of a running Pod that can be held still, with how.
#[derive(Debug)]
pub(super) struct Holders {
    pod: String,
    hooks: BTreeMap<String, QuiesceHook>,
}

/// The hooks that the deploy noted, for the Pod that runs; none when no service has one, or no Pod runs.
///
/// # Errors
/// Those of the cluster.
pub(super) async fn find(scope: &Scope<'_>, deployment: Option<&Value>) -> Result<Option<Holders>, Error> {
    let noted = deployment.filter(|found| workload::wants_pod(found));
    let Some(noted) = noted.and_then(|found| object::annotation(found, label::QUIESCE)) else {
        return Ok(None);
    };
    let hooks: BTreeMap<String, QuiesceHook> = serde_json::from_str(noted).map_err(|error| {
        Error::refused(
            refusal::snapshot::HOOK_UNKNOWN,
            format!("what the Deployment notes of x-kompox.quiesce is not understood: {error}"),
            "deploy again with this version: kompoxops app deploy",
        )
    })?;
    let pods = live::pods(scope).await?;
    Ok(match logs::newest_of(&pods) {
        Some(pod) if !hooks.is_empty() => Some(Holders { pod: logs::pod_name(pod).to_owned(), hooks }),
        Some(_) | None => None,
    })
}

impl Holders {
    /// Does `work` while all of them are held, and returns its result once all were let go.
    ///
    /// # Errors
    /// Conflict when one cannot be held, or was not held until the work was done: what was copied meanwhile is worth nothing
    /// then, which `work`'s caller undoes. Those of the work and the cluster.
    pub(super) async fn during<T>(
        &self,
        scope: &Scope<'_>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<(Option<T>, Result<(), Error>), Error> {
        let step = Step::start(scope.progress, format!("holding {} still", self.names()));
        let (mut still, mut sessions, mut releases) = (Vec::new(), Vec::new(), Vec::new());
        for (container, hook) in &self.hooks {
            let (told, wait) = oneshot::channel();
            let (release, released) = oneshot::channel();
            still.push(wait);
            releases.push(release);
            sessions.push(self.hold(scope, container, hook, told, released));
        }
        let sessions = join_all(sessions);
        let work = async {
            // An end without the word is the session's to explain.
            if try_join_all(still).await.is_err() {
                drop(releases);
                return Ok(None);
            }
            step.done(format!("{} held still", self.names()));
            let done = work.await;
            for release in releases {
                // One that is over is seen by its result.
                let _ = release.send(());
            }
            done.map(Some)
        };
        let (sessions, work) = (pin!(sessions), pin!(work));
        let (ended, worked) = match select(work, sessions).await {
            Either::Left((worked, sessions)) => (sessions.await, worked),
            Either::Right((ended, work)) => {
                let worked = work.await;
                (ended, worked)
            }
        };
        let held = ended.into_iter().collect::<Result<Vec<Held>, Error>>();
        let done = worked?;
        Ok((done, held.and_then(|all| all.into_iter().try_for_each(Held::check))))
    }

    fn names(&self) -> String {
        self.hooks.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// One container: held when `told` is sent, let go when `released` comes.
    async fn hold(
        &self,
        scope: &Scope<'_>,
        container: &str,
        hook: &QuiesceHook,
        told: oneshot::Sender<()>,
        released: oneshot::Receiver<()>,
    ) -> Result<Held, Error> {
        let plan = QuiescePlan { version: QUIESCE_VERSION, hook: hook.clone() }.encode();
        let request = ExecRequest {
            namespace: scope.namespace(),
            pod: self.pod.clone(),
            container: Some(container.to_owned()),
            command: vec![PROGRAM.to_owned(), "quiesce".to_owned(), "--plan".to_owned(), plan],
            tty: false,
        };
        let mut word = Word { released: Some(released), rest: b"release\n" };
        let (mut answers, mut errors) = (Answers { text: Vec::new(), told: Some(told) }, Vec::new());
        let streams =
            ExecStreams { stdin: Some(&mut word), stdout: &mut answers, stderr: &mut errors, sizes: None };
        let code = scope.kubernetes.exec(&scope.call(), &request, streams).await?;
        judge(container, code, &answers.text, &errors)
    }
}

/// A container that was held and let go.
#[derive(Debug)]
struct Held {
    container: String,
    /// False when it was let go too early.
    in_time: bool,
    held_ms: u64,
}

impl Held {
    fn check(self) -> Result<(), Error> {
        if self.in_time {
            return Ok(());
        }
        Err(Error::refused(
            refusal::snapshot::NOT_HELD,
            format!("{} was let go after {} ms, before the copy was made", self.container, self.held_ms),
            "give it more time with `x-kompox.quiesce.timeout` in the compose file, or stop the app instead: --stop",
        ))
    }
}

/// What a session that has ended means.
fn judge(container: &str, code: i32, answers: &[u8], errors: &[u8]) -> Result<Held, Error> {
    let last = answers.split(|byte| *byte == b'\n').rev().find_map(|line| Answer::decode(line).ok());
    let said = String::from_utf8_lossy(errors);
    let said = said.lines().rev().find(|line| !line.trim().is_empty()).map(one_line);
    let said = said.map(|line| format!(": {line}")).unwrap_or_default();
    let refuse =
        |message: String, hint: &str| Err(Error::refused(refusal::snapshot::NOT_HELD, message, hint));
    match last.map(Answer::into_result) {
        Some(Ok(Success::Released(Released { in_time, held_ms }))) => {
            Ok(Held { container: container.to_owned(), in_time, held_ms })
        }
        Some(Err(Failure { message, hint, .. })) => refuse(
            format!("{container} could not be held still: {}{said}", one_line(&message)),
            hint.as_deref()
                .unwrap_or("mend `x-kompox.quiesce` in the compose file, or stop the app instead: --stop"),
        ),
        Some(Ok(_)) | None => refuse(
            format!("{container} was not held until the end: the program there ended with code {code}{said}"),
            "see that it runs: kompoxops app status; then repeat the command, or stop the app instead: --stop",
        ),
    }
}

/// What the program reads: nothing until the release, then one line; the end when whoever would release is gone.
struct Word {
    released: Option<oneshot::Receiver<()>>,
    rest: &'static [u8],
}

impl AsyncRead for Word {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(released) = self.released.as_mut() {
            match Pin::new(released).poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => self.released = None,
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(0)),
            }
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest = &self.rest[length..];
        Poll::Ready(Ok(length))
    }
}

/// What the program writes; the first good answer is passed on.
struct Answers {
    text: Vec<u8>,
    told: Option<oneshot::Sender<()>>,
}

impl AsyncWrite for Answers {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let room = LIMIT.saturating_sub(self.text.len()).min(bytes.len());
        self.text.extend_from_slice(&bytes[..room]);
        let quiet = |line: &[u8]| {
            Answer::decode(line).is_ok_and(|answer| matches!(answer.into_result(), Ok(Success::Quiesced(_))))
        };
        if self.text.split_inclusive(|byte| *byte == b'\n').any(|line| line.ends_with(b"\n") && quiet(line))
            && let Some(told) = self.told.take()
        {
            // Nobody may wait any more: another container could not be held.
            let _ = told.send(());
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

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_node_protocol::{Kind, Quiesced};

    fn line(result: Result<Success, Failure>) -> String {
        Answer::new(result).encode() + "\n"
    }

    #[test]
    fn only_what_was_held_to_the_end_counts() {
        let quiet = line(Ok(Success::Quiesced(Quiesced { took_ms: 1 })));
        let released =
            |in_time| quiet.clone() + &line(Ok(Success::Released(Released { in_time, held_ms: 5 })));
        judge("db", 0, released(true).as_bytes(), b"").and_then(Held::check).unwrap();
        for (text, part) in [
            (released(false), "was let go after 5 ms"),
            (quiet.clone(), "ended with code 0: bad luck"),
            (String::new(), "was not held until the end"),
            (
                line(Err(Failure::new(Kind::Conflict, "sh failed"))),
                "could not be held still: sh failed: bad luck",
            ),
        ] {
            let judged = judge("db", 0, text.as_bytes(), b"noise\nbad luck\n\n");
            let error = judged.and_then(Held::check).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert_eq!(error.code(), "snapshot.not-held");
        }
    }
}
