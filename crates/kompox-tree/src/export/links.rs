//! Files that have more than one name. Pure.

use kompox_node_protocol::{Failure, Kind};
use std::collections::HashMap;

/// So many bytes are spent on names; some hundred thousand files.
const LIMIT: usize = 12 * 1024 * 1024;
/// What a name costs beside its bytes.
const OVERHEAD: usize = 64;

/// The first name of a file, and how many are still to come.
type First = (Box<[u8]>, u64);

/// The first name of each file of which more are to come.
#[derive(Default)]
pub(super) struct Links {
    first: HashMap<(u64, u64), First>,
    used: usize,
}

impl Links {
    /// The first name of the file, when this is another one; none when this is the first. `id`: device and inode;
    /// `names`: how many there are.
    pub(super) fn name(
        &mut self,
        id: (u64, u64),
        names: u64,
        path: &[u8],
    ) -> Result<Option<Vec<u8>>, Failure> {
        if names < 2 {
            return Ok(None);
        }
        if let Some((first, left)) = self.first.get_mut(&id) {
            *left = left.saturating_sub(1);
            let (first_name, last) = (first.to_vec(), *left == 0);
            if last {
                self.used -= first_name.len() + OVERHEAD;
                self.first.remove(&id);
            }
            return Ok(Some(first_name));
        }
        self.used += path.len() + OVERHEAD;
        if self.used > LIMIT {
            return Err(Failure::new(
                Kind::Unsupported,
                "too many files of the disk have several names (hard links)",
            )
            .hint("copy the disk by a snapshot or by the provider's own means"));
        }
        self.first.insert(id, (path.into(), names - 1));
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_names_find_the_first_and_the_last_one_frees_it() {
        let mut links = Links::default();
        assert_eq!(links.name((1, 1), 1, b"single"), Ok(None));
        assert_eq!(links.name((1, 1), 3, b"a"), Ok(None));
        assert_eq!(links.name((2, 1), 2, b"other"), Ok(None));
        assert_eq!(links.name((1, 1), 3, b"b"), Ok(Some(b"a".to_vec())));
        assert_eq!(links.name((1, 1), 3, b"c"), Ok(Some(b"a".to_vec())));
        assert_eq!((links.first.len(), links.used), (1, 5 + OVERHEAD));
        let long = vec![b'x'; 4000];
        let full = (0..).find_map(|inode| links.name((3, inode), 2, &long).err());
        assert_eq!(full.unwrap().kind, Kind::Unsupported);
    }
}
