//! What kompox-node writes, and when it has said all. No IO.
//!
//! The end of a command can be lost on its way: a container runtime under load may never report it. An answer is one
//! line, the last thing that kompox-node writes, so that whoever has it need not wait for more.

use futures::AsyncWrite;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;

/// How long the end of a command may come after its answer.
pub(crate) const FAREWELL: Duration = Duration::from_secs(2);

/// Takes the output of one command.
#[derive(Default)]
pub(crate) struct Reply {
    pub(crate) text: Vec<u8>,
    whole: Arc<Notify>,
}

impl Reply {
    /// Ends when a whole line came and the command has had time to end.
    pub(crate) fn overdue(&self) -> impl Future<Output = ()> + use<> {
        let whole = Arc::clone(&self.whole);
        async move {
            whole.notified().await;
            tokio::time::sleep(FAREWELL).await;
        }
    }
}

impl AsyncWrite for Reply {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.text.extend_from_slice(bytes);
        if bytes.contains(&b'\n') {
            self.whole.notify_one();
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
