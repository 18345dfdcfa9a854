//! Reading and writing the JSON of this crate, the version first. Pure.

use crate::{
    Answer, COPY_VERSION, CopyUpPlan, ExportHeader, FillHeader, ImportHeader, PLAN_VERSION, PROTOCOL_VERSION,
    PackPlan, QUIESCE_VERSION, QuiescePlan, Request, UnpackPlan, WriteFilesPlan,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Longest JSON text that is read, in bytes: a list of some thousand disks.
pub const MAX_JSON_BYTES: usize = 16 * 1024 * 1024;

/// Why a text was not understood.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, or not of the expected shape.
    #[error("the {what} is not understood")]
    Shape {
        /// What was read.
        what: &'static str,
        /// What the JSON reader found.
        source: serde_json::Error,
    },
    /// Another version of the protocol.
    #[error("the {what} has protocol version {found}, this program speaks version {expected}")]
    Version {
        /// What was read.
        what: &'static str,
        /// The version in the text.
        found: u32,
        /// The version that this program speaks.
        expected: u32,
    },
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

fn decode<T: DeserializeOwned>(what: &'static str, expected: u32, text: &[u8]) -> Result<T, DecodeError> {
    // The version comes first: another version's shape would only confuse the message.
    let VersionOnly { version } =
        serde_json::from_slice(text).map_err(|source| DecodeError::Shape { what, source })?;
    if version != expected {
        return Err(DecodeError::Version { what, found: version, expected });
    }
    serde_json::from_slice(text).map_err(|source| DecodeError::Shape { what, source })
}

macro_rules! json_text {
    ($($name:ident: $what:literal in $version:ident),*) => {$(
        impl $name {
            /// Reads one JSON object.
            ///
            /// # Errors
            /// Another version, another shape, an unknown field where those are refused, or no JSON.
            pub fn decode(text: &[u8]) -> Result<Self, DecodeError> {
                decode($what, $version, text)
            }

            /// One line of JSON without the line end.
            #[must_use]
            pub fn encode(&self) -> String {
                serde_json::to_string(self).expect("strings and numbers always have a JSON form")
            }
        }
    )*};
}

json_text!(Request: "request" in PROTOCOL_VERSION, Answer: "answer" in PROTOCOL_VERSION,
    FillHeader: "fill header" in PROTOCOL_VERSION, ExportHeader: "export header" in PROTOCOL_VERSION,
    ImportHeader: "import header" in PROTOCOL_VERSION, CopyUpPlan: "copy-up plan" in PLAN_VERSION,
    WriteFilesPlan: "write-files plan" in PLAN_VERSION,
    PackPlan: "pack plan" in COPY_VERSION, UnpackPlan: "unpack plan" in COPY_VERSION,
    QuiescePlan: "quiesce plan" in QUIESCE_VERSION);
