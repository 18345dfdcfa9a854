//! Every folder of `golden/`: its compose.yml gives the objects of expected.yaml, the diagnostics of expected.txt and
//! the summary of summary.txt.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

#[path = "support/folder.rs"]
mod folder;
mod support;

use folder::{cases, run};
use kompox_compose::{MemoryFiles, Sources};
use kompox_convert::Conversion;
use kompox_testkit::golden;
use std::fmt::Write;
use std::path::Path;
use support::{Case, load};

/// Files of `refused/`: a compose text each, and beside it what is said.
#[test]
fn refusals_are_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused");
    let mut count = 0;
    for entry in std::fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let files = MemoryFiles::new().with("f", "content");
        let mut sources = Sources::new();
        let (project, mut diagnostics) = load("compose.yml", &text, &files, &mut sources);
        // The first line may hold the settings of the case.
        let settings = text.lines().next().and_then(|line| line.strip_prefix("# case: "));
        let settings = settings.map_or(serde_json::Value::Null, |json| serde_json::from_str(json).unwrap());
        if let Some(project) = project {
            let (conversion, more) = Case::new(&settings).convert(&project, &files);
            assert_eq!(conversion.is_none(), more.has_errors(), "{}", path.display());
            diagnostics.extend(more);
        }
        assert!(diagnostics.has_errors(), "{} was not refused", path.display());
        golden(path.with_extension("txt"), &diagnostics.render(&sources));
        count += 1;
    }
    assert!(count > 10, "the cases were not found");
}

fn manifests(conversion: &Conversion) -> String {
    let objects = conversion.resources.clone().into_objects();
    let claims: Vec<_> = conversion.host_claims.iter().map(kompox_convert::HostClaim::object).collect();
    let mut text = String::new();
    for object in objects.iter().chain(&claims) {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&object.redacted()).unwrap());
    }
    text
}

#[test]
fn cases_give_what_is_expected() {
    for folder in cases() {
        let (conversion, diagnostics) = run(&folder);
        golden(folder.join("expected.txt"), &diagnostics);
        if let Some(conversion) = conversion {
            golden(folder.join("expected.yaml"), &manifests(&conversion));
            let mut summary = String::new();
            writeln!(summary, "{:#?}", conversion.summary).unwrap();
            golden(folder.join("summary.txt"), &summary);
        } else {
            assert!(!folder.join("expected.yaml").exists(), "{} gave no objects", folder.display());
        }
    }
}

#[test]
fn no_secret_is_printed() {
    for folder in cases() {
        if let (Some(conversion), diagnostics) = run(&folder) {
            assert!(!manifests(&conversion).contains("canary"), "{}", folder.display());
            assert!(
                !format!("{diagnostics}{:?}", conversion.summary).contains("canary"),
                "{}",
                folder.display()
            );
        }
    }
}

#[test]
fn a_hundred_conversions_are_equal() {
    for folder in cases() {
        let bytes = || {
            let conversion = run(&folder).0?;
            let objects = conversion.resources.into_objects();
            Some(objects.iter().map(|object| object.body.to_string()).collect::<Vec<_>>())
        };
        let first = bytes();
        for _ in 1..100 {
            assert_eq!(bytes(), first, "{}", folder.display());
        }
    }
}
