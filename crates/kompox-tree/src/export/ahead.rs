//! Expanding an archive, and summing it up, ahead of who takes its entries. IO: two threads, of which one reads the stream.

use super::chunks::{Chunks, Message};
use super::expand::{CHUNK, Expand, Next};
use crate::failure::{Result, cannot};
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

/// So many chunks wait for each that takes them.
const AHEAD: usize = 4;

/// What the threads need not do any more.
#[derive(Default)]
pub(super) struct Unwanted {
    pub(super) sum: AtomicBool,
    everything: AtomicBool,
}

/// Gives `take` what is in `input`, which is expanded and summed up meanwhile. `frame`: bytes per frame of an export.
///
/// Returns when the threads have ended; a read of `input` that was begun is waited for.
pub(super) fn expanded<R: Read + Send, T>(
    input: R,
    frame: usize,
    take: impl FnOnce(Chunks<'_>) -> Result<T>,
) -> Result<T> {
    let unwanted = &Unwanted::default();
    let (give, bare) = sync_channel(AHEAD);
    let (give_summed, summed) = sync_channel(AHEAD);
    let (spare, spares) = channel();
    let input = Expand::new(Wanted { input, unwanted }, frame);
    std::thread::scope(|scope| {
        let start = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let failed = |error| cannot("start", "a thread", error);
        let expanding =
            start("expand").spawn_scoped(scope, move || expand(input, &spares, &give)).map_err(failed)?;
        let summing = start("sum")
            .spawn_scoped(scope, move || sum_up(&bare, unwanted, &give_summed))
            .map_err(failed)?;
        let taken = take(Chunks::new(summed, spare, unwanted));
        unwanted.everything.store(true, Ordering::Relaxed);
        for thread in [expanding, summing] {
            // One that ended by a panic has said so itself, and whoever wanted more was told.
            let _ = thread.join();
        }
        taken
    })
}

fn expand<R: Read>(mut input: Expand<R>, spares: &Receiver<Vec<u8>>, give: &SyncSender<Message>) {
    loop {
        let room = spares.try_recv().unwrap_or_else(|_| vec![0; CHUNK]);
        let next = input.next(room);
        let goes_on = matches!(next, Ok(Next::Chunk(_)));
        let sent = give.send(next.map_err(|failure| (failure, input.trouble())));
        if sent.is_err() || !goes_on {
            return;
        }
    }
}

fn sum_up(take: &Receiver<Message>, unwanted: &Unwanted, give: &SyncSender<Message>) {
    let mut sum = Sha256::new();
    for mut message in take {
        if let Ok(Next::Chunk(chunk)) = &mut message
            && !unwanted.sum.load(Ordering::Relaxed)
        {
            let before = sum.clone();
            sum.update(&chunk.bytes[..chunk.length]);
            chunk.sums = Some(Box::new([before, sum.clone()]));
        }
        if give.send(message).is_err() {
            return;
        }
    }
}

/// A stream that ends with an error when nobody wants it any more.
struct Wanted<'a, R> {
    input: R,
    unwanted: &'a Unwanted,
}

impl<R: Read> Read for Wanted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.unwanted.everything.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody wants the rest"));
        }
        self.input.read(buffer)
    }
}
