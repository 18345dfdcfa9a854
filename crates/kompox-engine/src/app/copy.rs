//! `app cp`: a tree out of a container, or into it, as a tar archive. IO through the cluster port.
//!
//! The program that packs and unpacks is kompox-node, which the Pod brings: the image needs neither tar nor a shell.

use crate::app::{live, logs};
use crate::{Error, Refusal, Scope, refusal};
use futures::io::{AsyncRead, AsyncWrite};
use futures::task::AtomicWaker;
use kompox_convert::{PROGRAM, PROGRAM_FOLDER};
use kompox_model::port::{ErrorKind, ExecRequest, ExecStreams};
use kompox_node_protocol::{Answer, Copied, Failure, Kind, PackPlan, Success, UnpackPlan};
use serde_json::Value;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// An answer is longer than this only when something else wrote it.
const ANSWER_LIMIT: usize = 64 * 1024;
/// What kompox-node ends with when it does not know a command.
const USAGE: i32 = 2;

/// A container that copies can be made with: its program was seen.
#[derive(Debug)]
pub struct CopyPlace {
    namespace: String,
    pod: String,
    container: String,
}

/// Finds the container of a service.
///
/// # Errors
/// NotFound without a Pod or such a service; Unsupported when the program is not in that container; those of the
/// cluster.
pub async fn copy_place(scope: &Scope<'_>, service: &str) -> Result<CopyPlace, Error> {
    let pods = live::pods(scope).await?;
    let pod = logs::newest(scope, &pods)?;
    let containers = logs::containers(pod);
    let container = logs::find_container(&containers, service)?;
    check_program(pod, container)?;
    let (pod, container) = (logs::pod_name(pod).to_owned(), container.to_owned());
    Ok(CopyPlace { namespace: scope.namespace(), pod, container })
}

/// Writes the archive that `plan` asks for to `archive`.
///
/// # Errors
/// What kompox-node says; Unavailable when it ended without an answer; those of the cluster, Internal too when
/// `archive` takes no more.
pub async fn copy_out(
    scope: &Scope<'_>,
    place: &CopyPlace,
    plan: &PackPlan,
    archive: &mut (dyn AsyncWrite + Send + Unpin),
) -> Result<Copied, Error> {
    let mut answer = Answering::default();
    let streams = ExecStreams { stdin: None, stdout: archive, stderr: &mut answer, sizes: None };
    let request = place.request("pack", plan.encode());
    let code = scope.kubernetes.exec(&scope.call(), &request, streams).await?;
    place.answer(code, &answer.text)
}

/// Sends `archive` to be taken in as `plan` says. It is read no further once the other side has answered.
///
/// # Errors
/// As for [`copy_out`].
pub async fn copy_in(
    scope: &Scope<'_>,
    place: &CopyPlace,
    plan: &UnpackPlan,
    archive: &mut (dyn AsyncRead + Send + Unpin),
) -> Result<Copied, Error> {
    let mut answer = Answering::default();
    // An older program says only there that it will not read.
    let mut warnings = Answering { answered: Arc::clone(&answer.answered), ..Answering::default() };
    let mut archive = Wanted { archive, answered: Arc::clone(&answer.answered) };
    let streams =
        ExecStreams { stdin: Some(&mut archive), stdout: &mut answer, stderr: &mut warnings, sizes: None };
    let request = place.request("unpack", plan.encode());
    let code = scope.kubernetes.exec(&scope.call(), &request, streams).await?;
    place.answer(code, &answer.text)
}

/// The error for what one end of a copy said.
#[must_use]
pub fn copy_failed(failure: &Failure) -> Error {
    said(refusal::app::COPY_FAILED, failure)
}

/// What one end of a stream said, as an error of this row; the kind is what was said.
#[must_use]
pub fn said(row: Refusal, failure: &Failure) -> Error {
    let kind = kind(failure.kind);
    let hint = failure.hint.as_deref().unwrap_or("mend what the message names, then repeat the command");
    Error::refused(Refusal { kind, ..row }, one_line(&failure.message), one_line(hint))
}

/// Text with names of somebody else's files in it, which can neither steer a terminal nor look like another line.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

impl CopyPlace {
    fn request(&self, verb: &str, plan: String) -> ExecRequest {
        ExecRequest {
            namespace: self.namespace.clone(),
            pod: self.pod.clone(),
            container: Some(self.container.clone()),
            command: vec![PROGRAM.to_owned(), verb.to_owned(), "--plan".to_owned(), plan],
            tty: false,
        }
    }

    fn answer(&self, code: i32, text: &[u8]) -> Result<Copied, Error> {
        if code == USAGE {
            let message =
                format!("kompox-node in {} is of an older version, which cannot copy", self.container);
            let hint = "build and set the image of this version, then deploy again: kompoxops app deploy";
            return Err(Error::refused(refusal::app::COPY_OLD, message, hint));
        }
        let answer = text.split(|byte| *byte == b'\n').rev().find_map(|line| Answer::decode(line).ok());
        match answer.map(Answer::into_result) {
            Some(Ok(Success::Copied(copied))) => Ok(copied),
            Some(Err(mut failure)) => {
                failure.message = format!("in {}: {}", self.container, failure.message);
                Err(copy_failed(&failure))
            }
            Some(Ok(_)) | None => {
                let message =
                    format!("kompox-node in {} ended with code {code} and no answer", self.container);
                let hint = "the container may have ended: see kompoxops app status, then repeat the command";
                Err(Error::refused(refusal::app::COPY_CUT, message, hint))
            }
        }
    }
}

