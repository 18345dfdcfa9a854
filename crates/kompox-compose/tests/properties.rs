//! The loader on arbitrary input: no panic, no long run, and every diagnostic points into a text.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use kompox_compose::{
    ComposeFile, Diagnostics, DotEnv, MemoryFiles, Project, ProjectName, Request, Sources, load,
};
use kompox_testcases::generate::{self, Schema};
use kompox_testcases::{Outcome, Project as Input, Random, fuzz, ours};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::LazyLock;

fn run(text: &str, dot_env: &str) -> (Option<Project>, Diagnostics, Sources) {
    let files = MemoryFiles::new().with("x.env", dot_env).with("f", "content");
    let mut sources = Sources::new();
    let request = Request {
        name: ProjectName::Given("app"),
        compose: &[ComposeFile { name: "compose.yml", path: "compose.yml", text }],
        environment: &BTreeMap::new(),
        dot_env: DotEnv::Text { name: ".env", text: dot_env },
        profiles: &[],
        files: &files,
    };
    let (project, diagnostics) = load(&mut sources, &request);
    (project, diagnostics, sources)
}

fn check(text: &str, dot_env: &str) {
    let (project, diagnostics, sources) = run(text, dot_env);
    assert_eq!(project.is_some(), !diagnostics.has_errors());
    for diagnostic in &diagnostics {
        assert!(!diagnostic.labels.is_empty(), "{diagnostic:?}");
        for label in &diagnostic.labels {
            let length = sources.text(label.span.source).len();
            assert!(
                label.span.start.offset as usize <= length && label.span.start.line > 0,
                "{diagnostic:?}"
            );
        }
    }
}

/// Every compose file of the golden cases.
fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let golden = std::fs::read_dir(folder.join("golden")).unwrap();
    let golden = golden.map(|entry| entry.unwrap().path().join("compose.yml"));
    let refused = std::fs::read_dir(folder.join("refused")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = golden.chain(refused.filter(|path| path.extension().unwrap() == "yml")).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files(
        pick in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[ \n:\\[\\]{}$&*!|>'\",a-c0-9~-]{0,6}"), 1..4),
    ) {
        let corpus = corpus();
        let mut text: Vec<char> = pick.get(&corpus).chars().collect();
        for (at, length, insert) in cuts {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, insert.chars());
        }
        check(&text.into_iter().collect::<String>(), "A=1\n");
    }

    #[test]
    fn odd_values(
        key in prop::sample::select(kompox_compose::SERVICE_KEYS),
        value in prop::sample::select(&[
            "", "~", "true", "0", "-1", "1.5", "9999999999999999999", "text", "''", "[]", "[[]]", "[~]", "[1, a, true]",
            "[{}]", "{}", "{a: }", "{a: {}}", "{a: [x]}", "{a: {b: {c: d}}}", "'a:b:c:d'", "'a=b'", "'${A}'", "'$'",
            "[a, a]", "'service:web'", "\"\\0\"", "'é'",
        ][..]),
    ) {
        check(&format!("services:\n  web:\n    image: x\n    {key}: {value}\n"), "");
        check(&format!("services:\n  web:\n    image: x\n    deploy: {{{key}: {value}}}\n{key}: {value}\n"), "");
    }

    #[test]
    fn odd_env_files(text in "([A-C=:#'\"\\\\$ {}\n]|export |\\PC){0,60}") {
        check("services: {web: {image: x, env_file: x.env}}\n", &text);
    }
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::read().unwrap());

/// A random project in the one file that the next ones are merged into.
fn generated(seed: u64) -> Input {
    let mut project = generate::project(&SCHEMA, &mut Random::new(seed));
    project.files.retain(|path, _| !path.ends_with("compose.override.yaml"));
    project.request.retain(|(key, _)| key != "file");
    project.request.push(("file".to_owned(), "compose.yaml".to_owned()));
    project
}

/// The same with one more file.
fn with(project: &Input, name: &str, text: &[u8]) -> Input {
    let mut project = project.clone();
    project.files.insert(format!("/project/{name}"), text.to_vec());
    project.request.push(("file".to_owned(), name.to_owned()));
    project
}

