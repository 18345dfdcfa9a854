//! Trees as text, so that two can be compared.

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Every entry beneath `root` with kind, mode, owner and content, sorted; random ids are shown as `*`.
pub(crate) fn tree(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    collect(root, root, &mut lines);
    lines.sort();
    lines
}

fn collect(root: &Path, folder: &Path, lines: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = std::fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(root).unwrap().display();
        let (mode, uid, gid) = (found.mode() & 0o7777, found.uid(), found.gid());
        lines.push(format!("{name} {} {mode:04o} {uid}:{gid}", kind(&path, &found)));
        if found.is_dir() {
            collect(root, &path, lines);
        }
    }
}

fn kind(path: &Path, found: &Metadata) -> String {
    let kind = found.file_type();
    if kind.is_dir() {
        "folder".into()
    } else if kind.is_symlink() {
        format!("-> {}", std::fs::read_link(path).unwrap().display())
    } else if kind.is_fifo() {
        "pipe".into()
    } else if kind.is_char_device() || kind.is_block_device() {
        format!("device {}", found.rdev())
    } else {
        without_ids(&String::from_utf8_lossy(&std::fs::read(path).unwrap()))
    }
}

/// `text` with every quoted run of 32 hexadecimal digits replaced.
fn without_ids(text: &str) -> String {
    let is_id = |part: &&str| part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<_> = text.split('"').map(|part| if is_id(&part) { "*" } else { part }).collect();
    parts.join("\"").replace('\n', " ")
}
