//! Compressed frames as hostile input: what is in them, and whether they are those of an export. IO: the stream.

use super::frames::{FRAME_MAGIC, TABLE_MAGIC};
use super::layout::Layout;
use super::source::Source;
use crate::archive::broken;
use crate::failure::{Result, cannot, invalid};
use kompox_node_protocol::{Failure, Kind};
use sha2::Sha256;
use std::io::{self, Read};
use zstd::stream::raw::{DParameter, Decoder, Operation};

/// What is expanded at once.
const OUTPUT: usize = 1024 * 1024;
/// Frames that need more memory (as a power of two) are refused; up to level 19 none does.
const WINDOW: u32 = 23;

/// Compressed frames on their way through.
pub(super) struct Frames {
    decoder: Decoder<'static>,
    pub(super) out: Vec<u8>,
    /// What is there to take lies between these two.
    pub(super) at: usize,
    pub(super) filled: usize,
    /// Bytes of the present frame: compressed, expanded.
    inside: Option<(u64, u64)>,
    /// A frame that was read to its end, but perhaps not yet taken.
    ended: Option<(u64, u64)>,
    pub(super) layout: Layout,
}

impl Frames {
    pub(super) fn new(frame: usize) -> Result<Self> {
        let failed = |error| cannot("set up", "decompression", error);
        let mut decoder = Decoder::new().map_err(failed)?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW)).map_err(failed)?;
        let layout = Layout::new(frame);
        Ok(Self { decoder, out: vec![0; OUTPUT], at: 0, filled: 0, inside: None, ended: None, layout })
    }

    /// A frame counts when everything in it was taken.
    pub(super) fn settle(&mut self, sum: Option<&Sha256>) {
        if self.at == self.filled
            && let Some((compressed, expanded)) = self.ended.take()
        {
            self.layout.end(compressed, expanded, sum);
        }
    }

    /// Makes sure that something is there to take, unless the stream has ended.
    pub(super) fn fill<R: Read>(&mut self, source: &mut Source<R>, sum: Option<&Sha256>) -> Result<()> {
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
            self.layout.table(right);
        } else {
            self.layout.reject("it has a frame of unknown use");
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

pub(super) fn magic(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.first_chunk()?))
}

pub(super) fn is_skippable(magic: u32) -> bool {
    magic & 0xFFFF_FFF0 == 0x184D_2A50
}
