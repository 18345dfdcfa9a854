//! The way into an archive: perhaps compressed bytes in, chunks of the archive out, as hostile input. IO: the stream.

use super::decode::{Frames, Piece, is_skippable, magic};
use super::frames::FRAME_MAGIC;
use super::source::{Source, Trouble};
use crate::failure::Result;
use kompox_node_protocol::{Failure, Kind};
use sha2::Sha256;
use std::io::Read;

/// The most bytes of one chunk.
pub(super) const CHUNK: usize = 512 * 1024;

/// What comes next.
pub(super) enum Next {
    Chunk(Chunk),
    End(End),
}

/// Some bytes of an archive.
pub(super) struct Chunk {
    /// Of these only the first `length` count.
    pub(super) bytes: Vec<u8>,
    pub(super) length: usize,
    /// With this chunk ends a frame that an export can go on after, of this compressed length.
    pub(super) ended: Option<u32>,
    /// Of everything before this chunk and up to its end, when somebody has summed it up.
    pub(super) sums: Option<Box<[Sha256; 2]>>,
}

/// What there was when the stream ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Plain,
    /// Why the frames are not those of an export, if they are not, and whether their table came.
    Frames {
        odd: Option<&'static str>,
        table: bool,
    },
}

/// A stream that may be compressed.
pub(super) struct Expand<R> {
    source: Source<R>,
    shape: Shape,
    frame: usize,
}

enum Shape {
    Unknown,
    Plain,
    Zstd(Box<Frames>),
}

impl<R: Read> Expand<R> {
    /// `frame`: bytes per frame of an export.
    pub(super) fn new(input: R, frame: usize) -> Self {
        Self { source: Source::new(input), shape: Shape::Unknown, frame }
    }

    /// Puts what comes next into `bytes`.
    pub(super) fn next(&mut self, mut bytes: Vec<u8>) -> Result<Next> {
        if matches!(self.shape, Shape::Unknown) {
            self.shape = shape(self.source.peek(6)?, self.frame)?;
        }
        let Piece { length, ended } = match &mut self.shape {
            Shape::Zstd(frames) => match frames.next(&mut self.source, &mut bytes)? {
                Some(piece) => piece,
                None => {
                    let layout = &frames.layout;
                    return Ok(Next::End(End::Frames { odd: layout.odd(), table: layout.is_whole() }));
                }
            },
            _ => Piece { length: self.source.take(&mut bytes)?, ended: None },
        };
        if matches!(self.shape, Shape::Plain) && length == 0 {
            return Ok(Next::End(End::Plain));
        }
        Ok(Next::Chunk(Chunk { bytes, length, ended, sums: None }))
    }

    /// What was found wrong.
    pub(super) fn trouble(&self) -> Trouble {
        self.source.trouble
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
