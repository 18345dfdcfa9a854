//! The cases of `golden/`: folders whose files are a project. Reads files.

use crate::support::{Case, load};
use kompox_compose::Sources;
use kompox_compose::{FileError, FileErrorKind, FileText, Listed, ListedKind, ProjectFiles};
use kompox_convert::Conversion;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// All cases.
pub(crate) fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 10, "the cases were not found");
    cases
}

fn case(folder: &Path) -> Case {
    match std::fs::read_to_string(folder.join("case.json")) {
        Ok(text) => Case::new(&serde_json::from_str(&text).unwrap()),
        Err(_) => Case::default(),
    }
}

/// The conversion and the printed diagnostics of a case.
pub(crate) fn run(folder: &Path) -> (Option<Conversion>, String) {
    let text = std::fs::read_to_string(folder.join("compose.yml")).unwrap();
    let files = Folder(folder.to_owned());
    let mut sources = Sources::new();
    let (project, mut diagnostics) = load("compose.yml", &text, &files, &mut sources);
    let mut conversion = None;
    if let Some(project) = project {
        let (converted, more) = case(folder).convert(&project, &files);
        conversion = converted;
        diagnostics.extend(more);
    }
    (conversion, diagnostics.render(&sources))
}

/// The files of a folder.
pub(crate) struct Folder(pub PathBuf);

impl Folder {
    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
}

fn error(error: &std::io::Error) -> FileError {
    FileError::new(match error.kind() {
        std::io::ErrorKind::NotFound => FileErrorKind::NotFound,
        _ => FileErrorKind::Failed,
    })
}

impl ProjectFiles for Folder {
    fn read(&self, path: &str) -> Result<FileText, FileError> {
        let path = self.at(path);
        let mode = mode(&path).map_err(|e| error(&e))?;
        Ok(FileText { bytes: std::fs::read(path).map_err(|e| error(&e))?, mode })
    }

    fn list(&self, path: &str) -> Result<Vec<Listed>, FileError> {
        let root = self.at(path);
        let mut all = Vec::new();
        let mut open = vec![root.clone()];
        while let Some(path) = open.pop() {
            let data = std::fs::symlink_metadata(&path).map_err(|e| error(&e))?;
            let kind = if data.is_dir() {
                for entry in std::fs::read_dir(&path).map_err(|e| error(&e))? {
                    open.push(entry.map_err(|e| error(&e))?.path());
                }
                ListedKind::Directory
            } else if data.is_symlink() {
                ListedKind::Symlink(std::fs::read_link(&path).unwrap().to_string_lossy().into_owned())
            } else {
                ListedKind::File(data.len())
            };
            let below = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            let mode =
                if kind == ListedKind::Directory { 0o755 } else { mode(&path).map_err(|e| error(&e))? };
            all.push(Listed { path: below, kind, mode });
        }
        all.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(all)
    }
}

/// 0644 or 0755: all that version control keeps.
fn mode(path: &Path) -> std::io::Result<u32> {
    let mode = std::fs::metadata(path)?.permissions().mode();
    Ok(if mode & 0o100 == 0 { 0o644 } else { 0o755 })
}
