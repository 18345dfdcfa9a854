//! The rules of an archive that is read: what must come first, in which order, and last. IO: the stream.

use super::header::Head;
use super::member::Member;
use super::members::{Members, is_file};
use super::{DATA, MANIFEST, TRAILER, hexadecimal};
use crate::archive::plain_path;
use crate::failure::{Result, invalid};
use crate::unpack::in_entry;
use kompox_node_protocol::{ExportManifest, ExportTrailer, Failure, Kind, MAX_MANIFEST_BYTES};
use std::path::{Path, PathBuf};
use tar::EntryType;

/// How much may be taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) bytes: u64,
    pub(super) entries: u64,
    pub(super) devices: bool,
}

/// Does something with each entry of the tree.
pub(super) trait Taker {
    /// `path` is plain, and empty for the top. `ours`: the archive is an export.
    fn take(&mut self, path: &Path, member: &Member, content: &mut Members<'_>, ours: bool) -> Result<()>;
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Stays when reading fails later.
    pub(super) manifest: Option<ExportManifest>,
    pub(super) trailer: Option<ExportTrailer>,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    last: PathBuf,
    last_is_folder: bool,
}

impl Reading {
    /// Reads a whole archive. An export is verified when this returns.
    pub(super) fn read(
        &mut self,
        members: &mut Members<'_>,
        most: &Most,
        taker: &mut impl Taker,
    ) -> Result<()> {
        let mut first = true;
        while let Some(member) = members.next()? {
            let path = String::from_utf8_lossy(&member.path).into_owned();
            self.entry(members, &member, first, most, taker).map_err(|failure| {
                // Less than was announced is a matter of the archive, not of the entry.
                if failure == crate::archive::cut() { failure } else { in_entry(Path::new(&path), failure) }
            })?;
            first = false;
        }
        match (&self.manifest, &self.trailer) {
            (None, _) => members.only_zeros(),
            (Some(_), None) => Err(invalid("the export has no trailer")),
            (Some(_), Some(_)) => members.stream.finish(),
        }
    }

    fn entry(
        &mut self,
        members: &mut Members<'_>,
        member: &Member,
        first: bool,
        most: &Most,
        taker: &mut impl Taker,
    ) -> Result<()> {
        if first && is_own(member, MANIFEST) {
            let text = members.content(MAX_MANIFEST_BYTES)?;
            members.be_strict();
            self.manifest = Some(ExportManifest::decode(&text).map_err(not_ours)?);
            return Ok(());
        }
        if first {
            members.stream.forget_sum();
        }
        let ours = self.manifest.is_some();
        if self.trailer.is_some() {
            return Err(invalid("something follows the trailer of the export"));
        }
        if ours && is_own(member, TRAILER) {
            return self.trailer(members);
        }
        let path = if ours { self.in_order(member)? } else { plain_path(&member.path, false)? };
        self.count(member, ours, most)?;
        taker.take(&path, member, members, ours)
    }

    /// Whether the sums are right.
    fn trailer(&mut self, members: &mut Members<'_>) -> Result<()> {
        let sum = members.sum_before();
        let text = members.content(MAX_MANIFEST_BYTES)?;
        let trailer = ExportTrailer::decode(&text).map_err(not_ours)?;
        if sum.map(|sum| hexadecimal(&sum)) != Some(trailer.sha256.clone()) {
            return Err(invalid("the checksum of the export is wrong"));
        }
        // No sum is over the trailer itself, so it must have its one form.
        let mut header = Vec::new();
        Head::own(TRAILER, text.len() as u64).write(&mut header)?;
        if header != members.raw_header() || trailer.encode().map_err(not_ours)?.as_bytes() != text {
            return Err(invalid("the trailer of the export has another form"));
        }
        if (trailer.entries, trailer.bytes) != (self.entries, self.bytes) {
            return Err(invalid("the counts of the export are wrong"));
        }
        self.trailer = Some(trailer);
        Ok(())
    }

    /// The path of an export's entry beneath the top. The order leaves no place for an entry that comes twice, and
    /// none for one whose folder was not there first.
    fn in_order(&mut self, member: &Member) -> Result<PathBuf> {
        let rest = member.path.strip_prefix(DATA.as_bytes());
        let path = plain_path(rest.ok_or_else(|| invalid("it is no part of an export"))?, true)?;
        let is_folder = member.kind == EntryType::Directory;
        let right = if self.entries == 0 {
            path == Path::new("") && is_folder
        } else {
            let parent = path.parent().unwrap_or(Path::new("/"));
            path > self.last && self.last.starts_with(parent) && (self.last_is_folder || self.last != parent)
        };
        if !right {
            return Err(invalid("it is out of order"));
        }
        self.last.clone_from(&path);
        self.last_is_folder = is_folder;
        Ok(path)
    }

    fn count(&mut self, member: &Member, ours: bool, most: &Most) -> Result<()> {
        let kind = member.kind;
        match kind {
            _ if is_file(kind) => {}
            EntryType::Char | EntryType::Block if !ours && !most.devices => {
                return Err(invalid("it is a device").hint("make the archive without it"));
            }
            EntryType::Directory
            | EntryType::Symlink
            | EntryType::Link
            | EntryType::Fifo
            | EntryType::Char
            | EntryType::Block => {
                if member.size > 0 {
                    return Err(invalid("it has data and is no file"));
                }
            }
            other => return Err(invalid(format!("entries of type {other:?} are not taken"))),
        }
        self.entries += 1;
        if self.entries > most.entries {
            let message = format!("the archive has more than {} entries", most.entries);
            return Err(
                Failure::new(Kind::Quota, message).hint("allow more entries if the archive is trusted")
            );
        }
        let bytes = self.bytes.checked_add(member.size).filter(|bytes| *bytes <= most.bytes);
        self.bytes = bytes.ok_or_else(|| {
            Failure::new(Kind::Quota, format!("the files of the archive have more than {} bytes", most.bytes))
                .hint("make the disk larger, or allow more bytes")
        })?;
        Ok(())
    }
}

/// Whether this is an entry of the program's own.
fn is_own(member: &Member, name: &str) -> bool {
    member.bare && member.kind == EntryType::Regular && member.path == name.as_bytes()
}

fn not_ours(error: kompox_node_protocol::ManifestError) -> Failure {
    use std::error::Error as _;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    invalid(format!("{error}{cause}"))
}
