//! The way into an archive: perhaps compressed bytes in, the archive's bytes out, as hostile input. IO: the stream.

use super::frames::{FRAME_MAGIC, Resume, TABLE_MAGIC};
use super::layout::Layout;
use crate::archive::{broken, cut};
use crate::failure::{Result, cannot, invalid};
use kompox_node_protocol::{Failure, Kind};
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use zstd::stream::raw::{DParameter, Decoder, Operation};

/// What is read at once.
const INPUT: usize = 256 * 1024;
/// What is expanded at once.
const OUTPUT: usize = 1024 * 1024;
/// Frames that need more memory (as a power of two) are refused; up to level 19 none does.
const WINDOW: u32 = 23;

/// What was found wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The content, if anything.
    Content,
    /// There was less of it than there should be.
    Ended,
    /// The stream itself.
    Stream,
}

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
        let source = Source { input, raw: vec![0; INPUT], from: 0, to: 0, trouble: Trouble::Content };
        Self { source, shape: Shape::Unknown, frame, sum: Some(Sha256::new()) }
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

fn magic(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.first_chunk()?))
}

fn is_skippable(magic: u32) -> bool {
    magic & 0xFFFF_FFF0 == 0x184D_2A50
}

/// The bytes as they come.
struct Source<R> {
    input: R,
    raw: Vec<u8>,
    from: usize,
    to: usize,
    trouble: Trouble,
}

impl<R: Read> Source<R> {
    /// The next bytes, `least` of them unless the stream ends before.
    fn peek(&mut self, least: usize) -> Result<&[u8]> {
        while self.to - self.from < least {
            if self.from == self.to || self.raw.len() - self.from < least.max(INPUT / 8) {
                self.raw.copy_within(self.from..self.to, 0);
                (self.from, self.to) = (0, self.to - self.from);
            }
            match self.input.read(&mut self.raw[self.to..]) {
                Ok(0) => break,
                Ok(read) => self.to += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.trouble = Trouble::Stream;
                    return Err(cannot("read", "the archive", error));
                }
            }
        }
        Ok(&self.raw[self.from..self.to])
    }

    fn cut(&mut self) -> Failure {
        self.trouble = Trouble::Ended;
        cut()
    }
}

/// Compressed frames on their way through.
struct Frames {
    decoder: Decoder<'static>,
    out: Vec<u8>,
    at: usize,
    filled: usize,
    /// Bytes of the present frame: compressed, expanded.
    inside: Option<(u64, u64)>,
    /// A frame that was read to its end, but perhaps not yet taken.
    ended: Option<(u64, u64)>,
    layout: Layout,
}

impl Frames {
    fn new(frame: usize) -> Result<Self> {
        let failed = |error| cannot("set up", "decompression", error);
        let mut decoder = Decoder::new().map_err(failed)?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW)).map_err(failed)?;
        let layout = Layout::new(frame);
        Ok(Self { decoder, out: vec![0; OUTPUT], at: 0, filled: 0, inside: None, ended: None, layout })
    }

    /// A frame counts when everything in it was taken.
    fn settle(&mut self, sum: Option<&Sha256>) {
        if self.at == self.filled
            && let Some((compressed, expanded)) = self.ended.take()
        {
            self.layout.end(compressed, expanded, sum);
        }
    }

    /// Makes sure that something is there to take, unless the stream has ended.
    fn fill<R: Read>(&mut self, source: &mut Source<R>, sum: Option<&Sha256>) -> Result<()> {
        while self.at == self.filled {
            self.settle(sum);
            match self.inside {
                Some(inside) => self.expand(source, inside)?,
                None => {
                    if !self.begin(source)? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Begins a frame, or reads a skippable one. False at the end of the stream.
    fn begin<R: Read>(&mut self, source: &mut Source<R>) -> Result<bool> {
        let head = source.peek(9)?;
        if head.is_empty() {
            return Ok(false);
        }
        match magic(head) {
            None if self.layout.is_whole() => return Err(invalid("something follows the end of the export")),
            None => return Err(source.cut()),
            Some(FRAME_MAGIC) => {
                self.layout.begin(head);
                self.inside = Some((0, 0));
            }
            Some(magic) if is_skippable(magic) => self.skip(source, magic)?,
            Some(_) => {
                return Err(invalid("the archive is not understood: something follows its last frame"));
            }
        }
        Ok(true)
    }

    fn expand<R: Read>(&mut self, source: &mut Source<R>, inside: (u64, u64)) -> Result<()> {
        let input = source.peek(1)?;
        let ended = input.is_empty();
        let done = self.decoder.run_on_buffers(input, &mut self.out).map_err(|error| not_expanded(&error))?;
        source.from += done.bytes_read;
        (self.at, self.filled) = (0, done.bytes_written);
        let inside = (inside.0 + done.bytes_read as u64, inside.1 + done.bytes_written as u64);
        self.inside = Some(inside);
        if done.remaining == 0 {
            self.ended = self.inside.take();
        } else if done.bytes_read == 0 && done.bytes_written == 0 {
            return Err(if ended {
                source.cut()
            } else {
                invalid("the archive is not understood: it stands still")
            });
        }
        Ok(())
    }

    fn skip<R: Read>(&mut self, source: &mut Source<R>, magic: u32) -> Result<()> {
        let head = source.peek(8)?;
        let Some(size) = head.get(4..).and_then(|size| size.first_chunk()) else { return Err(source.cut()) };
        let whole = u64::from(u32::from_le_bytes(*size)) + 8;
        let expected = if magic == TABLE_MAGIC { self.layout.expected_table() } else { None };
        let expected = expected.filter(|table| table.len() as u64 == whole);
        let (mut done, mut right) = (0, expected.is_some());
        while done < whole {
            let bytes = source.peek(1)?;
            if bytes.is_empty() {
                return Err(source.cut());
            }
            let part = usize::try_from(whole - done).unwrap_or(usize::MAX).min(bytes.len());
            if let (Some(table), Ok(at)) = (&expected, usize::try_from(done)) {
                right &= table.get(at..at + part) == Some(&bytes[..part]);
            }
            source.from += part;
            done += part as u64;
        }
        if expected.is_some() {
            self.layout.table(right)
        } else {
            self.layout.reject("it has a frame of unknown use")
        }
        Ok(())
    }
}

fn not_expanded(error: &io::Error) -> Failure {
    if error.to_string().contains("too much memory") {
        return Failure::new(Kind::Unsupported, format!("the archive is not read: {error}"))
            .hint("compress it again by zstd with a level of at most 19 and without --long");
    }
    broken(error)
}
