//! Trees of files: everything beneath an open folder without following a link, and trees as tar archives that are
//! written, and read as hostile input. IO: the file system, and the streams it is given.
//!
//! Both ends of a copy use it: `kompox-node` in a container, `kompoxops` on the user's machine. And [`export()`],
//! [`inspect()`] and [`import()`] make one file of a whole disk, and a disk of such a file.

mod archive;
mod export;
pub mod failure;
pub mod fault;
pub mod folder;
pub mod lock;
mod make;
mod merge;
mod pack;
mod receive;
mod source;
pub mod sync;
pub mod tree;
pub mod unpack;

pub use export::{Exported, Imported, Inspected, Limits, Options, Resume, State, export, import, inspect};
pub use pack::{Packed, pack};
pub use receive::{Arrival, receive};
pub use source::{name_of, wants_folder};
pub use unpack::Owners;
