//! What both kinds of tests need to see of a disk store.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Every file and folder beneath `path` with its identity and time of change, and the content of records.
pub(crate) fn tree(path: &Path) -> String {
    let mut text = String::new();
    walk(path, &mut text);
    text
}

fn walk(path: &Path, text: &mut String) {
    // A store that was never used has no folder.
    let Ok(entries) = std::fs::read_dir(path) else { return };
    let mut entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let meta = std::fs::symlink_metadata(&entry).unwrap();
        let is_record = meta.is_file() && entry.extension().is_some_and(|extension| extension == "json");
        let content = if is_record { std::fs::read_to_string(&entry).unwrap() } else { String::new() };
        let (name, time) = (entry.display(), (meta.mtime(), meta.mtime_nsec()));
        text.push_str(&format!("{name} {} {time:?} {} {content}\n", meta.ino(), meta.len()));
        if meta.is_dir() {
            walk(&entry, text);
        }
    }
}
