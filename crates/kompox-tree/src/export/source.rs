//! The bytes of an archive as they come, and what was wrong with them. IO: the stream.

use crate::archive::cut;
use crate::failure::{Result, cannot};
use kompox_node_protocol::Failure;
use std::io::{self, Read};

/// What is read at once.
const INPUT: usize = 256 * 1024;

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

/// The bytes as they come.
pub(super) struct Source<R> {
    input: R,
    pub(super) raw: Vec<u8>,
    /// What is there of them lies between these two.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) trouble: Trouble,
}

impl<R: Read> Source<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, raw: vec![0; INPUT], from: 0, to: 0, trouble: Trouble::Content }
    }

    /// The next bytes, `least` of them unless the stream ends before.
    pub(super) fn peek(&mut self, least: usize) -> Result<&[u8]> {
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

    /// Moves some of the next bytes to `bytes`; none at the end of the stream.
    pub(super) fn take(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let there = self.peek(1)?;
        let length = there.len().min(bytes.len());
        bytes[..length].copy_from_slice(&there[..length]);
        self.from += length;
        Ok(length)
    }

    pub(super) fn cut(&mut self) -> Failure {
        self.trouble = Trouble::Ended;
        cut()
    }
}
