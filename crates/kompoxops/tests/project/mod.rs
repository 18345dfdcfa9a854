//! An ordinary project in a folder of its own. No server answers for its cluster.

use std::fs;

pub(crate) fn project() -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    let sessions = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sessions/unreachable");
    for file in ["kompoxops.yml", "compose.yml"] {
        fs::copy(format!("{sessions}/{file}"), project.path().join(file)).unwrap();
    }
    project
}
