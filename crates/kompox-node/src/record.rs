//! Record files: read with suspicion, written so that a crash leaves the old one or the new one. IO.

use crate::failure::{Result, cannot, conflict};
use crate::fault;
use crate::folder::Folder;
use kompox_node_protocol::{Failure, RECORD_FORMAT};
use rustix::fs::Mode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};

/// No record is near this long; a longer file is not ours.
const LIMIT: u64 = 64 * 1024;

#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// Reads the record `name`; none when there is no such file. A file that is not understood is a Conflict.
pub(crate) fn read<T: DeserializeOwned>(folder: &Folder, name: &str) -> Result<Option<T>> {
    let Some(file) = folder.find_file(name)? else { return Ok(None) };
    let mut text = Vec::new();
    let read =
        file.take(LIMIT + 1).read_to_end(&mut text).map_err(|e| cannot("read", folder.shown(name), e))?;
    if read as u64 > LIMIT {
        return Err(garbled(folder, name, "it is too long"));
    }
    let head: Head =
        serde_json::from_slice(&text).map_err(|error| garbled(folder, name, &error.to_string()))?;
    if head.format != RECORD_FORMAT {
        let message = format!("{} has format {}, not {RECORD_FORMAT}", folder.shown(name), head.format);
        return Err(conflict(message).hint("use the version of kompox-node that wrote it, or a newer one"));
    }
    serde_json::from_slice(&text).map(Some).map_err(|error| garbled(folder, name, &error.to_string()))
}

/// There is a folder but no record in it.
pub(crate) fn missing(folder: &Folder, name: &str) -> Failure {
    conflict(format!("{} is missing", folder.shown(name)))
        .hint("nothing was changed; restore this file by hand, the data beside it is untouched")
}

/// A record that says something else than what it is.
pub(crate) fn garbled(folder: &Folder, name: &str, why: &str) -> Failure {
    conflict(format!("{} is garbled: {why}", folder.shown(name)))
        .hint("nothing was changed; restore this file by hand, the data beside it is untouched")
}

/// Writes the record `name`: aside, synced, renamed, the folder synced.
pub(crate) fn write<T: Serialize>(folder: &Folder, name: &str, record: &T) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(record)
        .map_err(|error| cannot("write", folder.shown(name), std::io::Error::from(error)))?;
    text.push(b'\n');
    let aside = format!(".{name}.new");
    folder.unlink(&aside)?;
    let written = write_aside(folder, &aside, &text).and_then(|()| folder.rename(&aside, folder, name));
    if let Err(failure) = written {
        // Best effort on a path that has failed already; the next write removes it otherwise.
        let _ = folder.unlink(&aside);
        return Err(failure);
    }
    folder.sync()
}

fn write_aside(folder: &Folder, name: &str, text: &[u8]) -> Result<()> {
    let mut file = folder.create_file(name, Mode::RUSR | Mode::WUSR)?;
    let (first, second) = text.split_at(text.len() / 2);
    file.write_all(first)
        .and_then(|()| fault::point())
        .and_then(|()| file.write_all(second))
        .and_then(|()| fault::point())
        .and_then(|()| file.sync_all())
        .map_err(|error| cannot("write", folder.shown(name), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kompox_node_protocol::{Kind, StoreRecord};
    use proptest::prelude::*;

    fn read_text(text: &[u8]) -> Result<Option<StoreRecord>> {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("store.json"), text).unwrap();
        read(&Folder::root(root.path()).unwrap(), "store.json")
    }

    #[test]
    fn what_was_written_is_read() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::root(root.path()).unwrap();
        assert_eq!(read::<StoreRecord>(&folder, "store.json").unwrap(), None);
        for id in ["a", "b"] {
            let record = StoreRecord { format: 1, id: id.into() };
            write(&folder, "store.json", &record).unwrap();
            assert_eq!(read(&folder, "store.json").unwrap(), Some(record));
        }
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_understood_is_a_conflict() {
        for text in [
            "",
            "{",
            "null",
            "[]",
            r#"{"id":"a"}"#,
            r#"{"format":2,"id":"a"}"#,
            r#"{"format":1}"#,
            r#"{"format":1,"id":"a","more":1}"#,
            &" ".repeat(70_000),
        ] {
            assert_eq!(read_text(text.as_bytes()).unwrap_err().kind, Kind::Conflict, "{text}");
        }
    }

    #[test]
    fn only_regular_files_are_read() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::root(root.path()).unwrap();
        std::fs::write(root.path().join("real"), r#"{"format":1,"id":"a"}"#).unwrap();
        std::os::unix::fs::symlink("real", root.path().join("link")).unwrap();
        std::fs::create_dir(root.path().join("folder")).unwrap();
        rustix::fs::mknodat(folder.fd(), "pipe", rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        for name in ["link", "folder", "pipe"] {
            assert_eq!(read::<StoreRecord>(&folder, name).unwrap_err().kind, Kind::Conflict, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_content_panics_or_is_taken_for_absent(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!matches!(read_text(&text), Ok(None)));
        }
    }
}
