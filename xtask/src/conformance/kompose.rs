//! Whether Kompose still says what is recorded in kompox-convert's tests, which hold our conversion against it. Runs
//! Kompose; `KOMPOX_BLESS=1` writes what it says now.

use crate::build;
use crate::test::Row;
use kompox_testbed::Testbed;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const NAME: &str = "Kompose's recorded answers";
/// `CASE.yaml` is what it makes of `../golden/CASE/compose.yml`.
const RECORDINGS: &str = "crates/kompox-convert/tests/kompose";
const CASES: &str = "crates/kompox-convert/tests/golden";
/// Annotations with the command line and the version.
const CHANGING: [&str; 2] = ["kompose.cmd:", "kompose.version:"];

/// Compares, or records.
pub(super) fn recordings() -> Result<Row, Box<dyn Error>> {
    let kompose = Testbed::of_this_checkout()?.kompose()?;
    let root = build::root();
    let bless = std::env::var_os("KOMPOX_BLESS").is_some();
    let begun = Instant::now();
    let mut recordings = Vec::new();
    for entry in fs::read_dir(root.join(RECORDINGS))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            recordings.push(path);
        }
    }
    recordings.sort();
    let mut differing = Vec::new();
    for recording in &recordings {
        let case = recording.file_stem().ok_or("a recording without a name")?;
        let said = answer(&kompose, &root.join(CASES).join(case))?;
        if bless {
            fs::write(recording, &said)?;
        } else if fs::read_to_string(recording)? != said {
            differing.push(case.to_string_lossy().into_owned());
        }
    }
    let failure = if recordings.is_empty() {
        Some("there are no recordings".to_owned())
    } else {
        let cases = differing.join(", ");
        (!differing.is_empty())
            .then(|| format!("Kompose answers otherwise now for {cases}; KOMPOX_BLESS=1 records it"))
    };
    Ok(Row::step(NAME, failure, begun.elapsed()))
}

fn answer(kompose: &Path, folder: &Path) -> Result<String, Box<dyn Error>> {
    let output = Command::new(kompose).args(["convert", "--stdout"]).current_dir(folder).output()?;
    if !output.status.success() {
        return Err(
            format!("kompose in {}: {}", folder.display(), String::from_utf8_lossy(&output.stderr)).into()
        );
    }
    let text = String::from_utf8(output.stdout)?;
    let stays = |line: &&str| !CHANGING.iter().any(|changing| line.trim_start().starts_with(changing));
    Ok(text.lines().filter(stays).map(|line| format!("{line}\n")).collect())
}
