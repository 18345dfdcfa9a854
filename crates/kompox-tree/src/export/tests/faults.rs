//! A change of the file system that fails, at every step of an import.

use super::tree::{plain, special};
use super::*;
use crate::fault::here;
use std::fs;

#[test]
fn a_failure_at_any_step_is_a_failure_of_the_import() {
    let root = tempfile::tempdir().unwrap();
    let from = root.path().join("from");
    fs::create_dir(&from).unwrap();
    if is_root("devices in a_failure_at_any_step_is_a_failure_of_the_import") {
        special(&from);
    } else {
        plain(&from);
    }
    let (file, _) = exported(&from, None).unwrap();
    for step in 1.. {
        let to = root.path().join(format!("to{step}"));
        fs::create_dir(&to).unwrap();
        let (done, failed) = here::fail(step, || imported(&to, &file));
        if !failed {
            assert_eq!(facts(&to), facts(&from));
            assert!(step > 40, "only {step} steps");
            println!("{} steps failed one by one", step - 1);
            return;
        }
        assert!(done.unwrap_err().message.contains("a fault was asked for"), "step {step}");
    }
}
