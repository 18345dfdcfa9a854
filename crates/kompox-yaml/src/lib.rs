//! Located YAML tree and positioned diagnostics, shared by every loader of user files.
//!
//! Pure: text comes in as [`Sources`], a tree of [`Node`]s and [`Diagnostics`] go out. Every node
//! knows its file, line and column, so that a rule checked much later can still point at the text.

mod diagnostic;
mod merge;
mod nearest;
mod node;
mod parse;
mod report;
mod scalar;
mod source;
mod write;

pub use diagnostic::{Diagnostic, Diagnostics, Label, Severity};
pub use nearest::nearest;
pub use node::{Entry, Kind, Located, Mapping, Node, Value};
pub use parse::{Limits, parse};
pub use report::{Place, Report};
pub use source::{Position, SourceId, Sources, Span};
pub use write::{write, write_documents};
