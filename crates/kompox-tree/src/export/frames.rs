//! The outer layer of an export: zstd frames that are cut at fixed places, and the table behind them. Pure.
//!
//! Every frame stands for itself, so an export that was cut can go on after its last whole frame.

/// Uncompressed bytes of every frame but the last, which has at most so many.
pub(super) const FRAME: usize = 8 * 1024 * 1024;
/// What a frame begins with.
pub(super) const FRAME_MAGIC: u32 = 0xFD2F_B528;
/// What the table's frame begins with, which decoders skip.
pub(super) const TABLE_MAGIC: u32 = 0x184D_2A5E;
/// The last bytes of the table.
const SEEKABLE_MAGIC: u32 = 0x8F92_EAB1;

/// The whole frames of an export that was cut, for [`export`](super::export) to go on after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The compressed length of each frame, in bytes.
    pub frames: Vec<u32>,
    /// SHA-256 of what is in them.
    pub sha256: [u8; 32],
}

impl Resume {
    /// The length of the frames in the file: what follows is cut off before the rest is appended.
    #[must_use]
    pub fn compressed_len(&self) -> u64 {
        self.frames.iter().map(|length| u64::from(*length)).sum()
    }

    /// How much is in the frames: bytes of the tar archive.
    #[must_use]
    pub fn offset(&self) -> u64 {
        (self.frames.len() * FRAME) as u64
    }
}

/// The table of frames with these compressed lengths, `frame` bytes in each but the last, `total` bytes in all. None
/// for more frames than a table can have.
pub(super) fn table(frames: &[u32], frame: usize, total: u64) -> Option<Vec<u8>> {
    let count = u32::try_from(frames.len()).ok()?;
    let size = u32::try_from(frames.len() * 8 + 9).ok()?;
    let mut table = Vec::with_capacity(frames.len() * 8 + 17);
    table.extend_from_slice(&TABLE_MAGIC.to_le_bytes());
    table.extend_from_slice(&size.to_le_bytes());
    let mut left = total;
    for length in frames {
        let inside = left.min(frame as u64);
        left -= inside;
        table.extend_from_slice(&length.to_le_bytes());
        table.extend_from_slice(&u32::try_from(inside).ok()?.to_le_bytes());
    }
    table.extend_from_slice(&count.to_le_bytes());
    // No checksums of its own: every frame has one.
    table.push(0);
    table.extend_from_slice(&SEEKABLE_MAGIC.to_le_bytes());
    Some(table)
}

/// How much a frame that begins with `head` says to hold; none when its header is not the one form that an export
/// uses: one segment, size and checksum given, nothing else, in the fewest bytes.
pub(super) fn content_size(head: &[u8]) -> Option<u64> {
    const PLAIN: u8 = 0b0010_0100;
    let (descriptor, size) = (head.get(4)?, head.get(5..)?);
    if descriptor & 0b0011_1111 != PLAIN {
        return None;
    }
    match (descriptor >> 6, size) {
        (0, [size, ..]) => Some(u64::from(*size)),
        (1, [low, high, ..]) => Some(u64::from(u16::from_le_bytes([*low, *high])) + 256),
        (2, [a, b, c, d, ..]) => {
            Some(u64::from(u32::from_le_bytes([*a, *b, *c, *d]))).filter(|size| *size >= 65536 + 256)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_one_of_the_seekable_format() {
        let table = table(&[7, 258], 10, 13).unwrap();
        let expected = [
            &[0x5E, 0x2A, 0x4D, 0x18][..],
            &[25, 0, 0, 0],
            &[7, 0, 0, 0, 10, 0, 0, 0],
            &[2, 1, 0, 0, 3, 0, 0, 0],
            &[2, 0, 0, 0, 0, 0xB1, 0xEA, 0x92, 0x8F],
        ];
        assert_eq!(table, expected.concat());
    }

    #[test]
    fn headers_in_another_form_are_told_apart() {
        let head = |bytes: &[u8]| content_size(&[&[0; 4], bytes].concat());
        assert_eq!(head(&[0x24, 9]), Some(9));
        assert_eq!(head(&[0x64, 1, 2]), Some(513 + 256));
        assert_eq!(head(&[0xA4, 0, 0, 2, 0]), Some(131_072));
        // A size that has a shorter form, no size, a dictionary, no checksum, a window, the unused bit.
        for bad in [
            &[0xA4, 0, 0, 1, 0][..],
            &[0xE4, 0, 0, 0, 0],
            &[0x25, 9],
            &[0x20, 9],
            &[0x04, 9],
            &[0x34, 9],
            &[],
        ] {
            assert_eq!(head(bad), None, "{bad:?}");
        }
    }
}
