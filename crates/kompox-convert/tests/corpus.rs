//! Compose files as they are written for well-known apps. `corpus/rates.txt` says what becomes of each and of how many
//! of them: converted as they are, with something that has no effect or may differ, or refused, with the reasons.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod support;

use kompox_compose::{MemoryFiles, Sources};
use kompox_testkit::golden;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use support::{Case, load};

/// What is said of one file, the codes of each kind.
struct Fate {
    errors: Vec<String>,
    /// Warnings and notes.
    told: Vec<String>,
}

fn fate(path: &Path) -> Fate {
    let text = std::fs::read_to_string(path).unwrap();
    // The first line may name files that stand beside it.
    let names = text.lines().next().and_then(|line| line.strip_prefix("# files: ")).unwrap_or_default();
    let files = names
        .split(", ")
        .filter(|name| !name.is_empty())
        .fold(MemoryFiles::new(), |files, name| files.with(name, "# nothing\n"));
    let mut sources = Sources::new();
    let (project, mut diagnostics) = load("compose.yml", &text, &files, &mut sources);
    if let Some(project) = project {
        diagnostics.extend(Case::default().convert(&project, &files).1);
    }
    let said = diagnostics.render(&sources);
    let codes = |severities: &[&str]| {
        let lines = said.lines().filter_map(|line| line.split_once("]: ").map(|(start, _)| start));
        let named = lines.filter_map(|start| start.rsplit_once(' ').map(|(_, named)| named));
        let wanted = named
            .filter_map(|named| named.split_once('['))
            .filter(|(severity, _)| severities.contains(severity));
        wanted.map(|(_, code)| code.to_owned()).collect::<BTreeSet<_>>().into_iter().collect()
    };
    Fate { errors: codes(&["error"]), told: codes(&["warning", "note"]) }
}

#[test]
fn the_fate_of_each_file_and_the_rates_are_as_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let entries = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
    let is_case = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yml");
    let mut cases: Vec<_> = entries.filter(is_case).collect();
    cases.sort();
    let (mut report, mut plain, mut told_of, mut refused) = (String::new(), 0, 0, 0);
    for path in &cases {
        let Fate { errors, told } = fate(path);
        let what = match (errors.as_slice(), told.as_slice()) {
            ([], []) => {
                plain += 1;
                "as it is".to_owned()
            }
            ([], told) => {
                told_of += 1;
                format!("told of: {}", told.join(", "))
            }
            (errors, _) => {
                refused += 1;
                format!("refused: {}", errors.join(", "))
            }
        };
        report.push_str(&format!("{}: {what}\n", path.file_stem().unwrap().display()));
    }
    let count = cases.len();
    report.push_str(&format!(
        "{count} files: {plain} convert as they are, {told_of} with notes or warnings, {refused} are refused\n"
    ));
    golden(root.join("rates.txt"), &report);
}
