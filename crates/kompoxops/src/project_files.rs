//! The files a compose project may read: those beneath its folder after resolving symlinks. IO: reads files.

use kompox_compose::{FileError, FileErrorKind, FileText, Listed, ListedKind, ProjectFiles};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes; it is held in memory.
const FILE_LIMIT: u64 = 512 << 20;
/// Most entries of one listing.
const ENTRY_LIMIT: usize = 100_000;

/// Files beneath one folder.
pub(crate) struct FolderFiles {
    root: PathBuf,
    /// The same as messages call it.
    folder: PathBuf,
    allow_outside: bool,
}

impl FolderFiles {
    /// The files beneath `folder`, which must exist; with `allow_outside`, all others too.
    pub(crate) fn new(folder: &Path, allow_outside: bool) -> io::Result<Self> {
        let here = folder.strip_prefix(".").unwrap_or(folder).to_owned();
        Ok(Self { root: fs::canonicalize(folder)?, folder: here, allow_outside })
    }

    /// The real path behind a path of the compose file.
    fn resolve(&self, path: &str) -> Result<PathBuf, FileError> {
        let rest = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let wanted = match rest {
            Some(rest) => std::env::home_dir()
                .ok_or_else(|| failed(FileErrorKind::NotFound, "there is no home directory"))?
                .join(rest.trim_start_matches('/')),
            // An absolute path replaces the root.
            None => self.root.join(path),
        };
        let real = match fs::canonicalize(&wanted) {
            Ok(real) => real,
            // Whether something exists outside is nobody's business.
            Err(_) if !self.allow_outside && self.leaves(&wanted) => {
                return Err(FileError::new(FileErrorKind::Outside));
            }
            Err(error) => return Err(io_error(&error)),
        };
        if self.allow_outside || real.starts_with(&self.root) {
            Ok(real)
        } else {
            Err(FileError::new(FileErrorKind::Outside))
        }
    }

    /// True when the nearest folder above `wanted` that exists is not beneath the root.
    fn leaves(&self, wanted: &Path) -> bool {
        let existing = wanted.ancestors().skip(1).find_map(|folder| fs::canonicalize(folder).ok());
        !existing.is_some_and(|folder| folder.starts_with(&self.root))
    }
}

impl ProjectFiles for FolderFiles {
    fn read(&self, path: &str) -> Result<FileText, FileError> {
        let real = self.resolve(path)?;
        let metadata = fs::metadata(&real).map_err(|error| io_error(&error))?;
        // Looked at before it is opened: opening a pipe would wait for its writer.
        if !metadata.is_file() {
            return Err(FileError::new(FileErrorKind::NotAFile));
        }
        if metadata.len() > FILE_LIMIT {
            return Err(failed(FileErrorKind::TooLarge, format!("{} bytes", metadata.len())));
        }
        let bytes = fs::read(&real).map_err(|error| io_error(&error))?;
        Ok(FileText { bytes, mode: mode(&metadata) })
    }

    fn list(&self, path: &str) -> Result<Vec<Listed>, FileError> {
        let real = self.resolve(path)?;
        let metadata = fs::metadata(&real).map_err(|error| io_error(&error))?;
        let mut listed =
            vec![Listed { path: String::new(), kind: kind(&real, &metadata)?, mode: mode(&metadata) }];
        if metadata.is_dir() {
            walk(&real, "", &mut listed)?;
        }
        listed.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(listed)
    }

    fn shown(&self, path: &str) -> String {
        if path.starts_with('~') {
            return path.to_owned();
        }
        let whole = self.folder.join(path);
        let here = std::env::current_dir().unwrap_or_default();
        whole.strip_prefix(&here).unwrap_or(&whole).display().to_string()
    }
}

/// Adds everything beneath `folder`; symlinks are listed, not followed.
fn walk(folder: &Path, above: &str, listed: &mut Vec<Listed>) -> Result<(), FileError> {
    for entry in fs::read_dir(folder).map_err(|error| io_error(&error))? {
        let entry = entry.map_err(|error| io_error(&error))?;
        let name = entry.file_name();
        let name = name
            .to_str()
            .ok_or_else(|| failed(FileErrorKind::Failed, format!("{name:?} in it is not a UTF-8 name")))?;
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
        if listed.len() >= ENTRY_LIMIT {
            return Err(failed(FileErrorKind::TooLarge, format!("more than {ENTRY_LIMIT} entries")));
        }
        let metadata = entry.metadata().map_err(|error| io_error(&error))?;
        listed.push(Listed {
            path: path.clone(),
            kind: kind(&entry.path(), &metadata)?,
            mode: mode(&metadata),
        });
        if metadata.is_dir() {
            walk(&entry.path(), &path, listed)?;
        }
    }
    Ok(())
}

