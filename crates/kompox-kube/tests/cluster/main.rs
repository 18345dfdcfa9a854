//! The adapter against a real cluster of the test bed: what a scripted server cannot tell.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod access;
mod bed;
mod exec;
mod objects;
mod streams;
