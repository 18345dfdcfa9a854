//! The way into an archive: perhaps compressed bytes in, the archive's bytes out, as hostile input. IO: the stream.

use super::decode::{Frames, is_skippable, magic};
use super::frames::{FRAME_MAGIC, Resume};
use super::source::{Source, Trouble};
use crate::failure::{Result, invalid};
use kompox_node_protocol::{Failure, Kind};
use sha2::{Digest, Sha256};
use std::io::Read;

/// A stream that may be compressed.
pub(super) struct Expand<R> {
    source: Source<R>,
    shape: Shape,
    frame: usize,
    /// Of what was taken; none when nobody wants to know.
    sum: Option<Sha256>,
}

enum Shape {
    Unknown,
    Plain,
    Zstd(Box<Frames>),
}

impl<R: Read> Expand<R> {
    /// `frame`: bytes per frame of an export.
    pub(super) fn new(input: R, frame: usize) -> Self {
        Self { source: Source::new(input), shape: Shape::Unknown, frame, sum: Some(Sha256::new()) }
    }

    /// What comes next, some bytes of it; none at the end of the stream.
    pub(super) fn chunk(&mut self) -> Result<&[u8]> {
        if matches!(self.shape, Shape::Unknown) {
            self.shape = shape(self.source.peek(6)?, self.frame)?;
        }
        match &mut self.shape {
            Shape::Zstd(frames) => {
                frames.fill(&mut self.source, self.sum.as_ref())?;
                Ok(&frames.out[frames.at..frames.filled])
            }
            _ => {
                self.source.peek(1)?;
                Ok(&self.source.raw[self.source.from..self.source.to])
            }
        }
    }

    /// The first `length` bytes of the last chunk are taken.
    pub(super) fn consume(&mut self, length: usize) {
        let (bytes, at) = match &mut self.shape {
            Shape::Zstd(frames) => (&frames.out, &mut frames.at),
            _ => (&self.source.raw, &mut self.source.from),
        };
        if let Some(sum) = &mut self.sum {
            sum.update(&bytes[*at..*at + length]);
        }
        *at += length;
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
        self.source.cut()
    }

    /// The sum of what was taken.
    pub(super) fn sum(&self) -> Option<Sha256> {
        self.sum.clone()
    }

    /// Nobody will ask for the sum.
    pub(super) fn forget_sum(&mut self) {
        self.sum = None;
    }

    /// What was found wrong.
    pub(super) fn trouble(&self) -> Trouble {
        self.source.trouble
    }

    /// The whole frames so far; none for a stream that is not compressed.
    pub(super) fn kept(&mut self) -> Option<Resume> {
        match &mut self.shape {
            Shape::Zstd(frames) => {
                frames.settle(self.sum.as_ref());
                Some(frames.layout.kept())
            }
            _ => None,
        }
    }

    /// Whether the table of an export's frames has come.
    pub(super) fn has_table(&self) -> bool {
        matches!(&self.shape, Shape::Zstd(frames) if frames.layout.is_whole())
    }

    /// Nothing may follow, and the frames must be those of an export, with their table.
    pub(super) fn finish(&mut self) -> Result<()> {
        if !self.chunk()?.is_empty() {
            return Err(invalid("something follows the end of the export"));
        }
        let Shape::Zstd(frames) = &self.shape else { return Ok(()) };
        match (frames.layout.odd(), frames.layout.is_whole()) {
            (Some(why), _) => Err(invalid(format!("this is no export: {why}"))),
            (None, false) => Err(self.source.cut()),
            (None, true) => Ok(()),
        }
    }
}

fn shape(start: &[u8], frame: usize) -> Result<Shape> {
    let other = match start {
        [0x1F, 0x8B, ..] => "gzip",
        [b'B', b'Z', b'h', ..] => "bzip2",
        [0xFD, b'7', b'z', b'X', b'Z', 0] => "xz",
        _ => {
            let zstd = magic(start).is_some_and(|magic| magic == FRAME_MAGIC || is_skippable(magic));
            return if zstd { Ok(Shape::Zstd(Box::new(Frames::new(frame)?))) } else { Ok(Shape::Plain) };
        }
    };
    Err(Failure::new(Kind::Unsupported, format!("the archive is compressed by {other}"))
        .hint("expand it first: a plain tar archive and one compressed by zstd are read"))
}