fn kind(path: &Path, metadata: &Metadata) -> Result<ListedKind, FileError> {
    let kind = metadata.file_type();
    Ok(if kind.is_file() {
        ListedKind::File(metadata.len())
    } else if kind.is_dir() {
        ListedKind::Directory
    } else if kind.is_symlink() {
        let target = fs::read_link(path).map_err(|error| io_error(&error))?;
        let target = target
            .to_str()
            .ok_or_else(|| failed(FileErrorKind::Failed, "the target of a symlink in it is not UTF-8"))?;
        ListedKind::Symlink(target.to_owned())
    } else {
        ListedKind::Special
    })
}

fn mode(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

fn failed(kind: FileErrorKind, detail: impl Into<String>) -> FileError {
    FileError { kind, detail: detail.into() }
}

fn io_error(error: &io::Error) -> FileError {
    match error.kind() {
        io::ErrorKind::NotFound => FileError::new(FileErrorKind::NotFound),
        io::ErrorKind::PermissionDenied => FileError::new(FileErrorKind::Denied),
        // A file in the place of a folder: nothing of that name can be there.
        io::ErrorKind::NotADirectory => FileError::new(FileErrorKind::NotFound),
        _ => failed(FileErrorKind::Failed, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// `outside.txt` beside the project `app`, with links out of it and inside of it.
    fn project() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path().join("app");
        fs::create_dir_all(app.join("conf/empty")).unwrap();
        fs::write(folder.path().join("outside.txt"), "secret").unwrap();
        fs::create_dir(folder.path().join("app-other")).unwrap();
        fs::write(folder.path().join("app-other/x"), "secret").unwrap();
        fs::write(app.join("conf/a.conf"), "a").unwrap();
        fs::set_permissions(app.join("conf/a.conf"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("a.conf", app.join("conf/link")).unwrap();
        symlink("../outside.txt", app.join("out")).unwrap();
        symlink("..", app.join("up")).unwrap();
        (folder, app)
    }

    fn kind(result: Result<impl Sized, FileError>) -> Option<FileErrorKind> {
        result.err().map(|error| error.kind)
    }

    #[test]
    fn files_beneath_the_folder_are_read() {
        let (_folder, app) = project();
        let files = FolderFiles::new(&app, false).unwrap();
        for path in ["conf/a.conf", "./conf/a.conf", "conf/../conf/a.conf", "conf/link"] {
            let text = files.read(path).unwrap();
            assert_eq!((text.bytes.as_slice(), text.mode), (b"a".as_slice(), 0o640), "{path}");
        }
        let absolute = app.join("conf/a.conf");
        assert_eq!(files.read(absolute.to_str().unwrap()).unwrap().bytes, b"a");
    }

    #[test]
    fn nothing_outside_is_read_or_confirmed() {
        let (folder, app) = project();
        let files = FolderFiles::new(&app, false).unwrap();
        let absolute = folder.path().join("outside.txt");
        let sibling = folder.path().join("app-other/x");
        for path in [
            "../outside.txt",
            "../missing.txt",
            "../app-other/x",
            "out",
            "up/outside.txt",
            "up/missing",
            "conf/../../outside.txt",
            "~",
            absolute.to_str().unwrap(),
            sibling.to_str().unwrap(),
        ] {
            assert_eq!(kind(files.read(path)), Some(FileErrorKind::Outside), "{path}");
            assert_eq!(kind(files.list(path)), Some(FileErrorKind::Outside), "{path}");
        }
        let files = FolderFiles::new(&app, true).unwrap();
        assert_eq!(files.read("../outside.txt").unwrap().bytes, b"secret");
        assert_eq!(files.read("out").unwrap().bytes, b"secret");
        assert_eq!(kind(files.read("../missing.txt")), Some(FileErrorKind::NotFound));
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let (_folder, app) = project();
        let files = FolderFiles::new(&app, false).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(app.join("socket")).unwrap();
        assert_eq!(kind(files.read("conf")), Some(FileErrorKind::NotAFile));
        assert_eq!(kind(files.read("socket")), Some(FileErrorKind::NotAFile));
        assert_eq!(kind(files.read("missing")), Some(FileErrorKind::NotFound));
        assert_eq!(kind(files.read("conf/a.conf/x")), Some(FileErrorKind::NotFound));
        assert_eq!(files.list("socket").unwrap()[0].kind, ListedKind::Special);
    }

    #[test]
    fn a_listing_is_complete_and_ordered() {
        let (_folder, app) = project();
        let files = FolderFiles::new(&app, false).unwrap();
        let listed = files.list("conf").unwrap();
        let shown: Vec<_> = listed.iter().map(|entry| (entry.path.as_str(), entry.kind.clone())).collect();
        assert_eq!(
            shown,
            [
                ("", ListedKind::Directory),
                ("a.conf", ListedKind::File(1)),
                ("empty", ListedKind::Directory),
                ("link", ListedKind::Symlink("a.conf".to_owned())),
            ]
        );
        let one = files.list("conf/a.conf").unwrap();
        assert_eq!((one.len(), one[0].path.as_str(), one[0].mode), (1, "", 0o640));
    }
}
