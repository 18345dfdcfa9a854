//! A disk as one file that any later driver can take in: written, looked at, and taken in again. IO.
//!
//! `docs/export-format.md` describes the file. What is read is hostile input, whatever its manifest says.

mod ahead;
mod attributes;
mod chunks;
mod compress;
mod decode;
mod expand;
mod frames;
mod header;
mod import;
mod inspect;
mod layout;
mod links;
mod member;
mod members;
mod pax;
mod place;
mod reading;
mod source;
mod sparse;
mod walk;
mod worker;
mod write;

pub use frames::Resume;
pub use import::{Imported, Limits, import};
pub use inspect::{Inspected, State, inspect};
pub use write::{Exported, Options, export};

/// The name of the manifest, the first entry.
const MANIFEST: &str = "kompox-export.json";
/// The name of the trailer, the last entry.
const TRAILER: &str = "kompox-export.sum.json";
/// What the path of every entry of the tree begins with.
const DATA: &str = "data/";

/// A sum as the trailer has it.
fn hexadecimal(sum: &[u8; 32]) -> String {
    sum.iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests;
