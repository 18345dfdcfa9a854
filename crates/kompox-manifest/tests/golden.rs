//! Golden files: every `golden/{accepted,refused}/*.yml` beside the `.expected` text of what its load gives.
//! Reads and, with `KOMPOX_BLESS=1`, writes the expected files.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

mod printed;

use kompox_manifest::load;
use kompox_model::Configuration;
use kompox_yaml::{Diagnostics, Sources};
use std::fs;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn load_text(name: &str, text: &str) -> (Option<Configuration>, Diagnostics, Sources) {
    let mut sources = Sources::new();
    let id = sources.add(name, text);
    let (configuration, diagnostics) = load(&sources, id);
    (configuration, diagnostics, sources)
}

/// Compares each file of a folder with its expectation and returns how many there were.
fn run(kind: &str, accepted: bool) -> usize {
    let bless = std::env::var_os("KOMPOX_BLESS").is_some();
    let mut inputs: Vec<PathBuf> =
        fs::read_dir(folder(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    inputs.sort();
    let mut failures = Vec::new();
    for input in &inputs {
        let name = input.file_name().unwrap().to_str().unwrap();
        let (configuration, diagnostics, sources) = load_text(name, &fs::read_to_string(input).unwrap());
        let model = configuration.as_ref().map(printed::configuration).unwrap_or_default();
        let actual = format!("{model}{}", diagnostics.render(&sources));
        let expected = input.with_extension("expected");
        if bless {
            fs::write(&expected, &actual).unwrap();
        }
        if configuration.is_some() != accepted {
            failures.push(format!("{name}: accepted is {}\n{actual}", !accepted));
        }
        if diagnostics.iter().any(|diagnostic| diagnostic.span().is_none()) {
            failures.push(format!("{name}: a finding without a place\n{actual}"));
        }
        if fs::read_to_string(&expected).unwrap_or_default() != actual {
            failures.push(format!("{name}: differs from its expectation; it gave\n{actual}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    inputs.len()
}

#[test]
fn accepted_files() {
    assert!(run("accepted", true) >= 10);
}

#[test]
fn refused_files() {
    assert!(run("refused", false) >= 40);
}

#[test]
fn the_example_of_the_specification_has_its_four_routes() {
    let text = fs::read_to_string(folder("accepted/specification.yml")).unwrap();
    let (configuration, diagnostics, _) = load_text("kompoxops.yml", &text);
    assert!(diagnostics.is_empty());
    let configuration = configuration.unwrap();
    let identity = configuration.app_identity().unwrap();
    let domain = configuration.app_domain();
    let default = |port| (kompox_model::resource_name::default_host(&identity, port, &domain), port);
    let custom =
        configuration.app.as_ref().unwrap().ingress.iter().map(|rule| (rule.host.clone(), rule.port));
    let routes: Vec<_> = [default(80), default(8080)].into_iter().chain(custom).collect();
    let expected = [
        ("my-app.my-aks.ops.kompox.dev", 80),
        ("my-app-8080.my-aks.ops.kompox.dev", 8080),
        ("www.my-app.kompox.dev", 80),
        ("admin.my-app.kompox.dev", 8080),
    ];
    assert_eq!(routes, expected.map(|(host, port)| (host.to_owned(), port)));
}
