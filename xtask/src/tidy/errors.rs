//! Every code of `docs/errors.md` is shown by a test, and no refusal goes without a code. Pure.

use super::Finding;
use super::tree::{File, Tree};

/// The page that is printed from the tables.
const PAGE: &str = "docs/errors.md";
/// From here on the page lists kinds, which have tests of their own.
const KINDS: &str = "## What a cluster or a driver answers";
/// From here on it lists diagnostics.
const DIAGNOSTICS: &str = "## Diagnostics of files";

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
    let lines = || page.text().lines().enumerate();
    let rows = lines().take_while(|(_, line)| *line != KINDS);
    let rows = rows.filter_map(|(at, line)| Some((at, line.strip_prefix("| `")?.split('`').next()?)));
    let items = lines().skip_while(|(_, line)| *line != DIAGNOSTICS);
    let items = items.filter_map(|(at, line)| Some((at, line.strip_prefix("- `")?.split('`').next()?)));
    let shown = |code: &str| {
        let quoted = [format!("{code}\""), format!("[{code}]")];
        tests.iter().any(|text| quoted.iter().any(|form| text.contains(form)))
    };
    rows.chain(items)
        .filter(|(_, code)| !shown(code))
        .map(|(at, code)| Finding::new(PAGE, Some(at + 1), format!("no test shows `{code}`")))
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
                "| `a.shown` | 5 |\n| `a.hidden` | 5 |\n## What a cluster or a driver answers\n| `denied` | 6 |\n\
                 ## Diagnostics of files\n- `a.told`\n- `a.untold`\n",
            ),
            ("crates/a/src/lib.rs", "\"a.hidden\"\n#[cfg(test)]\n\"a.shown\" \"!a.told\""),
            ("crates/a/src/b.rs", "fn f() {\n    Error::refused(\n        ErrorKind::Conflict,\n"),
        ]);
        let messages: Vec<_> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "docs/errors.md:2: error: no test shows `a.hidden`",
                "docs/errors.md:7: error: no test shows `a.untold`",
                "crates/a/src/b.rs:2: error: a refusal needs a code: add a row to the tables in \
                 kompox-engine/src/refusal",
            ]
        );
    }
}
