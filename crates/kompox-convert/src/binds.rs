//! Bind mounts: what becomes of a path of the project. Pure.

use crate::contents::{Contents, Data};
use crate::input::{BindContent, BindEntry, BindFile};
use crate::mounts::{PodVolume, item};
use kompox_compose::{Diagnostic, Diagnostics, Span};
use kompox_model::hash;

/// The path inside a ConfigMap volume that is mounted; below it there is no `..data` to be seen.
pub(crate) const ROOT: &str = "f";
/// The most files that one ConfigMap volume lists.
const ENTRY_LIMIT: usize = 500;

/// Where the content of a bind lies in the cluster.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: there is nothing, and nobody may write.
    Nothing,
    /// A ConfigMap, new at each deploy that changes it.
    ConfigMap,
    /// This folder of the default volume's disk.
    Folder(String),
    /// A file in this folder of the default volume's disk, under the folder's own name.
    File(String),
}

/// Decides where a bind lies. Read-only content that is too large for a ConfigMap gets a folder per content, so that a
/// change is seen; content that may be written is uploaded once.
pub(crate) fn place(source: &str, writable: bool, content: &BindContent) -> Place {
    let small = content.size() <= BindContent::INLINE_LIMIT;
    match content {
        BindContent::Missing if writable => Place::Folder(folder(source, "")),
        BindContent::Missing => Place::Nothing,
        BindContent::File(_) if writable => Place::File(folder(source, "@file")),
        BindContent::File(file) if small && file.bytes.is_some() => Place::ConfigMap,
        BindContent::File(_) => Place::File(folder(source, &version(content))),
        BindContent::Folder(_) if writable => Place::Folder(folder(source, "")),
        BindContent::Folder(entries) => {
            let files = entries.values().filter(|entry| matches!(entry, BindEntry::File(_))).count();
            let plain = entries.values().all(|entry| match entry {
                BindEntry::File(file) => file.bytes.is_some(),
                BindEntry::Folder { .. } => true,
                BindEntry::Link { .. } => false,
            });
            match files {
                0 if plain => Place::Nothing,
                1..=ENTRY_LIMIT if plain && small => Place::ConfigMap,
                _ => Place::Folder(folder(source, &version(content))),
            }
        }
    }
}

fn folder(source: &str, suffix: &str) -> String {
    let mut path = String::from("binds");
    for part in source.split('/').filter(|part| !part.is_empty()) {
        path.push('/');
        // A folder above the project: no sub-path may climb.
        path.push_str(if part == ".." { "@up" } else { part });
    }
    if source.is_empty() && !suffix.is_empty() {
        path.push('/');
    }
    path + suffix
}

/// The content's hash as a suffix.
fn version(content: &BindContent) -> String {
    let mut bytes = Vec::new();
    let mut add = |path: &str, kind: &str, detail: &str| {
        for part in [path, kind, detail] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
    };
    let mut file = |path: &str, file: &BindFile| add(path, &format!("file {:o}", file.mode), &file.sha256);
    match content {
        BindContent::Missing => {}
        BindContent::File(content) => file("", content),
        BindContent::Folder(entries) => {
            for (path, entry) in entries {
                match entry {
                    BindEntry::File(content) => file(path, content),
                    BindEntry::Folder { mode } => file(
                        path,
                        &BindFile { mode: *mode, size: 0, sha256: "folder".to_owned(), bytes: None },
                    ),
                    BindEntry::Link { target } => file(
                        path,
                        &BindFile { mode: 0, size: 0, sha256: format!("link {target}"), bytes: None },
                    ),
                }
            }
        }
    }
    format!("@{}", hash::hex(&bytes, 10))
}

/// Says what differs from a bind mount.
pub(crate) fn note(
    source: &str,
    place: &Place,
    writable: bool,
    content: &BindContent,
    span: Span,
    diagnostics: &mut Diagnostics,
) {
    let shown = if source.is_empty() { "." } else { source };
    if *content == BindContent::Missing {
        let message = format!("there is no `{shown}`: an empty folder is mounted");
        diagnostics.push(Diagnostic::warning("convert.bind-missing", message).at(span));
    }
    let (Place::Folder(folder) | Place::File(folder), true) = (place, content.has_content()) else { return };
    let message = if writable {
        format!(
            "`{shown}` is uploaded to `{folder}` on the app's disk once, for the service's user, and lives there from then on"
        )
    } else {
        let why = "too large for a ConfigMap, or it holds links";
        format!("`{shown}` is {why}: it is uploaded to the app's disk whenever it changes")
    };
    diagnostics.push(Diagnostic::note("convert.bind", message).at(span));
}

/// The ConfigMap volume of a bind.
pub(crate) fn config_map(source: &str, content: &BindContent, contents: &mut Contents<'_>) -> PodVolume {
    let mut data = Data::new();
    let mut items = Vec::new();
    let mut add = |path: String, file: &BindFile| {
        let key = hash::hex(path.as_bytes(), 40);
        let executable = if file.mode & 0o111 == 0 { 0 } else { 0o111 };
        items.push(item(key.clone(), path, file.mode | 0o444 | executable));
        data.insert(key, file.bytes.clone().unwrap_or_default());
    };
    match content {
        BindContent::Missing => {}
        BindContent::File(file) => add(ROOT.to_owned(), file),
        BindContent::Folder(entries) => {
            for (path, entry) in entries {
                if let BindEntry::File(file) = entry {
                    add(format!("{ROOT}/{path}"), file);
                }
            }
        }
    }
    let key = if source.is_empty() { "project" } else { source };
    PodVolume::config_map(contents.config_map("bind", key, data), items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: usize) -> BindContent {
        let bytes = vec![b'x'; size];
        BindContent::File(BindFile {
            mode: 0o644,
            size: size as u64,
            sha256: hash::hex(&bytes, 64),
            bytes: Some(bytes),
        })
    }

    #[test]
    fn places() {
        let folder = |entries: &[(&str, BindEntry)]| {
            BindContent::Folder(
                entries.iter().map(|(path, entry)| ((*path).to_owned(), entry.clone())).collect(),
            )
        };
        let BindContent::File(small) = file(1) else { unreachable!() };
        let link = BindEntry::Link { target: "a".to_owned() };
        assert_eq!(place("a", false, &file(900 << 10)), Place::ConfigMap);
        assert!(
            matches!(place("a", false, &file((900 << 10) + 1)), Place::File(f) if f.starts_with("binds/a@"))
        );
        assert_eq!(place("a", true, &file(1)), Place::File("binds/a@file".to_owned()));
        assert_eq!(place("", true, &folder(&[])), Place::Folder("binds".to_owned()));
        assert_eq!(place("../a", true, &BindContent::Missing), Place::Folder("binds/@up/a".to_owned()));
        assert_eq!(place("a", false, &BindContent::Missing), Place::Nothing);
        assert_eq!(place("a", false, &folder(&[("d", BindEntry::Folder { mode: 0o755 })])), Place::Nothing);
        assert_eq!(place("a", false, &folder(&[("f", BindEntry::File(small.clone()))])), Place::ConfigMap);
        let linked = folder(&[("f", BindEntry::File(small)), ("l", link)]);
        assert!(matches!(place("", false, &linked), Place::Folder(f) if f.starts_with("binds/@")));
    }

    #[test]
    fn another_content_is_another_folder() {
        assert_ne!(version(&file(1)), version(&file(2)));
    }
}
