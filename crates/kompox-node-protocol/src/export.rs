//! The headers of the streams that carry whole disks, and what is said of them. Pure.
//!
//! `kompox-node export` gets its header as one line of JSON and writes an export to standard output; its answers are
//! lines on standard error. The stream of `kompox-node import` is its header, then the archive.

use crate::name::{DISK_NAME_LIMIT, SNAPSHOT_NAME_LIMIT, check_label};
use crate::{CreateDisk, ExportManifest, ExportTrailer, PROTOCOL_VERSION, Source, VolumeRef, check_time};
use serde::{Deserialize, Serialize};

/// What is exported, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportHeader {
    /// [`PROTOCOL_VERSION`].
    pub version: u32,
    /// The id that `store.json` must have, when the caller knows it.
    #[serde(default)]
    pub store: Option<String>,
    /// The volume; it may be fenced.
    pub volume: VolumeRef,
    /// What of it.
    pub from: ExportSource,
    /// The caller vouches that no Pod uses the disk. Without it, a disk of a volume that is not fenced is a Conflict.
    #[serde(default)]
    pub at_rest: bool,
    /// The caller keeps standard input open for as long as it waits. Its end then ends the export, which nobody would take: a
    /// caller that is gone may leave a standard output behind that is open and never read.
    #[serde(default)]
    pub attended: bool,
    /// Now, RFC 3339 in UTC, by the caller's clock.
    pub exported_at: String,
    /// The level of compression, from 1 to 9.
    pub level: i32,
    /// What the caller has of the same export already; only what comes after it is written.
    #[serde(default)]
    pub resume: Option<ExportResume>,
}

/// What of a volume is exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportSource {
    /// The disk of this name, as it is.
    Disk(String),
    /// The snapshot of this name.
    Snapshot(String),
}

/// The whole frames of an export that was cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportResume {
    /// The manifest in them, which is kept.
    pub manifest: ExportManifest,
    /// The compressed length of each, in bytes.
    pub frames: Vec<u32>,
    /// SHA-256 of what is in them, as 64 small hexadecimal digits.
    pub sha256: String,
}

impl ExportHeader {
    /// A header of this version for any store: a new export of what is in use perhaps, at the usual level.
    #[must_use]
    pub fn new(volume: VolumeRef, from: ExportSource, exported_at: impl Into<String>) -> Self {
        Self {
            version: PROTOCOL_VERSION,
            store: None,
            volume,
            from,
            at_rest: false,
            attended: false,
            exported_at: exported_at.into(),
            level: 3,
            resume: None,
        }
    }

    /// Checks every name, the time, the level and what is kept.
    ///
    /// # Errors
    /// A sentence naming the first broken rule.
    pub fn check(&self) -> Result<(), String> {
        self.volume.check().map_err(|error| error.to_string())?;
        match &self.from {
            ExportSource::Disk(name) => check_label("disk", name, DISK_NAME_LIMIT),
            ExportSource::Snapshot(name) => check_label("snapshot", name, SNAPSHOT_NAME_LIMIT),
        }
        .map_err(|error| error.to_string())?;
        check_time(&self.exported_at).map_err(|error| error.to_string())?;
        if !(1..=9).contains(&self.level) {
            return Err(format!("there is no level {} of compression; 1 to 9 are", self.level));
        }
        self.resume.as_ref().map_or(Ok(()), ExportResume::check)
    }
}

impl ExportResume {
    /// The sum as bytes; none when it is not 64 small hexadecimal digits.
    #[must_use]
    pub fn sum(&self) -> Option<[u8; 32]> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, []) = self.sha256.as_bytes().as_chunks::<2>() else { return None };
        let bytes: Option<Vec<u8>> =
            pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
        bytes?.try_into().ok()
    }

    fn check(&self) -> Result<(), String> {
        self.manifest.check().map_err(|error| error.to_string())?;
        if self.sum().is_none() {
            return Err(format!("`{}` is no SHA-256", self.sha256.escape_debug()));
        }
        Ok(())
    }
}

/// A disk that comes in as an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportHeader {
    /// [`PROTOCOL_VERSION`].
    pub version: u32,
    /// The id that `store.json` must have, when the caller knows it.
    #[serde(default)]
    pub store: Option<String>,
    /// The disk to make; its source is a [`Source::Import`].
    pub create: CreateDisk,
    /// What the archive must say of itself; another manifest, or none, is Invalid.
    #[serde(default)]
    pub expected: Option<ExportManifest>,
}

impl ImportHeader {
    /// A header of this version, for any store and any archive.
    #[must_use]
    pub fn new(create: CreateDisk) -> Self {
        Self { version: PROTOCOL_VERSION, store: None, create, expected: None }
    }

