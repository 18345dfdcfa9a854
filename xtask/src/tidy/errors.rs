//! Every code of `docs/errors.md` is shown by a test, and no refusal goes without a code. Pure.

use super::Finding;
use super::tree::{File, Tree};

/// The page that is printed from the tables.
const PAGE: &str = "docs/errors.md";
/// From here on the page lists kinds and diagnostics, which have tests of their own.
const END: &str = "## What a cluster or a driver answers";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = untested(tree);
    for file in tree.rust().filter(|file| !is_test(file)) {
        findings.extend(without_code(file));
    }
    findings
}

fn is_test(file: &File) -> bool {
    file.path.contains("/tests/") || file.path.ends_with("tests.rs")
}

/// The part of a file that is test code or test data.
fn shown(file: &File) -> &str {
    if is_test(file) {
        return file.text();
    }
    file.text().find("#[cfg(test)]").map_or("", |at| &file.text()[at..])
}

fn untested(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.find(PAGE) else { return vec![Finding::new(PAGE, None, "this file is missing")] };
    let tests: Vec<&str> = tree.files.iter().filter(|file| file.krate().is_some()).map(shown).collect();
    let rows = page.text().lines().enumerate().take_while(|(_, line)| *line != END);
    rows.filter_map(|(at, line)| {
        let code = line.strip_prefix("| `")?.split('`').next()?;
        let quoted = [format!("\"{code}\""), format!("error[{code}]")];
        let tested = tests.iter().any(|text| quoted.iter().any(|form| text.contains(form)));
        (!tested).then(|| Finding::new(PAGE, Some(at + 1), format!("no test shows `{code}`")))
    })
    .collect()
}

/// Calls of `Error::refused` that give a mere kind instead of a row of the tables.
fn without_code(file: &File) -> Vec<Finding> {
    let end = file.text().find("#[cfg(test)]").unwrap_or(file.text().len());
    let text = &file.text()[..end];
    text.match_indices("Error::refused(")
        .filter(|(at, call)| text[at + call.len()..].trim_start().starts_with("ErrorKind::"))
        .map(|(at, _)| {
            let line = text[..at].lines().count();
            let message = "a refusal needs a code: add a row to the tables in kompox-engine/src/refusal";
            Finding::new(&file.path, Some(line), message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_need_a_test_and_refusals_a_code() {
        let tree = Tree::of(&[
            (
                PAGE,
                "| `a.shown` | 5 |\n| `a.hidden` | 5 |\n## What a cluster or a driver answers\n| `denied` | 6 |\n",
            ),
            ("crates/a/src/lib.rs", "\"a.hidden\"\n#[cfg(test)]\n\"a.shown\""),
            ("crates/a/src/b.rs", "fn f() {\n    Error::refused(\n        ErrorKind::Conflict,\n"),
        ]);
        let messages: Vec<_> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "docs/errors.md:2: error: no test shows `a.hidden`",
                "crates/a/src/b.rs:2: error: a refusal needs a code: add a row to the tables in \
                 kompox-engine/src/refusal",
            ]
        );
    }
}
