//! Compression of one frame while the next one is read. IO: one thread.

use crate::failure::{Result, cannot};
use kompox_node_protocol::{Failure, Kind};
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// The first `length` bytes of `content` are to be compressed, into `room`.
struct Job {
    content: Vec<u8>,
    length: usize,
    room: Vec<u8>,
}

/// A thread that compresses one frame while the next one is read.
pub(super) struct Worker {
    give: Option<SyncSender<Job>>,
    take: Receiver<(Vec<u8>, io::Result<Vec<u8>>)>,
    thread: Option<JoinHandle<()>>,
    busy: bool,
    /// What comes back is used again: the frame's content, and the room for the result.
    free: Vec<u8>,
    pub(super) spare: Vec<u8>,
}

impl Worker {
    pub(super) fn start(level: i32, frame: usize) -> Result<Self> {
        let (give, todo) = sync_channel::<Job>(1);
        let (done, take) = sync_channel(1);
        let work = move || {
            for Job { content, length, room } in todo {
                let compressed = compress(level, frame, &content[..length], room);
                if done.send((content, compressed)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("compress".to_owned())
            .spawn(work)
            .map_err(|error| cannot("start", "a thread", error))?;
        Ok(Self {
            give: Some(give),
            take,
            thread: Some(thread),
            busy: false,
            free: vec![0; frame],
            spare: Vec::new(),
        })
    }

    /// Hands the first `length` bytes over; `buffer` becomes another one of the same size.
    pub(super) fn give(&mut self, buffer: &mut Vec<u8>, length: usize) -> Result<()> {
        let content = std::mem::replace(buffer, std::mem::take(&mut self.free));
        let room = std::mem::take(&mut self.spare);
        let given = self.give.as_ref().is_some_and(|give| give.send(Job { content, length, room }).is_ok());
        self.busy = given;
        if given { Ok(()) } else { Err(gone()) }
    }

    pub(super) fn take(&mut self) -> Result<Option<Vec<u8>>> {
        if !std::mem::take(&mut self.busy) {
            return Ok(None);
        }
        let (content, compressed) = self.take.recv().map_err(|_| gone())?;
        self.free = content;
        compressed.map(Some).map_err(|error| cannot("compress", "the export", error))
    }
}

fn gone() -> Failure {
    Failure::new(Kind::Internal, "the thread that compresses has ended")
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Its loop ends; a frame that it is at has room in the channel.
        self.give = None;
        if let Some(thread) = self.thread.take() {
            // A thread that ended by a panic has said so itself, and `gone` was reported.
            let _ = thread.join();
        }
    }
}

/// One frame. A context of its own, so that no frame can depend on the ones before.
fn compress(level: i32, frame: usize, content: &[u8], mut room: Vec<u8>) -> io::Result<Vec<u8>> {
    use zstd::zstd_safe::{CParameter, compress_bound};
    let mut compressor = zstd::bulk::Compressor::new(level)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    compressor.set_parameter(CParameter::ContentSizeFlag(true))?;
    // A window as large as a frame makes the frame one segment, which leaves its header one form only.
    compressor.set_parameter(CParameter::WindowLog(frame.max(1024).next_power_of_two().ilog2()))?;
    room.clear();
    room.reserve(compress_bound(content.len()));
    compressor.compress_to_buffer(content, &mut room)?;
    Ok(room)
}
