//! Looking at a file that may be an export, whole or cut, without taking it in. IO: the stream.

use super::ahead::expanded;
use super::frames::{FRAME, Resume};
use super::member::Member;
use super::members::Members;
use super::reading::{Most, Reading, Taker};
use super::source::Trouble;
use crate::failure::{Result, invalid};
use kompox_node_protocol::{ExportManifest, ExportTrailer, Failure};
use std::io::Read;
use std::path::Path;

/// What a file was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The whole frames, which an export can go on after; none for a file that is not compressed.
    pub frames: Resume,
    /// What the export says about itself, when it got so far.
    pub manifest: Option<ExportManifest>,
    /// Whether it is whole.
    pub state: State,
}

/// How far an export goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// To its end, and every sum and count is right.
    Complete(ExportTrailer),
    /// It ends too early. What there is was read without finding anything wrong.
    Cut,
    /// A tar archive from elsewhere, without anything that an import refuses.
    Foreign,
    /// It is wrong, or none.
    Broken(Failure),
}

/// Reads a file from its beginning to its end, or up to what is wrong. Only what is expanded and hashed tells the
/// truth, so this takes as long as an import without writing.
///
/// # Errors
/// Only those of reading the stream; a file that is no export is one that was [found](State::Broken) to be none.
pub fn inspect(file: impl Read + Send) -> Result<Inspected> {
    inspect_in(FRAME, file)
}

pub(super) fn inspect_in(frame: usize, file: impl Read + Send) -> Result<Inspected> {
    expanded(file, frame, |chunks| look_through(Members::new(chunks)))
}

fn look_through(mut members: Members<'_>) -> Result<Inspected> {
    let mut reading = Reading::default();
    let all = Most { bytes: u64::MAX, entries: u64::MAX, devices: false };
    let done = reading.read(&mut members, &all, &mut Nothing);
    let state = match (done, members.stream.trouble(), reading.trailer) {
        (Err(failure), Trouble::Stream, _) => return Err(failure),
        (Err(_), Trouble::Ended, _) => State::Cut,
        (Err(failure), Trouble::Content, _) => State::Broken(failure),
        (Ok(()), _, Some(trailer)) => State::Complete(trailer),
        // Whatever has the table of an export was one.
        (Ok(()), _, None) if members.stream.has_table() => {
            State::Broken(invalid("this is no export any more"))
        }
        (Ok(()), _, None) => State::Foreign,
    };
    Ok(Inspected { frames: members.stream.kept(), manifest: reading.manifest, state })
}

/// Passes over everything.
struct Nothing;

impl Taker for Nothing {
    fn take(&mut self, _: &Path, _: &Member, _: &mut Members<'_>, _: bool) -> Result<()> {
        Ok(())
    }
}
