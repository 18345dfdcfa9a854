//! Archives made by hand, as no program of good will makes them.

use super::*;
use header::Head;
use sha2::{Digest, Sha256};
use tar::EntryType;

/// One entry: path, kind, link, content.
pub(super) type Item<'a> = (&'a str, EntryType, &'a str, &'a [u8]);

pub(super) fn head<'a>(item: &Item<'a>) -> Head<'a> {
    let (path, kind, link, content) = *item;
    Head {
        kind,
        mode: 0o755,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        link: link.as_bytes(),
        ..Head::own(path, content.len() as u64)
    }
}

pub(super) fn block(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(512), 0);
}

pub(super) fn entries(items: &[Item<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for item in items {
        head(item).write(&mut out).unwrap();
        block(&mut out, item.3);
    }
    out
}

/// An archive from elsewhere.
pub(super) fn foreign(items: &[Item<'_>]) -> Vec<u8> {
    [entries(items), vec![0; 1024]].concat()
}

/// An export whose sums are right, whatever its tree is. Entries with an empty path are left as they are.
pub(super) fn export_of(tree: &[u8], count: u64, bytes: u64) -> Vec<u8> {
    let text = manifest().encode().unwrap();
    let mut out = entries(&[(MANIFEST, EntryType::Regular, "", text.as_bytes())]);
    out.extend_from_slice(tree);
    trailed(out, count, bytes)
}

pub(super) fn trailed(mut out: Vec<u8>, entries: u64, bytes: u64) -> Vec<u8> {
    let sha256 = hexadecimal(&Sha256::digest(&out).into());
    let trailer =
        kompox_node_protocol::ExportTrailer { entries, bytes, left_out: 0, sha256 }.encode().unwrap();
    Head::own(TRAILER, trailer.len() as u64).write(&mut out).unwrap();
    block(&mut out, trailer.as_bytes());
    out.resize(out.len() + 1024, 0);
    out
}

pub(super) fn as_export(items: &[Item<'_>]) -> Vec<u8> {
    let bytes = items.iter().map(|item| item.3.len() as u64).sum();
    export_of(&entries(items), items.len() as u64, bytes)
}

pub(super) const ROOT: Item<'static> = ("data/", EntryType::Directory, "", b"");

pub(super) fn refused(archive: &[u8], message: &str) {
    let failure = taken_in(archive).unwrap_err();
    assert!(failure.message.contains(message), "expected `{message}`, got: {}", failure.message);
    assert!(matches!(failure.kind, Kind::Invalid | Kind::Unsupported | Kind::Quota), "{failure:?}");
}
