//! What compose keys promise, as containers on a real cluster see it. Few apps, each with many services that show what
//! became of their keys.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bed;
mod behaviour;
