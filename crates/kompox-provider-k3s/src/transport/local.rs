//! Runs kompox-node as a process of this machine. Starts processes.
//!
//! A process that is no longer waited for is ended: whatever it was doing, repeating the command goes on from there.

use super::pump::{copied, until_ended};
use futures::AsyncWriteExt as _;
use kompox_model::port::{ErrorKind, ExecStreams, PortError};
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use tokio::process::Command;
use tokio_util::compat::{TokioAsyncReadCompatExt as _, TokioAsyncWriteCompatExt as _};

/// What a shell ends with when it cannot find what it is to run.
const NOT_FOUND: i32 = 127;

pub(super) async fn exec(
    program: &[String],
    arguments: &[String],
    streams: ExecStreams<'_>,
) -> Result<i32, PortError> {
    let failed = |cause: io::Error| {
        PortError::new(ErrorKind::Unavailable, "process", "run", program.join(" ")).because(cause)
    };
    let mut words = program.iter().chain(arguments);
    let mut command = Command::new(words.next().map_or("", String::as_str));
    command
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            streams.stderr.write_all(cause.to_string().as_bytes()).await.map_err(failed)?;
            return Ok(NOT_FOUND);
        }
        Err(cause) => return Err(failed(cause)),
    };
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(failed(io::Error::other("a pipe is missing")));
    };
    let input = async {
        // Dropped at the end: the program sees that there is no more.
        let mut stdin = stdin.compat_write();
        match streams.stdin {
            Some(input) => copied(input, &mut stdin).await,
            None => Ok(()),
        }
    };
    let (mut stdout, mut stderr) = (stdout.compat(), stderr.compat());
    let output = async {
        let both = (copied(&mut stdout, streams.stdout), copied(&mut stderr, streams.stderr));
        futures::future::try_join(both.0, both.1).await?;
        child.wait().await
    };
    let status = until_ended(input, output, |cause| cause).await.map_err(failed)?;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
}
