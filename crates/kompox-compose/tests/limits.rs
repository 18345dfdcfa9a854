//! What a small project may ask for: what is used again and again counts again, and the project is refused in the end.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use kompox_testcases::fuzz::{AGAIN, SIZE, again, check};
use kompox_testcases::{Outcome, ours};
use std::time::Duration;

/// What of it costs little enough to be loaded.
const LOADED: [&str; 3] = ["include-env-comment", "extends-many", "configs"];

#[test]
fn what_is_used_again_counts_again() {
    for (name, parts) in AGAIN {
        let large = (SIZE - 1000) / 2;
        let project = again(parts, large, SIZE - 1000 - large);
        assert!(project.size() <= SIZE, "{name}: {} bytes", project.size());
        let checked = check(&project).unwrap_or_else(|error| panic!("{name}: {error}"));
        // Without optimisation, and beside other tests.
        assert!(checked.longest < Duration::from_secs(5), "{name}: {:?}", checked.longest);
        match ours::answer(&project) {
            Outcome::Refused(why) if name == "include-empty" => {
                assert!(why.contains("compose.empty"), "{why}");
            }
            Outcome::Refused(why) => {
                assert!(why.contains("error[compose.too-large]"), "{name}: {why}");
                assert_eq!(why.matches("error[").count(), 1, "{name}: {why}");
                assert!(!LOADED.contains(&name), "{name}: {why}");
            }
            _ => assert!(LOADED.contains(&name), "{name} was loaded"),
        }
    }
}

#[test]
fn files() {
    let mut project = again(|_, _| Vec::new(), 0, 0);
    let list: String = (0..501).map(|at| format!("  - {at}.yaml\n")).collect();
    project.files.insert("/project/compose.yaml".to_owned(), format!("include:\n{list}").into_bytes());
    for at in 0..501 {
        let text = format!("services: {{s{at}: {{image: x}}}}\n");
        project.files.insert(format!("/project/{at}.yaml"), text.into_bytes());
    }
    let Outcome::Refused(why) = ours::answer(&project) else { panic!("501 files were read") };
    assert!(why.contains("compose.yaml:502:5: error[compose.too-many-files]"), "{why}");
    assert_eq!(why.matches("error[").count(), 1, "{why}");
}
