//! Exports and archives, good ones and hostile ones.

mod bombs;
mod crafted;
mod damage;
mod faults;
mod hostile;
mod other_programs;
mod random;
mod resume;
mod round_trip;
mod streams;
mod tree;

use super::import::import_in;
use super::inspect::inspect_in;
use super::write::export_in;
use super::*;
use crate::failure::Result;
use crate::folder::Folder;
use kompox_node_protocol::{EXPORT_FORMAT, ExportManifest, Identity, Kind};
use std::path::Path;
use tree::{Facts, facts};

/// Small frames, so that small trees have several.
const SMALL: usize = 2048;

const PLENTY: Limits = Limits { max_bytes: 1 << 30, max_entries: 10_000, devices: false };

fn manifest() -> ExportManifest {
    ExportManifest {
        format: EXPORT_FORMAT,
        identity: Identity { workspace: "ws".into(), provider: "prv".into(), app: "app".into() },
        volume: "default".into(),
        disk: "d1".into(),
        snapshot: Some("nightly".into()),
        source: "empty".into(),
        size_bytes: 1 << 30,
        created_at: "2026-01-31T08:15:00Z".into(),
        exported_at: "2026-02-01T08:15:00Z".into(),
        atomic: true,
        program: "0.1.0".into(),
    }
}

/// An export with small frames.
fn exported(tree: &Path, resume: Option<Resume>) -> Result<(Vec<u8>, Exported)> {
    let mut out = Vec::new();
    let options = Options { resume, ..Options::default() };
    let exported = export_in(SMALL, &Folder::root(tree)?, &manifest(), options, &mut out)?;
    Ok((out, exported))
}

fn imported(target: &Path, archive: &[u8]) -> Result<Imported> {
    import_in(SMALL, &Folder::root(target)?, archive, &PLENTY, |_| ())
}

fn inspected(file: &[u8]) -> Inspected {
    inspect_in(SMALL, file).unwrap()
}

/// The archive inside.
fn expanded(file: &[u8]) -> Vec<u8> {
    zstd::stream::decode_all(file).unwrap()
}

/// What was taken in, or the message of the failure; and nothing beside the target.
fn taken_in(archive: &[u8]) -> std::result::Result<Facts, kompox_node_protocol::Failure> {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("target")).unwrap();
    std::fs::write(root.path().join("beside"), "mine").unwrap();
    let done = imported(&root.path().join("target"), archive);
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 2);
    assert_eq!(std::fs::read(root.path().join("beside")).unwrap(), b"mine");
    done.map(|_| facts(&root.path().join("target")))
}

/// Whether the test runs as root; otherwise it says that it does not.
fn is_root(name: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("{name}: skipped, needs root");
    }
    root
}
