//! The entries of a tar archive, one after the other, as hostile input. IO: the stream.

use super::chunks::{Chunks, Mark};
use super::member::{Before, Member, member};
use super::pax;
use super::sparse::{MapReader, Sparse};
use crate::archive::HEADER_LIMIT;
use crate::failure::{Result, invalid};
use tar::{EntryType, Header};

pub(super) const BLOCK: usize = 512;

/// A tar archive.
pub(super) struct Members<'a> {
    pub(super) stream: Chunks<'a>,
    /// Bytes of the present entry's data that were not taken yet.
    left: u64,
    /// Bytes behind them up to the next block.
    padding: u64,
    /// Where the present entry begins.
    start: Option<Mark>,
    /// The present entry's own header.
    header: Header,
    /// Whether what fills the last block of an entry must be zeros.
    strict: bool,
}

impl<'a> Members<'a> {
    pub(super) fn new(stream: Chunks<'a>) -> Self {
        Self { stream, left: 0, padding: 0, start: None, header: Header::new_old(), strict: false }
    }

    /// The next entry; none at the archive's end mark. What the last one's reader left is passed over.
    pub(super) fn next(&mut self) -> Result<Option<Member>> {
        self.pass()?;
        self.start = Some(self.stream.mark());
        let mut before = Before::default();
        let mut budget = HEADER_LIMIT;
        loop {
            let Some(header) = self.header()? else {
                let whole = before.pax.is_none() && before.long_name.is_none() && before.long_link.is_none();
                return if whole { Ok(None) } else { Err(invalid("the archive ends with half an entry")) };
            };
            let kind = header.entry_type();
            match kind {
                EntryType::XHeader => once(&mut before.pax, self.text(&header, &mut budget)?)?,
                EntryType::GNULongName => {
                    once(&mut before.long_name, without_zero(self.text(&header, &mut budget)?))?;
                }
                EntryType::GNULongLink => {
                    once(&mut before.long_link, without_zero(self.text(&header, &mut budget)?))?;
                }
                // `git archive` begins with a comment.
                EntryType::XGlobalHeader => {
                    let records = self.text(&header, &mut budget)?;
                    pax::each(&records, |key, _| match key {
                        b"comment" => Ok(()),
                        _ => Err(invalid("the archive has a header for all entries, which is not read")),
                    })?;
                }
                _ => {
                    let member = self.begin(&header, &before)?;
                    self.header = header;
                    return Ok(Some(member));
                }
            }
        }
    }

    /// The present entry's own header, as it is.
    pub(super) fn raw_header(&self) -> &[u8; BLOCK] {
        self.header.as_bytes()
    }

    /// From now on the archive must be one of this program.
    pub(super) fn be_strict(&mut self) {
        self.strict = true;
    }

    /// Some bytes of the present entry's data; none after the last.
    pub(super) fn chunk(&mut self) -> Result<&[u8]> {
        if self.left == 0 {
            return Ok(&[]);
        }
        if self.stream.chunk()?.is_empty() {
            return Err(self.stream.cut());
        }
        let chunk = self.stream.chunk()?;
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(chunk.len());
        Ok(&chunk[..most])
    }

    /// The first `length` bytes of the last chunk are taken.
    pub(super) fn consume(&mut self, length: usize) {
        self.stream.consume(length);
        self.left -= length as u64;
    }

    /// All of the present entry's data, at most `most` bytes.
    pub(super) fn content(&mut self, most: usize) -> Result<Vec<u8>> {
        if self.left > most as u64 {
            return Err(invalid(format!("it is longer than {most} bytes")));
        }
        let mut content = Vec::new();
        loop {
            let chunk = self.chunk()?;
            let length = chunk.len();
            if length == 0 {
                return Ok(content);
            }
            content.extend_from_slice(chunk);
            self.consume(length);
        }
    }

    /// SHA-256 of all bytes before the present entry; none when nobody keeps it.
    pub(super) fn sum_before(&self) -> Option<[u8; 32]> {
        self.start.as_ref().and_then(Mark::sum)
    }

