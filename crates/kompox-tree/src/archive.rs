//! Reading a tar archive entry by entry, as hostile input. IO: the stream it is given.

use crate::failure::{Result, invalid};
use kompox_node_protocol::{COPY_PREFIX, FILL_PREFIX, Failure};
use std::cell::Cell;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use tar::{Archive, Entry, EntryType};

/// The longest path of an entry, in bytes; the system's own limit.
pub(crate) const PATH_LIMIT: usize = 4096;
/// The most that an archive may put between the contents of two entries: their headers are kept in memory.
pub(crate) const HEADER_LIMIT: u64 = 1024 * 1024;

/// Calls `take` for each entry with its plain path, which is empty for the folder itself. Returns their number; more
/// than `most` are refused. The archive must have its end mark: a stream that was cut is not taken for a whole one.
pub(crate) fn each(
    mut content: impl Read,
    most: u64,
    mut take: impl FnMut(&Path, &mut Entry<'_, Watched<'_>>) -> Result<()>,
) -> Result<u64> {
    let state = State::default();
    let mut archive = Archive::new(Watched { content: &mut content, state: &state });
    let mut count = 0;
    let mut entries = archive.entries().map_err(|error| broken(&error))?;
    loop {
        state.budget.set(HEADER_LIMIT);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(|error| state.explain(&error))?;
        state.budget.set(u64::MAX);
        // `git archive` begins with one; it says nothing about files.
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            continue;
        }
        count += 1;
        if count > most {
            return Err(invalid(format!("the archive has more than {most} entries")));
        }
        let path = plain_path(&entry.path_bytes(), false)?;
        take(&path, &mut entry)?;
    }
    if state.ended.get() { Err(cut()) } else { Ok(count) }
}

/// What a reader remembers for the loop above.
#[derive(Default)]
struct State {
    /// The end of the stream was seen, which comes after the archive's own end mark.
    ended: Cell<bool>,
    /// Bytes that may still be read.
    budget: Cell<u64>,
    overdrawn: Cell<bool>,
}

impl State {
    fn explain(&self, error: &io::Error) -> Failure {
        if self.overdrawn.get() {
            invalid(format!("the archive has a header of more than {HEADER_LIMIT} bytes"))
        } else if self.ended.get() {
            cut()
        } else {
            broken(error)
        }
    }
}

/// The stream of an archive, watched.
pub(crate) struct Watched<'a> {
    content: &'a mut dyn Read,
    state: &'a State,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.state.budget.get()).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 && !buffer.is_empty() {
            self.state.overdrawn.set(true);
            return Err(io::Error::other("too much to read"));
        }
        let read = self.content.read(&mut buffer[..most])?;
        self.state.budget.set(self.state.budget.get().saturating_sub(read as u64));
        if read == 0 && !buffer.is_empty() {
            self.state.ended.set(true);
        }
        Ok(read)
    }
}

/// The stream ended too early.
pub(crate) fn cut() -> Failure {
    invalid("the archive is cut short").hint("repeat the command; nothing was changed")
}

/// The stream is no archive.
pub(crate) fn broken(error: &io::Error) -> Failure {
    invalid(format!("the archive is not understood: {error}"))
}

/// An entry's path as plain components; empty for the folder itself. `unfinished`: also names of unfinished content.
pub(crate) fn plain_path(bytes: &[u8], unfinished: bool) -> Result<PathBuf> {
    let path = Path::new(OsStr::from_bytes(bytes));
    let refuse = |why: &str| Err(invalid(format!("archive entry `{}` {why}", path.display())));
    if bytes.len() > PATH_LIMIT || bytes.contains(&0) {
        return refuse("is no path");
    }
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) if !unfinished && is_unfinished(name) => {
                return refuse("uses the name of unfinished content");
            }
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return refuse("is absolute"),
            Component::ParentDir => return refuse("leads out of the folder"),
        }
    }
    Ok(plain)
}

/// The name of something that a run of this program writes aside or has left behind.
pub(crate) fn is_unfinished(name: &OsStr) -> bool {
    [FILL_PREFIX, COPY_PREFIX].iter().any(|prefix| name.as_bytes().starts_with(prefix.as_bytes()))
}
