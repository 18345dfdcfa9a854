//! What a disk starts with, as text in requests and records. Pure.

use crate::name::{DISK_NAME_LIMIT, SNAPSHOT_NAME_LIMIT, VOLUME_NAME_LIMIT, check_label};
use crate::{NameError, SOURCE_EMPTY, check_sub_path};
use std::fmt;

/// Longest ID of an import, in bytes.
const IMPORT_ID_LIMIT: usize = 64;

/// What a disk starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `empty`: nothing.
    Empty,
    /// `snapshot:NAME`: the content of a snapshot of the same volume.
    Snapshot(String),
    /// `disk:NAME`: the present content of another disk of the same volume.
    Disk(String),
    /// `sub-path:VOLUME/PATH`: the present content of a folder of the disk that is assigned to a volume of the same app, at
    /// the same path: a compose volume lies in one folder, whether its disk is its own or not.
    SubPath {
        /// Name of the volume.
        volume: String,
        /// The folder on its assigned disk; see [`crate::check_sub_path`].
        path: String,
    },
    /// `import:ID`: an archive that came in from outside. The ID says which, as far as the caller knows: `archive`,
    /// `directory`, or digits of the sum of an export's manifest.
    Import(String),
}

/// Why a text is no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It names a kind of source that a disk store does not have.
    #[error("this disk store cannot make a disk from `{0}`: a provider id is no source here")]
    Unsupported(String),
    /// A name in it breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The path in it breaks a rule, or it has none.
    #[error("{0}")]
    Path(String),
}

impl Source {
    /// Reads `empty`, `snapshot:NAME`, `disk:NAME`, `sub-path:VOLUME/PATH` or `import:ID`.
    ///
    /// # Errors
    /// Another kind of source, or a name or path that breaks a rule.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        if text == SOURCE_EMPTY {
            return Ok(Self::Empty);
        }
        match text.split_once(':') {
            Some(("snapshot", name)) => {
                check_label("snapshot", name, SNAPSHOT_NAME_LIMIT)?;
                Ok(Self::Snapshot(name.to_owned()))
            }
            Some(("disk", name)) => {
                check_label("disk", name, DISK_NAME_LIMIT)?;
                Ok(Self::Disk(name.to_owned()))
            }
            Some(("sub-path", rest)) => {
                let (volume, path) = rest.split_once('/').ok_or_else(|| {
                    SourceError::Path(format!(
                        "source `{}` has no path after the volume",
                        text.escape_debug()
                    ))
                })?;
                check_label("volume", volume, VOLUME_NAME_LIMIT)?;
                check_sub_path(path).map_err(SourceError::Path)?;
                Ok(Self::SubPath { volume: volume.to_owned(), path: path.to_owned() })
            }
            Some(("import", id)) => {
                check_label("import", id, IMPORT_ID_LIMIT)?;
                Ok(Self::Import(id.to_owned()))
            }
            _ => Err(SourceError::Unsupported(text.escape_debug().to_string())),
        }
    }
}

/// The text that it was read from.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str(SOURCE_EMPTY),
            Self::Snapshot(name) => write!(f, "snapshot:{name}"),
            Self::Disk(name) => write!(f, "disk:{name}"),
            Self::SubPath { volume, path } => write!(f, "sub-path:{volume}/{path}"),
            Self::Import(id) => write!(f, "import:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_is_read_and_every_mistake_told_apart() {
        let sub_path = Source::SubPath { volume: "db".into(), path: "volumes/a b".into() };
        for (text, source) in [
            ("empty", Source::Empty),
            ("snapshot:s1", Source::Snapshot("s1".into())),
            ("disk:d1", Source::Disk("d1".into())),
            ("sub-path:db/volumes/a b", sub_path),
            ("import:0123456789abcdef", Source::Import("0123456789abcdef".into())),
        ] {
            assert_eq!(Source::parse(text), Ok(source), "{text}");
        }
        for text in ["", "Empty", "empty:", "vol-0123", "aws:snap-1", "snapshots:s1", " disk:d1", "disk"] {
            assert!(matches!(Source::parse(text), Err(SourceError::Unsupported(_))), "{text}");
        }
        for text in [
            "snapshot:",
            "snapshot:a/b",
            "disk:../d1",
            "disk:D",
            "sub-path:/x",
            "sub-path:D/x",
            "import:",
            "import:a/b",
        ] {
            assert!(matches!(Source::parse(text), Err(SourceError::Name(_))), "{text}");
        }
        for text in ["sub-path:db", "sub-path:db/", "sub-path:db//x", "sub-path:db/../x", "sub-path:db/a\n"] {
            assert!(matches!(Source::parse(text), Err(SourceError::Path(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(text in "(snapshot:|disk:|sub-path:|import:|)[a-z0-9./:-]{0,30}") {
            if let Ok(source) = Source::parse(&text) {
                prop_assert_eq!(source.to_string(), text);
            }
        }

        #[test]
        fn no_source_leads_out_of_its_volume(text in "(snapshot:|disk:|import:|sub-path:db/)\\PC{0,30}") {
            match Source::parse(&text) {
                Ok(Source::Snapshot(name) | Source::Disk(name) | Source::Import(name)) => prop_assert!(!name.contains(['/', '.'])),
                Ok(Source::SubPath { path, .. }) => {
                    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
                    prop_assert!(path.split('/').all(plain));
                }
                Ok(Source::Empty) | Err(_) => {}
            }
        }
    }
}
