//! Whether Docker Compose still says what is recorded in kompox-compose's tests, and whether both loaders agree about
//! projects that nobody wrote. Builds Docker Compose and `kompox-testcases`, which asks it; `KOMPOX_BLESS=1` records what it
//! says now.

use crate::build;
use crate::test::{self, Row};
use kompox_testbed::Testbed;
use std::error::Error;
use std::process::Command;

const RECORDED: &str = "Docker Compose's recorded answers";
/// Generated projects.
const PROJECTS: &str = "3000";
/// What they follow from, so that a run means the same everywhere. `KOMPOX_SEED` looks elsewhere.
const SEED: (&str, &str) = ("KOMPOX_SEED", "1");

/// Both parts.
pub(super) fn rows() -> Result<[Row; 2], Box<dyn Error>> {
    let docker = Testbed::of_this_checkout()?.docker_compose()?;
    let program = build::fuzzing("kompox-testcases")?;
    let mut recorded = Command::new(&program);
    recorded.arg("recorded").arg(&docker);
    let mut generated = Command::new(&program);
    generated.arg("generated").arg(&docker).arg(PROJECTS);
    if std::env::var_os(SEED.0).is_none() {
        generated.env(SEED.0, SEED.1);
    }
    let name = format!("{PROJECTS} generated projects beside Docker Compose");
    Ok([test::counted(RECORDED, recorded)?, test::counted(&name, generated)?])
}
