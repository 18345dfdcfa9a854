//! Commands in containers.

use crate::bed::Bed;
use futures::io::{AsyncWrite, sink};
use kompox_model::port::{Call, Cancel, Cluster as _, ErrorKind, ExecRequest, ExecStreams, exec_bytes};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes in which a lost, doubled or moved piece shows.
fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[0]
        })
        .collect()
}

#[tokio::test]
async fn fifty_megabytes_go_both_ways_at_once() {
    let bed = Bed::new("exec-large").await;
    bed.shell().await;
    let input = pattern(50_000_000);
    // `cat` answers while it still reads: both directions are full at the same time.
    let (code, output, errors) = bed.run("cat; echo done >&2; exit 7", &input).await;
    assert_eq!((code, errors.as_slice()), (7, b"done\n".as_slice()));
    assert!(output == input, "{} bytes came back, not the {} that were sent", output.len(), input.len());

    let (code, count, _) = bed.run("wc -c", &input).await;
    assert_eq!((code, String::from_utf8(count).unwrap().trim()), (0, "50000000"));
    let (code, zeros, _) = bed.run("head -c 50000000 /dev/zero", b"").await;
    assert_eq!((code, zeros.len()), (0, 50_000_000));
    bed.done().await;
}

#[tokio::test]
async fn small_commands_end_as_they_should() {
    let bed = Bed::new("exec-small").await;
    bed.shell().await;
    let (code, output, errors) = bed.run("echo out; echo err >&2; exit 7", b"").await;
    assert_eq!((code, output.as_slice(), errors.as_slice()), (7, b"out\n".as_slice(), b"err\n".as_slice()));
    let (code, output, _) = bed.run("read line; echo \"got $line\"", b"hello\n").await;
    assert_eq!((code, output.as_slice()), (0, b"got hello\n".as_slice()));

    // A command that does not read its input.
    let (code, _, _) = bed.run("exit 3", &pattern(10_000)).await;
    assert_eq!(code, 3);

    // Without stdin a reading command sees the end at once.
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let streams = ExecStreams { stdin: None, stdout: &mut stdout, stderr: &mut stderr, sizes: None };
    let code = bed.client.exec(&bed.call(), &bed.command("cat; echo end"), streams).await.unwrap();
    assert_eq!((code, stdout.as_slice()), (0, b"end\n".as_slice()));

    // On a terminal both outputs are one.
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let streams = ExecStreams { stdin: None, stdout: &mut stdout, stderr: &mut stderr, sizes: None };
    let request = ExecRequest { tty: true, ..bed.command("test -t 1 && echo terminal; echo err >&2") };
    let code = bed.client.exec(&bed.call(), &request, streams).await.unwrap();
    let output = String::from_utf8(stdout).unwrap();
    assert_eq!((code, output.as_str(), stderr.len()), (0, "terminal\r\nerr\r\n", 0));
    bed.done().await;
}

#[tokio::test]
async fn what_cannot_run_is_an_error() {
    let bed = Bed::new("exec-errors").await;
    bed.shell().await;
    bed.pod("done", "true", |pod| pod["status"]["phase"] == "Succeeded").await;
    let ended = ExecRequest { pod: "done".into(), ..bed.command("true") };
    let missing = ExecRequest { command: vec!["no-such-program".into()], ..bed.command("") };
    let no_container = ExecRequest { container: Some("other".into()), ..bed.command("true") };
    let no_pod = ExecRequest { pod: "other".into(), ..bed.command("true") };
    for (request, kind) in [
        (missing, ErrorKind::NotFound),
        (no_container, ErrorKind::NotFound),
        (ended, ErrorKind::Conflict),
        (no_pod, ErrorKind::NotFound),
    ] {
        let error = exec_bytes(&bed.client, &bed.call(), &request, b"").await.unwrap_err();
        assert_eq!(error.kind, kind, "{error} {:?}", error.source);
        assert!(error.detail.is_some(), "{error}");
    }
    bed.done().await;
}

#[tokio::test]
async fn cancel_and_deadline_end_a_command_that_does_not() {
    let bed = Bed::new("exec-stop").await;
    bed.shell().await;
    let cancel = Cancel::new();
    let request = bed.command("echo started; sleep 1000");
    let mut stdout = Notice { cancel: cancel.clone() };
    let mut stderr = sink();
    let streams = ExecStreams { stdin: None, stdout: &mut stdout, stderr: &mut stderr, sizes: None };
    let error = bed.client.exec(&Call::new(&cancel), &request, streams).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);

    let deadline = std::time::Instant::now() + Duration::from_secs(2);
    let call = bed.call().with_deadline(deadline);
    let error = exec_bytes(&bed.client, &call, &request, b"").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    bed.done().await;
}

/// Cancels as soon as something is written.
struct Notice {
    cancel: Cancel,
}

impl AsyncWrite for Notice {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.cancel.cancel();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