    /// Checks the disk to make, its source and the expected manifest.
    ///
    /// # Errors
    /// A sentence naming the first broken rule.
    pub fn check(&self) -> Result<(), String> {
        self.create.check()?;
        match Source::parse(&self.create.source) {
            Ok(Source::Import(_)) => {}
            Ok(source) => return Err(format!("`{source}` is not the source of an import")),
            Err(error) => return Err(error.to_string()),
        }
        self.expected.as_ref().map_or(Ok(()), |manifest| manifest.check().map_err(|error| error.to_string()))
    }
}

/// An export that was written to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// What it says of itself.
    pub manifest: ExportManifest,
    /// Its counts and its sum.
    pub trailer: ExportTrailer,
    /// The first of the sockets that were left out.
    pub first_left_out: Vec<String>,
    /// Compressed bytes that were written; those of a resumed export's kept frames are none of them.
    pub written_bytes: u64,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes of the archive so far, before compression.
    pub done_bytes: u64,
    /// About how many there will be.
    pub total_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AppRef, EXPORT_FORMAT, Holder, Identity};

    fn volume() -> VolumeRef {
        let identity = Identity { workspace: "ws".into(), provider: "prv".into(), app: "app".into() };
        let holder = Holder { cluster: "cls".into(), cluster_uid: "uid".into() };
        VolumeRef { app: AppRef { identity, app_hash: "k9x84f".into() }, holder, volume: "db".into() }
    }

    fn resume() -> ExportResume {
        let manifest = ExportManifest {
            format: EXPORT_FORMAT,
            identity: volume().app.identity,
            volume: "db".into(),
            disk: "d1".into(),
            snapshot: None,
            source: "empty".into(),
            size_bytes: 1,
            created_at: "2026-01-31T08:15:00Z".into(),
            exported_at: "2026-01-31T08:15:00Z".into(),
            atomic: true,
            program: "0.1.0".into(),
        };
        ExportResume { manifest, frames: vec![7], sha256: format!("{}{}", "0a".repeat(31), "ff") }
    }

    #[test]
    fn what_is_wrong_with_an_export_is_named() {
        let good = || {
            let from = ExportSource::Disk("d1".into());
            let resume = Some(resume());
            ExportHeader { resume, ..ExportHeader::new(volume(), from, "2026-01-31T08:15:00Z") }
        };
        assert_eq!(good().check(), Ok(()));
        let refused = |change: fn(&mut ExportHeader), message: &str| {
            let mut header = good();
            change(&mut header);
            let error = header.check().unwrap_err();
            assert!(error.contains(message), "{error}");
        };
        refused(|h| h.volume.volume = "../x".into(), "volume `../x`");
        refused(|h| h.from = ExportSource::Disk("D".into()), "disk `D`");
        refused(|h| h.from = ExportSource::Snapshot(String::new()), "snapshot `` is empty");
        refused(|h| h.exported_at = "now".into(), "time `now`");
        for level in [0, -1, 10] {
            let error = ExportHeader { level, ..good() }.check().unwrap_err();
            assert_eq!(error, format!("there is no level {level} of compression; 1 to 9 are"));
        }
        refused(|h| h.resume.as_mut().unwrap().manifest.disk = "..".into(), "disk `..`");
        refused(|h| h.resume.as_mut().unwrap().sha256.push('0'), "is no SHA-256");
        refused(|h| h.resume.as_mut().unwrap().sha256 = "A".repeat(64), "is no SHA-256");
        refused(|h| h.resume.as_mut().unwrap().sha256 = "0".repeat(62), "is no SHA-256");
    }

    #[test]
    fn a_sum_is_read_digit_by_digit() {
        let mut expected = [10; 32];
        expected[31] = 255;
        assert_eq!(resume().sum(), Some(expected));
    }

    #[test]
    fn only_an_import_source_is_imported() {
        let header = |source: &str| {
            ImportHeader::new(CreateDisk {
                volume: volume(),
                generation: 0,
                disk: "d1".into(),
                size_bytes: 1,
                created_at: "2026-01-31T08:15:00Z".into(),
                source: source.into(),
                if_not_exists: false,
                at_rest: false,
            })
        };
        assert_eq!(header("import:archive").check(), Ok(()));
        for (source, message) in [
            ("empty", "`empty` is not the source of an import"),
            ("disk:d0", "`disk:d0` is not the source of an import"),
            ("import:", "import `` is empty"),
            ("archive", "a provider id is no source here"),
        ] {
            let error = header(source).check().unwrap_err();
            assert!(error.contains(message), "{error}");
        }
        let expected = Some(ExportManifest { format: 2, ..resume().manifest });
        assert!(ImportHeader { expected, ..header("import:archive") }.check().is_err());
    }
}
