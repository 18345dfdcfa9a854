//! The normalised project beside that of Docker Compose.
//!
//! `config/<case>.case` is a project as sections of files, an optional `request`, and `docker`: what `docker compose
//! config --format json` answers. The conformance run asks the real program again. Ours must be equal; where it is not,
//! `config/differences.txt` says why. A case that differs or is refused has a section `kompox` with our own answer;
//! `KOMPOX_BLESS=1` writes these sections anew.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod case;

use case::Outcome;
use serde_json::Value;
use std::collections::BTreeMap;

/// Values that are left out of every comparison, with the reason in `differences.txt`.
const EVERYWHERE: &str = "everywhere ";

#[test]
fn config() {
    let differences = case::differences();
    let mut wrong = Vec::new();
    let cases = case::all();
    assert!(cases.len() >= 300, "only {} cases found", cases.len());
    let mut different = BTreeMap::new();
    for case in &cases {
        let ours = case.run();
        let expected = match &case.docker {
            Outcome::Refused(_) => Err(()),
            Outcome::Config(config) => Ok(pruned(config.clone(), &differences.everywhere)),
        };
        let same = match (&ours, &expected) {
            (Outcome::Config(ours), Ok(docker)) => pruned(ours.clone(), &differences.everywhere) == *docker,
            (Outcome::Refused(_), Err(())) => true,
            _ => false,
        };
        let refused = matches!(ours, Outcome::Refused(_));
        if same && !refused {
            if case.kompox.is_some() {
                wrong.push(format!("{}: equal to Docker Compose: the section `kompox` must go", case.name));
            }
            continue;
        }
        if !same {
            different.insert(case.name.clone(), ());
        }
        if !same && !differences.cases.contains_key(&case.name) {
            wrong.push(format!(
                "{} differs:\n{}",
                case.name,
                case.difference(&ours, &differences.everywhere)
            ));
        } else if std::env::var_os("KOMPOX_BLESS").is_some() {
            case.write(&ours);
        } else if case.kompox.as_ref() != Some(&ours) {
            wrong.push(format!("{}: the section `kompox` is not our answer any more", case.name));
        }
    }
    for name in differences.cases.keys().filter(|name| !different.contains_key(*name)) {
        wrong.push(format!("differences.txt names {name}, which does not differ"));
    }
    println!("compose config: {} cases, {} differ for a reason", cases.len(), different.len());
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn pruned(value: Value, patterns: &[Vec<String>]) -> Value {
    case::prune(value, patterns)
}
