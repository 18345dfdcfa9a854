//! What an export says about the disk in it: the manifest before the tree, and the trailer behind it. Pure.
//!
//! `docs/export-format.md` has the whole format. An export may come from anywhere and be read years later: a name or
//! time in it is checked like one in a request.

use crate::{
    DISK_NAME_LIMIT, Identity, LABEL_LIMIT, NameError, TimeError, VOLUME_NAME_LIMIT, check_label, check_time,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The format of exports. A program refuses an export of another format.
pub const EXPORT_FORMAT: u32 = 1;
/// The longest manifest or trailer that is read, in bytes.
pub const MAX_MANIFEST_BYTES: usize = 64 * 1024;
/// The longest source or program version, in bytes.
const TEXT_LIMIT: usize = 1024;

/// The first entry of an export: what was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportManifest {
    /// [`EXPORT_FORMAT`].
    pub format: u32,
    /// The app, in full.
    pub identity: Identity,
    /// Name of the volume.
    pub volume: String,
    /// Name of the disk.
    pub disk: String,
    /// Name of the snapshot, when one was exported and not the disk as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// What the disk was made from (its lineage), as its record has it.
    pub source: String,
    /// Declared size of the disk in bytes, not what it holds.
    pub size_bytes: u64,
    /// When the disk or snapshot was made, RFC 3339 in UTC.
    pub created_at: String,
    /// When the export was begun, RFC 3339 in UTC, by the caller's clock. An export that goes on keeps it.
    pub exported_at: String,
    /// Whether nothing could write while the tree was read, or the tree is an atomic snapshot.
    pub atomic: bool,
    /// Version of the program that began the export.
    pub program: String,
}

/// The last entry of an export: what everything before it must add up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportTrailer {
    /// Entries between the manifest and this one; the top folder is one.
    pub entries: u64,
    /// Bytes of data of the files; a hole in a file is none.
    pub bytes: u64,
    /// Sockets that the tree had and the export has not.
    pub left_out: u64,
    /// SHA-256 of all tar bytes before this entry's header, as 64 small hexadecimal digits.
    pub sha256: String,
}

