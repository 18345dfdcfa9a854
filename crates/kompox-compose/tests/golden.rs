//! Projects and refusals as data.
//!
//! `golden/<case>/` is a project directory: `compose.yml`, other files, and `request` with lines
//! `file NAME` (merged into compose.yml), `profile NAME` and `env NAME=VALUE`. `refused/<name>.yml` is a file on its own. What loading gives
//! must be the text in `expected.txt` or `<name>.txt`; `KOMPOX_BLESS=1` writes the texts anew.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kompox_compose::{ComposeFile, DotEnv, MemoryFiles, ProjectName, Request, Sources, load};

#[test]
fn golden() {
    let mut wrong = Vec::new();
    let cases = entries("golden");
    assert!(cases.len() >= 20, "only {} cases found", cases.len());
    for case in cases {
        let actual = run(&case, &case.join("compose.yml"));
        compare(&case.join("expected.txt"), &actual, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn refused() {
    let mut wrong = Vec::new();
    let cases: Vec<_> =
        entries("refused").into_iter().filter(|path| path.extension().unwrap() == "yml").collect();
    assert!(cases.len() >= 36, "only {} cases found", cases.len());
    for case in cases {
        let actual = run(case.parent().unwrap(), &case);
        assert!(actual.contains(": error["), "{} is accepted", case.display());
        compare(&case.with_extension("txt"), &actual, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn entries(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn compare(expected: &Path, actual: &str, wrong: &mut Vec<String>) {
    if std::env::var_os("KOMPOX_BLESS").is_some() {
        std::fs::write(expected, actual).unwrap();
    } else if std::fs::read_to_string(expected).unwrap_or_default() != actual {
        wrong.push(format!("--- {} is now:\n{actual}", expected.display()));
    }
}

fn run(directory: &Path, file: &Path) -> String {
    let mut files = MemoryFiles::new();
    let (mut environment, mut profiles) = (BTreeMap::new(), Vec::new());
    let mut names = vec![file.file_name().unwrap().to_str().unwrap().to_owned()];
    if file.file_name().unwrap() == "compose.yml" {
        files = gather(directory, "", files);
        for line in std::fs::read_to_string(directory.join("request")).unwrap_or_default().lines() {
            match line.split_once(' ') {
                Some(("profile", name)) => profiles.push(name.to_owned()),
                Some(("file", name)) => names.push(name.to_owned()),
                Some(("env", pair)) => {
                    let (name, value) = pair.split_once('=').unwrap();
                    environment.insert(name.to_owned(), value.to_owned());
                }
                _ => panic!("{line}"),
            }
        }
    }
    let texts: Vec<_> =
        names.iter().map(|name| std::fs::read_to_string(directory.join(name)).unwrap()).collect();
    let compose: Vec<_> =
        names.iter().zip(&texts).map(|(name, text)| ComposeFile { name, path: name, text }).collect();
    let mut sources = Sources::new();
    let request = Request {
        name: ProjectName::Given("app"),
        compose: &compose,
        environment: &environment,
        dot_env: DotEnv::Read,
        profiles: &profiles,
        files: &files,
    };
    let (project, diagnostics) = load(&mut sources, &request);
    assert_eq!(project.is_some(), !diagnostics.has_errors());
    let project = project.map(|project| tidy(&format!("{project:#?}\n"))).unwrap_or_default();
    diagnostics.render(&sources) + &project
}

fn gather(directory: &Path, prefix: &str, mut files: MemoryFiles) -> MemoryFiles {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            files = gather(&path, &format!("{name}/"), files);
        } else if !matches!(name.as_str(), "expected.txt" | "request") {
            files = files.with(&name, std::fs::read(&path).unwrap());
        }
    }
    files
}

/// Drops what is empty, and puts what fits on one line.
fn tidy(debug: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in debug.lines() {
        lines.push(line.to_owned());
        if line.trim_start().starts_with(['}', ']', ')']) {
            let indent = line.len() - line.trim_start().len();
            let is_open = |line: &String| line.len() - line.trim_start().len() == indent;
            let close = lines.len() - 1;
            let open = lines[..close].iter().rposition(is_open).unwrap();
            let inner: Vec<_> = lines[open + 1..close].iter().map(|line| line.trim()).collect();
            let flat = inner.iter().all(|line| !line.ends_with(['{', '[', '(']));
            let bytes: Result<Vec<u8>, _> =
                inner.iter().map(|line| line.trim_end_matches(',').parse()).collect();
            if let (Ok(bytes), true, Some(list)) = (bytes, inner.len() > 1, lines[open].strip_suffix('[')) {
                let text = format!("{list}{:?}{}", String::from_utf8(bytes).unwrap(), &line.trim()[1..]);
                lines.truncate(open);
                lines.push(text);
                continue;
            }
            let joined = format!("{}{}{}", lines[open], inner.join(" ").trim_end_matches(','), line.trim());
            if flat && joined.len() <= 110 {
                lines.truncate(open);
                lines.push(joined);
            }
        }
        let empty = [": None,", ": [],", ": {},", ": false,", "Resources {},", "Deploy {},"];
        if lines.last().is_some_and(|line| empty.iter().any(|empty| line.ends_with(empty))) {
            lines.pop();
        }
    }
    lines.join("\n") + "\n"
}
