//! The normalised project beside that of Docker Compose.
//!
//! `config/<case>.case` is a project as sections of files, an optional `request`, and `docker`: what `docker compose
//! config --format json` answers. The conformance run asks the real program again. Ours must be equal; where it is not,
//! `config/differences.txt` says why. A case that differs or is refused has a section `kompox` with our own answer;
//! `KOMPOX_BLESS=1` writes these sections anew.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use kompox_testcases::{Differences, cases, ours};
use std::collections::BTreeSet;

#[test]
fn config() {
    let differences = Differences::read().unwrap();
    let mut wrong = Vec::new();
    let cases = cases("config").unwrap();
    assert!(cases.len() >= 300, "only {} cases found", cases.len());
    let mut different = BTreeSet::new();
    for case in &cases {
        let ours = ours::answer(&case.project);
        let shown = differences.shown(&case.docker, &ours);
        if shown.is_none() && !ours.is_refused() {
            if case.kompox.is_some() {
                wrong.push(format!("{}: equal to Docker Compose: the section `kompox` must go", case.name));
            }
            continue;
        }
        if let Some(shown) = shown {
            different.insert(case.name.clone());
            if !differences.cases.contains_key(&case.name) {
                wrong.push(format!("{} differs:\n{shown}", case.name));
                continue;
            }
        }
        if std::env::var_os("KOMPOX_BLESS").is_some() {
            case.record_kompox(&ours).unwrap();
        } else if case.kompox.as_ref() != Some(&ours) {
            wrong.push(format!("{}: the section `kompox` is not our answer any more", case.name));
        }
    }
    for name in differences.cases.keys().filter(|name| !different.contains(*name)) {
        wrong.push(format!("differences.txt names {name}, which does not differ"));
    }
    println!("compose config: {} cases, {} differ for a reason", cases.len(), different.len());
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
