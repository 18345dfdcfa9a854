//! The static helper in Pods and on nodes: disk store, copy-up, hold, signal.
fn main() {}
