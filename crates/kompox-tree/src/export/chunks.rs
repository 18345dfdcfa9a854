//! The bytes of an archive for who takes its entries: one chunk after the other, with what is known of each. IO: waits
//! for the threads that prepare them.

use super::ahead::Unwanted;
use super::expand::{CHUNK, Chunk, End, Next};
use super::frames::Resume;
use super::source::Trouble;
use crate::archive::cut;
use crate::failure::{Result, invalid};
use kompox_node_protocol::{Failure, Kind};
use sha2::{Digest, Sha256};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};

/// What the threads send; nothing comes after an end or a failure.
pub(super) type Message = std::result::Result<Next, (Failure, Trouble)>;

/// An archive's bytes.
pub(super) struct Chunks<'a> {
    take: Receiver<Message>,
    /// Takes chunks back, to be filled again.
    spare: Sender<Vec<u8>>,
    unwanted: &'a Unwanted,
    present: Rc<Chunk>,
    /// Bytes of the present chunk that were taken.
    at: usize,
    /// Whether a frame that ends with the present chunk was looked at.
    settled: bool,
    /// The whole frames of what was taken.
    kept: Resume,
    end: Option<End>,
    trouble: Trouble,
    summed: bool,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(take: Receiver<Message>, spare: Sender<Vec<u8>>, unwanted: &'a Unwanted) -> Self {
        let sums = Some(Box::new([Sha256::new(), Sha256::new()]));
        // With room, as it is filled when it comes back.
        let bytes = vec![0; CHUNK];
        Self {
            take,
            spare,
            unwanted,
            present: Rc::new(Chunk { bytes, length: 0, ended: None, sums }),
            at: 0,
            settled: false,
            kept: Resume { frames: Vec::new(), sha256: Sha256::digest(b"").into() },
            end: None,
            trouble: Trouble::Content,
            summed: true,
        }
    }

    /// What comes next, some bytes of it; none at the end of the stream.
    pub(super) fn chunk(&mut self) -> Result<&[u8]> {
        while self.at == self.present.length && self.end.is_none() {
            self.settle();
            self.advance()?;
        }
        Ok(&self.present.bytes[self.at..self.present.length])
    }

    fn advance(&mut self) -> Result<()> {
        match self.take.recv() {
            Ok(Ok(Next::Chunk(chunk))) => {
                (self.at, self.settled) = (0, false);
                let last = std::mem::replace(&mut self.present, Rc::new(chunk));
                if let Ok(last) = Rc::try_unwrap(last) {
                    // Whoever fills it may have ended already.
                    let _ = self.spare.send(last.bytes);
                }
            }
            Ok(Ok(Next::End(end))) => self.end = Some(end),
            Ok(Err((failure, trouble))) => {
                self.trouble = trouble;
                return Err(failure);
            }
            Err(_) => {
                return Err(Failure::new(Kind::Internal, "a thread that expands the archive has ended"));
            }
        }
        Ok(())
    }

    /// A frame counts when everything in it was taken.
    fn settle(&mut self) {
        if self.at < self.present.length || std::mem::replace(&mut self.settled, true) {
            return;
        }
        // The threads may have been ahead when they were told to leave the sum.
        if let (true, Some(length), Some(sums)) = (self.summed, self.present.ended, &self.present.sums) {
            let [_, sum] = &**sums;
            self.kept.frames.push(length);
            self.kept.sha256 = sum.clone().finalize().into();
        }
    }

    /// The first `length` bytes of the last chunk are taken.
    pub(super) fn consume(&mut self, length: usize) {
        self.at += length;
    }

    /// Fills `buffer`; the number of bytes is smaller only at the end of the stream.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                break;
            }
            let part = chunk.len().min(buffer.len() - done);
            buffer[done..done + part].copy_from_slice(&chunk[..part]);
            self.consume(part);
            done += part;
        }
        Ok(done)
    }

    /// The failure of a stream that has no more.
    pub(super) fn cut(&mut self) -> Failure {
        self.trouble = Trouble::Ended;
        cut()
    }

    /// What was taken so far, for a sum that may be asked for later.
    pub(super) fn mark(&self) -> Mark {
        Mark { chunk: Rc::clone(&self.present), at: self.at }
    }

    /// Nobody will ask for a sum.
    pub(super) fn forget_sum(&mut self) {
        self.unwanted.sum.store(true, Ordering::Relaxed);
        self.summed = false;
    }

    /// What was found wrong.
    pub(super) fn trouble(&self) -> Trouble {
        self.trouble
    }

    /// The whole frames so far; none for a stream that is not compressed.
    pub(super) fn kept(mut self) -> Resume {
        self.settle();
        self.kept
    }

    /// Whether the table of an export's frames has come.
    pub(super) fn has_table(&self) -> bool {
        matches!(self.end, Some(End::Frames { table: true, .. }))
    }

    /// Nothing may follow, and the frames must be those of an export, with their table.
    pub(super) fn finish(&mut self) -> Result<()> {
        if !self.chunk()?.is_empty() {
            return Err(invalid("something follows the end of the export"));
        }
        match self.end {
            Some(End::Frames { odd: Some(why), .. }) => Err(invalid(format!("this is no export: {why}"))),
            Some(End::Frames { table: false, .. }) => Err(self.cut()),
            _ => Ok(()),
        }
    }
}

/// A place in an archive. It keeps its chunk, of which only then the part up to there is summed up when it is wanted:
/// every entry has such a place, and almost none needs its sum.
pub(super) struct Mark {
    chunk: Rc<Chunk>,
    at: usize,
}

impl Mark {
    /// SHA-256 of everything before; none when nobody keeps it.
    pub(super) fn sum(&self) -> Option<[u8; 32]> {
        let [before, _] = &**self.chunk.sums.as_ref()?;
        let mut sum = before.clone();
        sum.update(&self.chunk.bytes[..self.at]);
        Some(sum.finalize().into())
    }
}
