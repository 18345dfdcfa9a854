//! Operates apps, disks and clusters from files alone.
fn main() {}
