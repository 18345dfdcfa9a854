//! Removing whole trees of hostile content. IO.

use crate::failure::Result;
use crate::folder::Folder;
use rustix::fs::FileType;
use std::ffi::OsStr;
use std::path::Path;

/// Removes `name` from `parent`, whatever it is; nothing there is a success.
///
/// A folder that is not empty is first moved up to the top of the tree, so that neither the stack nor the number
/// of open folders grows with the depth that an app chose, and no link is followed.
pub fn remove(parent: &Folder, name: impl AsRef<Path>) -> Result<()> {
    let name = name.as_ref();
    let Some(stat) = parent.look(name)? else { return Ok(()) };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return parent.unlink(name);
    }
    let top = parent.folder(name)?;
    let mut moved = 0;
    loop {
        let entries = top.entries()?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            if entry.kind != FileType::Directory {
                top.unlink(&entry.name)?;
            } else if !top.remove_empty(&entry.name)? {
                flatten(&top, &entry.name, &mut moved)?;
            }
        }
    }
    parent.remove_empty(name)?;
    Ok(())
}

/// Empties and removes the folder `name` of `top`; what is not empty in it becomes an entry of `top`.
fn flatten(top: &Folder, name: &OsStr, moved: &mut u64) -> Result<()> {
    let folder = top.folder(name)?;
    for entry in folder.entries()? {
        if entry.kind != FileType::Directory {
            folder.unlink(&entry.name)?;
        } else if !folder.remove_empty(&entry.name)? {
            while !folder.rename_new(&entry.name, top, &format!("{moved}"))? {
                *moved += 1;
            }
            *moved += 1;
        }
    }
    top.remove_empty(name)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_a_link_points_to_stays() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("keep/deep")).unwrap();
        std::fs::write(root.path().join("keep/deep/file"), "1").unwrap();
        std::fs::create_dir_all(root.path().join("gone/a/b/c")).unwrap();
        std::fs::create_dir_all(root.path().join("gone/0/1/2/3")).unwrap();
        symlink(root.path().join("keep"), root.path().join("gone/a/link")).unwrap();
        symlink("/", root.path().join("gone/a/b/c/link")).unwrap();
        std::fs::write(root.path().join("gone/a/b/c/file"), "1").unwrap();
        let parent = Folder::root(root.path()).unwrap();
        remove(&parent, "gone").unwrap();
        remove(&parent, "gone").unwrap();
        assert!(!root.path().join("gone").exists());
        assert_eq!(std::fs::read_to_string(root.path().join("keep/deep/file")).unwrap(), "1");
    }

    #[test]
    fn depth_does_not_matter() {
        let root = tempfile::tempdir().unwrap();
        let parent = Folder::root(root.path()).unwrap();
        let mut folder = parent.new_folder("deep", crate::folder::PRIVATE).unwrap();
        for _ in 0..5000 {
            folder = folder.new_folder("d", crate::folder::PRIVATE).unwrap();
        }
        remove(&parent, "deep").unwrap();
        assert!(parent.is_empty().unwrap());
    }

    #[test]
    fn links_and_files_themselves_are_removed() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("keep")).unwrap();
        symlink("keep", root.path().join("link")).unwrap();
        let parent = Folder::root(root.path()).unwrap();
        remove(&parent, "link").unwrap();
        assert!(root.path().join("keep").exists() && !root.path().join("link").is_symlink());
    }
}