/// Why a manifest or trailer is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Too long, not JSON, or not of the expected shape.
    #[error("the {what} of the export is not understood")]
    Shape {
        /// What was read.
        what: &'static str,
        /// What the JSON reader found; none when the text is too long.
        source: Option<serde_json::Error>,
    },
    /// Another format.
    #[error("the export has format {found}, this program reads format {EXPORT_FORMAT}")]
    Format {
        /// The format in the text.
        found: u32,
    },
    /// A name that breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A time that is none.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// A text that is too long or has a control character.
    #[error("the {0} of the export is longer than {TEXT_LIMIT} bytes or has control characters")]
    Text(&'static str),
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl ExportManifest {
    /// Reads one JSON object and checks it.
    ///
    /// # Errors
    /// Another format, another shape, an unknown field, or what [`check`](Self::check) refuses.
    pub fn decode(text: &[u8]) -> Result<Self, ManifestError> {
        // The format comes first: another one's shape would only confuse the message.
        let FormatOnly { format } = decode("manifest", text)?;
        if format != EXPORT_FORMAT {
            return Err(ManifestError::Format { found: format });
        }
        let manifest: Self = decode("manifest", text)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// One line of JSON with its end.
    ///
    /// # Errors
    /// None that these types can have.
    pub fn encode(&self) -> Result<String, ManifestError> {
        encode("manifest", self)
    }

    /// Checks format, names, times and texts.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn check(&self) -> Result<(), ManifestError> {
        if self.format != EXPORT_FORMAT {
            return Err(ManifestError::Format { found: self.format });
        }
        check_label("workspace", &self.identity.workspace, LABEL_LIMIT)?;
        check_label("provider", &self.identity.provider, LABEL_LIMIT)?;
        check_label("app", &self.identity.app, LABEL_LIMIT)?;
        check_label("volume", &self.volume, VOLUME_NAME_LIMIT)?;
        check_label("disk", &self.disk, DISK_NAME_LIMIT)?;
        if let Some(snapshot) = &self.snapshot {
            check_label("snapshot", snapshot, DISK_NAME_LIMIT)?;
        }
        check_time(&self.created_at)?;
        check_time(&self.exported_at)?;
        for (what, text) in [("source", &self.source), ("program version", &self.program)] {
            if text.len() > TEXT_LIMIT || text.chars().any(char::is_control) {
                return Err(ManifestError::Text(what));
            }
        }
        Ok(())
    }
}

impl ExportTrailer {
    /// Reads one JSON object.
    ///
    /// # Errors
    /// Another shape or an unknown field.
    pub fn decode(text: &[u8]) -> Result<Self, ManifestError> {
        decode("trailer", text)
    }

    /// One line of JSON with its end.
    ///
    /// # Errors
    /// None that these types can have.
    pub fn encode(&self) -> Result<String, ManifestError> {
        encode("trailer", self)
    }
}

fn decode<T: DeserializeOwned>(what: &'static str, text: &[u8]) -> Result<T, ManifestError> {
    if text.len() > MAX_MANIFEST_BYTES {
        return Err(ManifestError::Shape { what, source: None });
    }
    serde_json::from_slice(text).map_err(|source| ManifestError::Shape { what, source: Some(source) })
}

fn encode(what: &'static str, value: &impl Serialize) -> Result<String, ManifestError> {
    let text = serde_json::to_string(value);
    text.map(|text| text + "\n").map_err(|source| ManifestError::Shape { what, source: Some(source) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn manifest() -> ExportManifest {
        ExportManifest {
            format: EXPORT_FORMAT,
            identity: Identity { workspace: "ws".into(), provider: "prv".into(), app: "app".into() },
            volume: "default".into(),
            disk: "d1".into(),
            snapshot: None,
            source: "disk:d0".into(),
            size_bytes: 10 << 30,
            created_at: "2026-01-31T08:15:00Z".into(),
            exported_at: "2026-02-01T08:15:00.5Z".into(),
            atomic: true,
            program: "0.1.0".into(),
        }
    }

    #[test]
    fn both_survive_their_json() {
        for snapshot in [None, Some("nightly".to_owned())] {
            let manifest = ExportManifest { snapshot, ..manifest() };
            assert_eq!(ExportManifest::decode(manifest.encode().unwrap().as_bytes()).unwrap(), manifest);
        }
        let trailer = ExportTrailer { entries: 1, bytes: u64::MAX, left_out: 0, sha256: "ab".into() };
        assert_eq!(ExportTrailer::decode(trailer.encode().unwrap().as_bytes()).unwrap(), trailer);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut cases = vec![];
        let mut wrong = |change: fn(&mut ExportManifest), message: &'static str| {
            let mut manifest = manifest();
            change(&mut manifest);
            cases.push((manifest, message));
        };
        wrong(|m| m.format = 2, "has format 2");
        wrong(|m| m.identity.app = "../x".into(), "app `../x`");
        wrong(|m| m.volume = String::new(), "volume `` is empty");
        wrong(|m| m.disk = "A".into(), "disk `A`");
        wrong(|m| m.snapshot = Some("a b".into()), "snapshot `a b`");
        wrong(|m| m.created_at = "today".into(), "time `today`");
        wrong(|m| m.exported_at = String::new(), "time ``");
        wrong(|m| m.source = "a\nb".into(), "the source");
        wrong(|m| m.program = "x".repeat(2000), "the program version");
        for (manifest, message) in cases {
            let error = ExportManifest::decode(manifest.encode().unwrap().as_bytes()).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
        let unknown = manifest().encode().unwrap().replacen('{', "{\"more\":1,", 1);
        assert!(ExportManifest::decode(unknown.as_bytes()).is_err());
        let long = vec![b' '; MAX_MANIFEST_BYTES + 1];
        assert!(ExportManifest::decode(&long).is_err() && ExportTrailer::decode(&long).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            let _ = ExportManifest::decode(text.as_bytes());
            let _ = ExportTrailer::decode(text.as_bytes());
        }
    }
}