/// Lists without what is in them a second time, since a list whose entries have no identity is appended to; and no empty
/// ones, since hosts without any address are gone when they are merged.
fn once(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(once);
            let mut kept: Vec<Value> = Vec::new();
            for item in items.drain(..) {
                if !kept.contains(&item) {
                    kept.push(item);
                }
            }
            *items = kept;
        }
        Value::Object(object) => {
            object.values_mut().for_each(once);
            object.retain(|_, value| value.as_array().is_none_or(|items| !items.is_empty()));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merges_of_two_projects(first: u64, second: u64) {
        let (first, second) = (generated(first), generated(second));
        let merged = with(&first, "second.yaml", &second.files["/project/compose.yaml"]);
        prop_assert_eq!(fuzz::check(&merged).map(|_| ()), Ok(()));
    }

    #[test]
    fn merging_nothing_or_the_same_keeps_the_project(seed: u64) {
        let project = generated(seed);
        let Outcome::Config(mut before) = ours::answer(&project) else { return Ok(()) };
        for empty in ["{}\n", "services: {}\n", "services:\n", "---\n"] {
            prop_assert_eq!(ours::answer(&with(&project, "empty.yaml", empty.as_bytes())), Outcome::Config(before.clone()));
        }
        let again = with(&project, "again.yaml", &project.files["/project/compose.yaml"]);
        let Outcome::Config(mut after) = ours::answer(&again) else { return Err(TestCaseError::fail("refused")) };
        once(&mut before);
        once(&mut after);
        prop_assert_eq!(after, before);
    }

    #[test]
    fn loading_twice_gives_the_same(seed: u64) {
        let project = generated(seed);
        let load = || {
            let mut sources = Sources::new();
            let (project, diagnostics) = ours::loaded(&project, &mut sources);
            (format!("{project:?}"), diagnostics.render(&sources))
        };
        prop_assert_eq!(load(), load());
        prop_assert_eq!(ours::answer(&project), ours::answer(&project));
    }

    #[test]
    fn odd_variables(text in "([$]|[$][{]|[}]|:?[-+?]|A|_|1| |\n|'|\\PC){0,40}") {
        let value = Value::from(text);
        check(&format!("services: {{web: {{image: x, command: {value}, environment: [{value}], labels: {{a: {value}}}}}}}\n"), "A=1\n");
    }
}

/// Each of these is about 64 KiB and made to cost more than it should.
#[test]
fn hostile_files_are_read_in_little_time() {
    let many = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let service = "services:\n  web:\n    image: x\n";
    let mut chain = "services:\n".to_owned();
    for index in 0..1200 {
        writeln!(chain, "  s{index}: {{image: x, depends_on: [s0, s{}]}}", (index + 1) % 1200).unwrap();
    }
    let cases = [
        ("port ranges", format!("{service}    ports:\n{}", many(3000, &|_| "      - 1-65535\n".to_owned()))),
        (
            "expose ranges",
            format!("{service}    expose:\n{}", many(3000, &|_| "      - 1-65535\n".to_owned())),
        ),
        ("circles", chain),
        ("undeclared", format!("{service}    depends_on:\n{}", many(6000, &|n| format!("      - s{n}\n")))),
        ("unknown keys", format!("{service}{}", many(5000, &|n| format!("    key{n}: 1\n")))),
        ("links", format!("{service}    links:\n{}", many(5000, &|n| format!("      - a{n}\n")))),
        ("same target", format!("{service}    volumes:\n{}", many(6000, &|_| "      - /a\n".to_owned()))),
        ("unset variables", format!("{service}    command: \"{}\"\n", many(10_000, &|n| format!("$V{n} ")))),
        ("nested variables", format!("{service}    command: \"{}\"\n", "${A:-".repeat(12_000))),
        ("braces", format!("{service}    command: \"{}\"\n", "${".repeat(30_000))),
        ("growing variables", format!("{service}    command: \"{}\"\n", "$BIG".repeat(15_000))),
        ("deep", format!("a: {}", "[".repeat(60_000))),
        (
            "wide merges",
            format!(
                "x: &x {{{}}}\ny: [{}]\n",
                many(3000, &|n| format!("k{n}: , ")),
                "{<<: *x}, ".repeat(2000)
            ),
        ),
    ];
    let mut big = "BIG=0123456789\n".to_owned();
    for _ in 0..3000 {
        big.push_str("BIG=$BIG$BIG\n");
    }
    for (name, text) in cases {
        let start = Instant::now();
        let (_, diagnostics, sources) = run(&text, if name.contains("growing") { &big } else { "" });
        let shown = diagnostics.render(&sources).len();
        let taken = start.elapsed();
        // Without optimisation; a factor that grows with the input would be far beyond this.
        assert!(taken < Duration::from_secs(10), "{name}: {taken:?}");
        assert!(shown < 8 << 20, "{name}: {shown} bytes of messages");
    }
}