    /// Nothing but zeros may follow, and not many.
    pub(super) fn only_zeros(&mut self) -> Result<()> {
        const MOST: u64 = 16 * 1024 * 1024;
        let mut seen = 0;
        loop {
            let chunk = self.stream.chunk()?;
            let length = chunk.len();
            if length == 0 {
                return Ok(());
            }
            seen += length as u64;
            if seen > MOST || chunk.iter().any(|byte| *byte != 0) {
                return Err(invalid("something follows the end mark of the archive"));
            }
            self.stream.consume(length);
        }
    }

    fn begin(&mut self, header: &Header, before: &Before) -> Result<Member> {
        let (mut member, holes) = member(header, before)?;
        self.expect(member.size);
        let Some(real) = holes else { return Ok(member) };
        if !is_file(member.kind) {
            return Err(invalid("it is no file and has holes"));
        }
        let mut reader = MapReader::default();
        while !reader.is_done() {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Err(invalid("the map of its holes is cut short"));
            }
            let taken = reader.take(chunk)?;
            self.consume(taken);
        }
        self.drop_padding(reader.taken())?;
        member.size = self.left;
        member.sparse = Some(Sparse::checked(real, reader.into_extents(), member.size)?);
        Ok(member)
    }

    /// The map fills whole blocks.
    fn drop_padding(&mut self, taken: u64) -> Result<()> {
        let mut over = taken.next_multiple_of(BLOCK as u64) - taken;
        while over > 0 {
            let chunk = self.chunk()?;
            let part = usize::try_from(over).unwrap_or(usize::MAX).min(chunk.len());
            if part == 0 {
                return Err(invalid("the map of its holes is cut short"));
            }
            self.consume(part);
            over -= part as u64;
        }
        Ok(())
    }

    fn expect(&mut self, size: u64) {
        self.left = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    }

    /// Everything up to the next header.
    fn pass(&mut self) -> Result<()> {
        loop {
            let length = self.chunk()?.len();
            if length == 0 {
                break;
            }
            self.consume(length);
        }
        self.left = std::mem::take(&mut self.padding);
        while self.left > 0 {
            let strict = self.strict;
            let chunk = self.chunk()?;
            if strict && chunk.iter().any(|byte| *byte != 0) {
                return Err(invalid("the archive has something between two entries"));
            }
            let length = chunk.len();
            self.consume(length);
        }
        Ok(())
    }

    /// The next header; none for the end mark, which is two blocks of zeros.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut header = Header::new_old();
        self.block(header.as_mut_bytes())?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            let mut second = [0; BLOCK];
            self.block(&mut second)?;
            return if second == [0; BLOCK] {
                Ok(None)
            } else {
                Err(invalid("the archive has an empty header"))
            };
        }
        let sum = header.as_bytes().iter().enumerate();
        // The sum's own field counts as spaces.
        let sum: u32 =
            sum.map(|(at, byte)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte })).sum();
        if header.cksum().ok() != Some(sum) {
            return Err(invalid("the archive is not understood: the checksum of a header is wrong"));
        }
        Ok(Some(header))
    }

    fn block(&mut self, block: &mut [u8; BLOCK]) -> Result<()> {
        if self.stream.read(block)? < BLOCK { Err(self.stream.cut()) } else { Ok(()) }
    }

    /// The text of a header that says something about the next entry.
    fn text(&mut self, header: &Header, budget: &mut u64) -> Result<Vec<u8>> {
        let size = header.entry_size().map_err(|error| crate::archive::broken(&error))?;
        let used = size.saturating_add(BLOCK as u64);
        *budget = budget
            .checked_sub(used)
            .ok_or_else(|| invalid(format!("the archive has a header of more than {HEADER_LIMIT} bytes")))?;
        self.expect(size);
        let text = self.content(usize::try_from(size).unwrap_or(usize::MAX))?;
        self.pass()?;
        Ok(text)
    }
}

/// Whether an entry of this type is a file with data.
pub(super) fn is_file(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous)
}

fn once(place: &mut Option<Vec<u8>>, text: Vec<u8>) -> Result<()> {
    match place.replace(text) {
        None => Ok(()),
        Some(_) => Err(invalid("the archive has two extended headers for one entry")),
    }
}

fn without_zero(mut text: Vec<u8>) -> Vec<u8> {
    if text.last() == Some(&0) {
        text.pop();
    }
    text
}