/// Whether the container mounts the folder of the program; if not, what brings it there.
fn check_program(pod: &Value, name: &str) -> Result<(), Error> {
    let all = || {
        ["/spec/containers", "/spec/initContainers"]
            .into_iter()
            .filter_map(|path| pod.pointer(path)?.as_array())
            .flatten()
    };
    let has = |container: &Value| {
        let mounts = container["volumeMounts"].as_array();
        mounts.is_some_and(|mounts| mounts.iter().any(|mount| mount["mountPath"] == PROGRAM_FOLDER))
    };
    if all().any(|container| container["name"] == name && has(container)) {
        return Ok(());
    }
    let hint = if all().any(has) {
        "deploy again, which restarts the app: kompoxops app deploy"
    } else {
        "set `x-kompox: {copy: true}` on a service in the compose file and deploy again, or use a tar of the image's own: \
         kompoxops app exec -s SERVICE -- tar -c PATH"
    };
    let message = format!("the program that copies is not in {name}");
    Err(Error::refused(refusal::app::COPY_NONE, message, hint))
}

fn kind(kind: Kind) -> ErrorKind {
    match kind {
        Kind::NotFound => ErrorKind::NotFound,
        Kind::AlreadyExists => ErrorKind::AlreadyExists,
        Kind::Conflict => ErrorKind::Conflict,
        Kind::Invalid => ErrorKind::Invalid,
        Kind::Denied => ErrorKind::Denied,
        Kind::Unauthenticated => ErrorKind::Unauthenticated,
        Kind::Unsupported => ErrorKind::Unsupported,
        Kind::Quota => ErrorKind::Quota,
        Kind::Throttled => ErrorKind::Throttled,
        Kind::Unavailable => ErrorKind::Unavailable,
        Kind::Timeout => ErrorKind::Timeout,
        Kind::Cancelled => ErrorKind::Cancelled,
        Kind::Internal => ErrorKind::Internal,
    }
}

/// Whether the other side has answered; wakes whoever waits for more to send.
#[derive(Default)]
struct Answered {
    said: AtomicBool,
    waiting: AtomicWaker,
}

/// Keeps the end of what is written, and knows when a whole line was.
#[derive(Default)]
struct Answering {
    text: Vec<u8>,
    answered: Arc<Answered>,
}

impl AsyncWrite for Answering {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.text.extend_from_slice(bytes);
        let surplus = self.text.len().saturating_sub(ANSWER_LIMIT);
        self.text.drain(..surplus);
        if bytes.contains(&b'\n') {
            self.answered.said.store(true, Ordering::Release);
            self.answered.waiting.wake();
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

/// An archive that ends when nobody wants more of it.
struct Wanted<'a> {
    archive: &'a mut (dyn AsyncRead + Send + Unpin),
    answered: Arc<Answered>,
}

impl AsyncRead for Wanted<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.answered.waiting.register(context.waker());
        if self.answered.said.load(Ordering::Acquire) {
            return Poll::Ready(Ok(0));
        }
        Pin::new(&mut *self.archive).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(error: &Error) -> String {
        error.code().into_owned()
    }

    #[test]
    fn where_the_program_is_not_the_way_out_depends_on_the_pod() {
        let with = |web: Value, install: Value| {
            json!({"spec": {"containers": [{"name": "web", "volumeMounts": web}],
                "initContainers": [{"name": "kompox-install", "volumeMounts": install}]}})
        };
        let program = || json!([{"name": "kompox", "mountPath": "/.kompox"}]);
        check_program(&with(program(), program()), "web").unwrap();
        for (pod, way_out) in
            [(with(json!([]), program()), "deploy again"), (with(json!(null), json!(null)), "copy: true")]
        {
            let Err(Error::Refused { code, hint, .. }) = check_program(&pod, "web") else { panic!("{pod}") };
            assert_eq!(code, "app.copy.no-program");
            assert!(hint.unwrap().contains(way_out), "{pod}");
        }
    }

    #[tokio::test]
    async fn an_archive_that_never_ends_ends_with_the_answer() {
        use futures::{AsyncReadExt, AsyncWriteExt};
        struct Silent;
        impl AsyncRead for Silent {
            fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
                Poll::Pending
            }
        }
        let mut answer = Answering::default();
        let mut archive = Wanted { archive: &mut Silent, answered: Arc::clone(&answer.answered) };
        let mut buffer = [0; 8];
        let (read, written) = futures::join!(archive.read(&mut buffer), answer.write_all(b"no\n"));
        assert_eq!((read.unwrap(), written.unwrap()), (0, ()));
    }

    #[test]
    fn an_end_without_an_answer_is_never_a_success() {
        let place = CopyPlace { namespace: "n".into(), pod: "p".into(), container: "web".into() };
        let good = Answer::new(Ok(Success::Copied(Copied::default()))).encode();
        assert_eq!(place.answer(0, format!("a warning\n{good}\n").as_bytes()).unwrap(), Copied::default());
        assert_eq!(code(&place.answer(0, b"").unwrap_err()), "app.copy.cut");
        assert_eq!(code(&place.answer(137, b"half {").unwrap_err()), "app.copy.cut");
        assert_eq!(code(&place.answer(2, b"`pack` is not a command\n").unwrap_err()), "app.copy.old-program");
        let bad = Answer::new(Err(Failure::new(Kind::NotFound, "no \u{1b}[31mfile\n"))).encode();
        let error = place.answer(0, bad.as_bytes()).unwrap_err();
        assert_eq!(
            (code(&error).as_str(), error.to_string().as_str()),
            ("app.copy.failed", r"in web: no \u{1b}[31mfile\n")
        );
        assert!(matches!(error, Error::Refused { kind: ErrorKind::NotFound, .. }));
    }
}
