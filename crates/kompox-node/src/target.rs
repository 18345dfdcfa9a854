//! A folder on a disk that is filled once: absent or empty before, complete afterwards, nothing in between. IO.

use crate::failure::{Result, invalid};
use crate::folder::{Folder, PRIVATE, PUBLIC};
use crate::tree;
use kompox_node_protocol::{FILL_PREFIX, check_sub_path};

/// A folder to fill, which is absent or empty.
#[derive(Debug)]
pub(crate) struct Target {
    parent: Folder,
    name: String,
    aside: String,
    /// The folder itself when it exists.
    pub(crate) empty: Option<Folder>,
}

impl Target {
    /// Finds `sub_path` beneath `disk`, making the folders on the way; none when it has content. What an earlier
    /// run left unfinished is removed, which the caller's lock on the disk makes safe.
    pub(crate) fn find(disk: &Folder, sub_path: &str) -> Result<Option<Self>> {
        check_sub_path(sub_path).map_err(invalid)?;
        let (parents, name) = sub_path.rsplit_once('/').unwrap_or(("", sub_path));
        let mut parent = disk.again()?;
        for part in parents.split('/').filter(|part| !part.is_empty()) {
            let next = parent.make_folder(part, PUBLIC)?;
            parent = next;
        }
        let aside = format!("{FILL_PREFIX}{name}");
        tree::remove(&parent, &aside)?;
        let empty = parent.find_folder(name)?;
        if let Some(folder) = &empty
            && !folder.is_empty()?
        {
            return Ok(None);
        }
        Ok(Some(Self { parent, name: name.to_owned(), aside, empty }))
    }

    /// A private folder beside the target to write into.
    pub(crate) fn start(&self) -> Result<Folder> {
        self.parent.new_folder(&self.aside, PRIVATE)
    }

    /// Puts what was written in place by one rename.
    pub(crate) fn finish(&self) -> Result<()> {
        self.parent.rename(&self.aside, &self.parent, &self.name)?;
        self.parent.sync()
    }

    /// Removes what was written. The failure that led here is the one to report.
    pub(crate) fn give_up(&self) {
        let _ = tree::remove(&self.parent, &self.aside);
    }
}
