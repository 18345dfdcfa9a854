//! Whether the frames of a stream are those of an export: same size, one form, then their table. Pure.

use super::frames;

/// What was seen of the frames so far.
pub(super) struct Layout {
    frame: usize,
    lengths: Vec<u32>,
    /// Bytes in them.
    total: u64,
    /// A frame that is not full must be the last.
    short: bool,
    table: bool,
    /// Why this is not the layout of an export.
    odd: Option<&'static str>,
}

impl Layout {
    pub(super) fn new(frame: usize) -> Self {
        Self { frame, lengths: Vec::new(), total: 0, short: false, table: false, odd: None }
    }

    /// A frame begins with these bytes, of which there are fewer only at the end of the stream.
    pub(super) fn begin(&mut self, head: &[u8]) {
        let size = frames::content_size(head);
        if self.table {
            self.reject("something follows the table of its frames");
        } else if self.short {
            self.reject("a frame in the middle is too short");
        } else if !size.is_some_and(|size| size > 0 && size <= self.frame as u64) {
            self.reject("a frame has another form");
        }
    }

    /// A frame was read to its end. Returns its compressed length when an export can go on after it.
    pub(super) fn end(&mut self, compressed: u64, expanded: u64) -> Option<u32> {
        if self.odd.is_some() {
            return None;
        }
        let Ok(length) = u32::try_from(compressed) else {
            self.reject("a frame is too long");
            return None;
        };
        self.lengths.push(length);
        self.total += expanded;
        self.short = expanded < self.frame as u64;
        (!self.short).then_some(length)
    }

    /// The table that must follow the frames so far; none when nothing may follow.
    pub(super) fn expected_table(&mut self) -> Option<Vec<u8>> {
        if self.table || self.odd.is_some() {
            return None;
        }
        frames::table(&self.lengths, self.frame, self.total)
    }

    /// Whether the table was the expected one.
    pub(super) fn table(&mut self, right: bool) {
        self.table = true;
        if !right {
            self.reject("the table of its frames is wrong");
        }
    }

    /// This is no export any more.
    pub(super) fn reject(&mut self, why: &'static str) {
        self.odd.get_or_insert(why);
    }

    /// Why this is not the layout of an export.
    pub(super) fn odd(&self) -> Option<&'static str> {
        self.odd
    }

    /// Whether the table has come.
    pub(super) fn is_whole(&self) -> bool {
        self.table
    }
}
