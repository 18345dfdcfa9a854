//! The documents that others rely on: they exist, and what they name exists. Pure.

use super::Finding;
use super::tree::Tree;

/// Documents every checkout has.
const DOCUMENTS: [&str; 6] =
    ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "docs/requirements.md", ".ci/run"];
/// The longest ARCHITECTURE.md that is still read as a whole.
const ARCHITECTURE_LINES: usize = 300;
/// The two commands that set everything up.
const SET_UP: [&str; 2] = ["cargo xtask demo", "cargo xtask test"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let missing = DOCUMENTS.iter().filter(|path| tree.find(path).is_none());
    let mut findings: Vec<_> = missing.map(|path| Finding::new(path, None, "this file is missing")).collect();
    let text = |path: &str| tree.find(path).map(|file| file.text());
    findings.extend(text("README.md").and_then(set_up));
    findings.extend(text("CHANGELOG.md").and_then(unreleased));
    findings.extend(text("ARCHITECTURE.md").and_then(architecture));
    findings.extend(text("docs/requirements.md").into_iter().flat_map(|text| requirements(tree, text)));
    findings
}

/// The first block of commands in the README is the whole set-up: two lines.
fn set_up(readme: &str) -> Option<Finding> {
    let mut lines = readme.lines().enumerate().skip_while(|(_, line)| !line.starts_with("```sh"));
    let Some((at, _)) = lines.next() else {
        return Some(Finding::new("README.md", None, "no ```sh block with the set-up commands"));
    };
    let commands: Vec<_> =
        lines.map(|(_, line)| line.trim()).take_while(|line| !line.starts_with("```")).collect();
    (commands != SET_UP).then(|| {
        let message = format!("set-up is exactly two commands: `{}`", SET_UP.join("` and `"));
        Finding::new("README.md", Some(at + 1), message)
    })
}

fn unreleased(changelog: &str) -> Option<Finding> {
    let found = changelog.lines().any(|line| line.starts_with("## ") && line.contains("Unreleased"));
    (!found).then(|| Finding::new("CHANGELOG.md", None, "no section `## Unreleased`"))
}

fn architecture(text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (lines > ARCHITECTURE_LINES).then(|| {
        Finding::new("ARCHITECTURE.md", None, format!("{lines} lines; {ARCHITECTURE_LINES} are allowed"))
    })
}

/// Each test that is named as `crate::…::test` exists in that crate.
fn requirements(tree: &Tree, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for name in line.split('`').skip(1).step_by(2).filter(|name| is_test_path(name)) {
            if let Err(message) = find_test(tree, name) {
                findings.push(Finding::new("docs/requirements.md", Some(index + 1), message));
            }
        }
    }
    findings
}

fn is_test_path(text: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.contains("::") && text.split("::").all(word)
}

fn find_test(tree: &Tree, name: &str) -> Result<(), String> {
    let (krate, _) = name.split_once("::").unwrap_or((name, ""));
    let krate = krate.replace('_', "-");
    let function = name.rsplit("::").next().unwrap_or(name);
    let mut files = tree.rust().filter(|file| file.krate() == Some(&krate)).peekable();
    if files.peek().is_none() {
        return Err(format!("`{name}`: there is no crate {krate}"));
    }
    if files.any(|file| has_test(file.text(), function)) {
        return Ok(());
    }
    Err(format!("`{name}`: {krate} has no test `{function}`"))
}

/// True when `source` has a function of this name under a test attribute.
fn has_test(source: &str, function: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let declares = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ")
            .and_then(|rest| rest.strip_prefix(function))
            .is_some_and(|rest| rest.starts_with('('))
    };
    lines.iter().enumerate().filter(|(_, line)| declares(line)).any(|(at, _)| {
        lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).any(|line| line.contains("test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_two_commands() {
        let fine = "# A\n```sh\ncargo xtask demo\ncargo xtask test\n```\n```sh\nmore\n```\n";
        assert_eq!(set_up(fine), None);
        for broken in [
            "# A\n",
            "```sh\ncargo xtask demo\n```\n",
            "```sh\na\nb\ncargo xtask demo\n```\n",
            "```sh\na\nb\n```",
        ] {
            assert!(set_up(broken).is_some(), "{broken}");
        }
    }

    #[test]
    fn the_changelog_has_an_unreleased_section() {
        assert_eq!(unreleased("# Changes\n## [Unreleased]\n"), None);
        assert!(unreleased("# Changes\nUnreleased\n").is_some());
    }

    #[test]
    fn named_tests_exist() {
        let tree = Tree::of(&[(
            "crates/kompox-model/src/hash.rs",
            "#[test]\nfn vectors() {}\nfn helper() {}\n    #[tokio::test(flavor = \"x\")]\n    async fn waits() {}\n",
        )]);
        let text = "| `kompox_model::hash::vectors`, `kompox_model::waits` | `kompox_model::hash::helper` |\n\
                    | `kompox_model::hash::gone` | `kompox_x::a` | `a::B` `cargo` |\n";
        let messages: Vec<_> = requirements(&tree, text).iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "docs/requirements.md:1: error: `kompox_model::hash::helper`: kompox-model has no test `helper`",
                "docs/requirements.md:2: error: `kompox_model::hash::gone`: kompox-model has no test `gone`",
                "docs/requirements.md:2: error: `kompox_x::a`: there is no crate kompox-x",
            ]
        );
    }
}
