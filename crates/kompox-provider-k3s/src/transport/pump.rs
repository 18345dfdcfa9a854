//! Bytes between a caller and a program. Reads and writes the streams that it is given.

use futures::io::{AsyncRead, AsyncWrite, copy};
use std::io;

/// Copies all, and hands on what was copied.
pub(super) async fn copied(
    from: &mut (dyn AsyncRead + Send + Unpin),
    to: &mut (dyn AsyncWrite + Send + Unpin),
) -> io::Result<()> {
    copy(from, to).await.map(|_| ())
}

/// Feeds a program until it ends: it need not read all. What could not be read for it ends both.
pub(super) async fn until_ended<T, E>(
    input: impl Future<Output = io::Result<()>>,
    output: impl Future<Output = Result<T, E>>,
    failed: impl FnOnce(io::Error) -> E,
) -> Result<T, E> {
    let fed = async {
        match input.await {
            Err(error) if !ended(&error) => error,
            // The program's own words say why it read no more.
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        result = output => result,
        error = fed => Err(failed(error)),
    }
}

/// True when the program did not want to read more.
fn ended(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
