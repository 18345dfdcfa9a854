//! Compressed frames as hostile input: what is in them, and whether they are those of an export. IO: the stream.

use super::frames::{FRAME_MAGIC, TABLE_MAGIC};
use super::layout::Layout;
use super::source::Source;
use crate::archive::broken;
use crate::failure::{Result, cannot, invalid};
use kompox_node_protocol::{Failure, Kind};
use std::io::{self, Read};
use zstd::stream::raw::{DParameter, Decoder, Operation};

/// Frames that need more memory (as a power of two) are refused; up to level 19 none does.
const WINDOW: u32 = 23;

/// Compressed frames on their way through.
pub(super) struct Frames {
    decoder: Decoder<'static>,
    /// Bytes of the present frame: compressed, expanded.
    inside: Option<(u64, u64)>,
    pub(super) layout: Layout,
}

/// What one step brought.
pub(super) struct Piece {
    /// So many bytes.
    pub(super) length: usize,
    /// With them ends a frame that an export can go on after, of this compressed length.
    pub(super) ended: Option<u32>,
}

impl Frames {
    pub(super) fn new(frame: usize) -> Result<Self> {
        let failed = |error| cannot("set up", "decompression", error);
        let mut decoder = Decoder::new().map_err(failed)?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW)).map_err(failed)?;
        Ok(Self { decoder, inside: None, layout: Layout::new(frame) })
    }

    /// Expands what comes next into `out`, at most up to the end of a frame; none at the end of the stream.
    pub(super) fn next<R: Read>(&mut self, source: &mut Source<R>, out: &mut [u8]) -> Result<Option<Piece>> {
        loop {
            let Some(inside) = self.inside else {
                if self.begin(source)? {
                    continue;
                }
                return Ok(None);
            };
            let piece = self.expand(source, inside, out)?;
            if piece.length > 0 || piece.ended.is_some() {
                return Ok(Some(piece));
            }
        }
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

    fn expand<R: Read>(
        &mut self,
        source: &mut Source<R>,
        (compressed, expanded): (u64, u64),
        out: &mut [u8],
    ) -> Result<Piece> {
        let input = source.peek(1)?;
        let no_more = input.is_empty();
        let done = self.decoder.run_on_buffers(input, out).map_err(|error| not_expanded(&error))?;
        source.from += done.bytes_read;
        let (compressed, expanded) =
            (compressed + done.bytes_read as u64, expanded + done.bytes_written as u64);
        let mut piece = Piece { length: done.bytes_written, ended: None };
        if done.remaining == 0 {
            self.inside = None;
            piece.ended = self.layout.end(compressed, expanded);
            return Ok(piece);
        }
        self.inside = Some((compressed, expanded));
        if done.bytes_read == 0 && done.bytes_written == 0 {
            return Err(if no_more {
                source.cut()
            } else {
                invalid("the archive is not understood: it stands still")
            });
        }
        Ok(piece)
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
