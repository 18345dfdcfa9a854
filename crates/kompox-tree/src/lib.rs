//! Trees of files: everything beneath an open folder without following a link, and trees as tar archives that are
//! written, and read as hostile input. IO: the file system, and the streams it is given.
//!
//! Both ends of a copy use it: `kompox-node` in a container, `kompoxops` on the user's machine.

mod archive;
pub mod failure;
pub mod fault;
pub mod folder;
pub mod lock;
mod merge;
mod pack;
mod receive;
mod source;
pub mod sync;
pub mod tree;
pub mod unpack;

pub use pack::{Packed, pack};
pub use receive::{Arrival, receive};
pub use source::{name_of, wants_folder};
pub use unpack::Owners;
