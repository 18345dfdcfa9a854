//! The holes of a file: found by what the file system knows, written and read as GNU's map of form 1.0. IO: seeking.

use super::pax;
use crate::failure::{Result, invalid};
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write as _;

/// So many parts of one file are kept in memory. The smallest holes of a file with more are written as zeros.
pub(super) const PARTS: usize = 256 * 1024;

/// Offset and length of a part that has data, in bytes.
pub(super) type Extent = (u64, u64);

/// A file with holes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sparse {
    /// The file's size, holes included.
    pub(super) real: u64,
    pub(super) extents: Vec<Extent>,
}

impl Sparse {
    /// The holes of a file of `size` bytes; none when it has none, or the file system cannot tell.
    pub(super) fn find(file: &File, size: u64) -> rustix::io::Result<Option<Self>> {
        match seek(file, SeekFrom::Hole(0)) {
            Ok(hole) if hole < size => {}
            Ok(_) | Err(Errno::NXIO | Errno::INVAL | Errno::NOTSUP) => return Ok(None),
            Err(error) => return Err(error),
        }
        let mut least = 0;
        loop {
            if let Some(extents) = extents(file, size, least, PARTS)? {
                // Holes that are too small to count may have been all.
                let solid = extents == [(0, size)];
                return Ok((!solid).then_some(Self { real: size, extents }));
            }
            least = (least * 2).max(64 * 1024);
        }
    }

    /// Bytes of data.
    pub(super) fn data(&self) -> u64 {
        self.extents.iter().map(|(_, length)| length).sum()
    }

    /// The map, without the zeros that fill its last block.
    pub(super) fn map(&self) -> Vec<u8> {
        let ends_in_hole = self.extents.last().is_none_or(|(offset, length)| offset + length < self.real);
        let mut map = format!("{}\n", self.extents.len() + usize::from(ends_in_hole)).into_bytes();
        // Without this one, GNU tar makes a file that ends too early.
        let end = ends_in_hole.then_some((self.real, 0));
        for (offset, length) in self.extents.iter().chain(&end) {
            // Writing to memory cannot fail.
            let _ = write!(map, "{offset}\n{length}\n");
        }
        map
    }

    /// A map that was read, when it is true: parts in order, inside the file, and `data` bytes in all.
    pub(super) fn checked(real: u64, extents: Vec<Extent>, data: u64) -> Result<Self> {
        let (mut end, mut sum) = (0_u64, 0_u64);
        for (offset, length) in &extents {
            let next = offset.checked_add(*length).filter(|next| *offset >= end && *next <= real);
            end = next.ok_or_else(|| invalid("the map of its holes is wrong"))?;
            sum += length;
        }
        if sum != data || i64::try_from(real).is_err() {
            return Err(invalid("the map of its holes is wrong"));
        }
        Ok(Self { real, extents })
    }
}

/// The parts with data, where a hole of less than `least` bytes counts as data; none when there are more than `most`.
fn extents(file: &File, size: u64, least: u64, most: usize) -> rustix::io::Result<Option<Vec<Extent>>> {
    let mut extents: Vec<Extent> = Vec::new();
    let mut at = 0;
    while at < size {
        let start = match seek(file, SeekFrom::Data(at)) {
            Ok(start) if start < size => start,
            Ok(_) | Err(Errno::NXIO) => break,
            Err(error) => return Err(error),
        };
        at = seek(file, SeekFrom::Hole(start))?.clamp(start + 1, size);
        let full = extents.len() == most;
        match extents.last_mut() {
            Some((offset, length)) if start - (*offset + *length) < least => *length = at - *offset,
            _ if start < least => extents.push((0, at)),
            _ if full => return Ok(None),
            _ => extents.push((start, at - start)),
        }
    }
    if let Some((offset, length)) = extents.last_mut()
        && size - (*offset + *length) < least
    {
        *length = size - *offset;
    }
    Ok(Some(extents))
}

/// Reads a map: decimal numbers, one a line; first how many pairs there are.
#[derive(Default)]
pub(super) struct MapReader {
    digits: Vec<u8>,
    count: Option<u64>,
    offset: Option<u64>,
    extents: Vec<Extent>,
    taken: u64,
}

impl MapReader {
    pub(super) fn is_done(&self) -> bool {
        self.count == Some(self.extents.len() as u64)
    }

    /// Bytes taken so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) fn into_extents(self) -> Vec<Extent> {
        self.extents
    }

    /// Takes bytes up to the end of the map. Returns how many.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut taken = 0;
        while let (false, Some(byte)) = (self.is_done(), bytes.get(taken)) {
            taken += 1;
            match byte {
                b'0'..=b'9' if self.digits.len() < 20 => self.digits.push(*byte),
                b'\n' => self.number()?,
                _ => return Err(invalid("the map of its holes is not understood")),
            }
        }
        self.taken += taken as u64;
        Ok(taken)
    }

    fn number(&mut self) -> Result<()> {
        let number =
            pax::number(&self.digits).ok_or_else(|| invalid("the map of its holes is not understood"))?;
        self.digits.clear();
        match (self.count, self.offset.take()) {
            // GNU tar's last pair may be empty.
            (None, _) if number > PARTS as u64 + 1 => {
                return Err(invalid(format!("it has more than {PARTS} holes"))
                    .hint("make the archive without the holes of this file"));
            }
            (None, _) => self.count = Some(number),
            (Some(_), None) => self.offset = Some(number),
            (Some(_), Some(offset)) => self.extents.push((offset, number)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    const STEP: u64 = 64 * 1024;

    #[test]
    fn the_smallest_holes_become_data_when_there_are_too_many() {
        let root = tempfile::tempdir().unwrap();
        let file = File::create(root.path().join("f")).unwrap();
        file.set_len(100 * STEP).unwrap();
        for at in [1, 3, 5, 50] {
            file.write_all_at(&[1; STEP as usize], at * STEP).unwrap();
        }
        file.sync_all().unwrap();
        let parts = [(STEP, STEP), (3 * STEP, STEP), (5 * STEP, STEP), (50 * STEP, STEP)];
        assert_eq!(extents(&file, 100 * STEP, 0, 4).unwrap(), Some(parts.to_vec()));
        assert_eq!(extents(&file, 100 * STEP, 0, 3).unwrap(), None);
        let fewer = vec![(0, 6 * STEP), (50 * STEP, STEP)];
        assert_eq!(extents(&file, 100 * STEP, 2 * STEP, 3).unwrap(), Some(fewer));
        assert_eq!(extents(&file, 100 * STEP, 200 * STEP, 3).unwrap(), Some(vec![(0, 100 * STEP)]));
    }
}
