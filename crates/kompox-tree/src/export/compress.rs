//! The way out of an export: bytes in, frames and their table out. IO: the stream it is given.

use super::frames::{self, Resume};
use super::worker::Worker;
use crate::failure::{Result, cannot, conflict, invalid};
use kompox_node_protocol::{Failure, Kind};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

/// What is told of the progress: bytes so far, and of how many.
pub(super) type Tell<'a> = &'a mut dyn FnMut(u64, u64);

/// Takes the bytes of the archive in order.
pub(super) struct Frames<'a, W: Write> {
    out: W,
    worker: Worker,
    resume: Resume,
    /// Bytes that are in the kept frames.
    skip: u64,
    lengths: Vec<u32>,
    /// The frame that is being filled, always of full length.
    buffer: Vec<u8>,
    filled: usize,
    hashed: usize,
    sum: Sha256,
    /// Bytes in the frames before.
    total: u64,
    written: u64,
    tell: Option<(Tell<'a>, u64)>,
}

impl<'a, W: Write> Frames<'a, W> {
    /// `frame`: bytes per frame. `tell`: with how many bytes there will be in all, perhaps.
    pub(super) fn new(
        out: W,
        frame: usize,
        level: i32,
        resume: Option<Resume>,
        tell: Option<(Tell<'a>, u64)>,
    ) -> Result<Self> {
        let resume =
            resume.unwrap_or_else(|| Resume { frames: Vec::new(), sha256: Sha256::digest(b"").into() });
        let skip = resume.frames.len() as u64 * frame as u64;
        let frames = Self {
            out,
            worker: Worker::start(level, frame)?,
            lengths: resume.frames.clone(),
            resume,
            skip,
            buffer: vec![0; frame],
            filled: 0,
            hashed: 0,
            sum: Sha256::new(),
            total: 0,
            written: 0,
            tell,
        };
        if skip == 0 { frames.compare().map(|()| frames) } else { Ok(frames) }
    }

    /// Bytes so far.
    pub(super) fn position(&self) -> u64 {
        self.total + self.filled as u64
    }

    /// Compressed bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let part = bytes.len().min(self.buffer.len() - self.filled);
            self.buffer[self.filled..self.filled + part].copy_from_slice(&bytes[..part]);
            self.fill(part)?;
            bytes = &bytes[part..];
        }
        Ok(())
    }

    /// Zeros up to the next block of the archive.
    pub(super) fn pad(&mut self) -> Result<()> {
        let over = usize::try_from(self.position() % 512).unwrap_or(0);
        self.write(&[0; 512][..(512 - over) % 512])
    }

    /// Writes `length` bytes of a file from `offset` on. Returns how many there were.
    pub(super) fn copy(&mut self, file: &File, offset: u64, length: u64) -> Result<io::Result<u64>> {
        let mut done = 0;
        while done < length {
            let room = &mut self.buffer[self.filled..];
            let most = usize::try_from(length - done).unwrap_or(usize::MAX).min(room.len());
            match file.read_at(&mut room[..most], offset + done) {
                Ok(0) => break,
                Ok(read) => {
                    done += read as u64;
                    self.fill(read)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(done))
    }

    /// SHA-256 of everything so far.
    pub(super) fn sum(&mut self) -> [u8; 32] {
        self.hash();
        self.sum.clone().finalize().into()
    }

    /// Writes what is left and the table.
    pub(super) fn finish(&mut self) -> Result<()> {
        if self.filled > 0 {
            self.cut()?;
        }
        if self.total < self.skip {
            return Err(changed());
        }
        self.collect()?;
        let table = frames::table(&self.lengths, self.buffer.len(), self.total)
            .ok_or_else(|| invalid("the export has more frames than its table can have"))?;
        self.put(&table)?;
        self.out.flush().map_err(|error| refused(&error))
    }

    fn fill(&mut self, part: usize) -> Result<()> {
        self.filled += part;
        if self.filled == self.buffer.len() { self.cut() } else { Ok(()) }
    }

    fn hash(&mut self) {
        self.sum.update(&self.buffer[self.hashed..self.filled]);
        self.hashed = self.filled;
    }

    /// Ends a frame.
    fn cut(&mut self) -> Result<()> {
        self.hash();
        self.hashed = 0;
        let length = std::mem::take(&mut self.filled);
        let fresh = self.total >= self.skip;
        self.total += length as u64;
        if fresh {
            self.collect()?;
            self.worker.give(&mut self.buffer, length)?;
        } else if self.total == self.skip {
            self.compare()?;
        }
        if let Some((tell, estimate)) = &mut self.tell {
            tell(self.total, (*estimate).max(self.total));
        }
        Ok(())
    }

    fn compare(&self) -> Result<()> {
        let sum: [u8; 32] = self.sum.clone().finalize().into();
        if sum == self.resume.sha256 { Ok(()) } else { Err(changed()) }
    }

    /// Writes the frame that the thread is at.
    fn collect(&mut self) -> Result<()> {
        let Some(compressed) = self.worker.take()? else { return Ok(()) };
        let length = u32::try_from(compressed.len()).map_err(|_| invalid("a frame grew beyond 4 GiB"))?;
        self.lengths.push(length);
        self.put(&compressed)?;
        self.worker.spare = compressed;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|error| refused(&error))?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

fn changed() -> Failure {
    conflict("the disk changed since the export was begun")
        .hint("remove what there is of the export and begin again")
}

/// `out` took no more.
fn refused(error: &io::Error) -> Failure {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(code) if code != Errno::PIPE => cannot("write", "the export", code),
        _ => Failure::new(Kind::Cancelled, format!("nobody takes the export any more: {error}")),
    }
}
