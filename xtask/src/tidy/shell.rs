//! No product code makes a line for a shell: text of a user would become a part of it. Pure.

use super::tree::{File, Tree};
use super::{Finding, rust};

/// Words that only stand in front of a shell line.
const WORDS: [&str; 5] = ["\"-c\"", "\"sh\"", "\"/bin/sh\"", "\"bash\"", "\"/bin/bash\""];

/// The places: a `CMD-SHELL` healthcheck is a shell line of the user's own, handed on as one word; `app shell` starts the
/// shell that the user asks for, and no text of anybody is a part of its line.
const ALLOWED: [&str; 2] = ["crates/kompox-convert/src/probe.rs", "crates/kompox-engine/src/app/shell.rs"];

/// Not a part of the product: it builds and starts a cluster.
const EXEMPT: &str = "crates/kompox-testbed/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let product = |file: &&File| {
        file.krate().is_some()
            && file.path.split('/').nth(2) == Some("src")
            && !file.name().ends_with("tests.rs")
            && !file.path.contains("/tests/")
            && !file.path.starts_with(EXEMPT)
            && !ALLOWED.contains(&file.path.as_str())
    };
    tree.rust().filter(product).flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    // Literals are what is looked for, so only the tests are blanked, and comments line by line.
    let text = rust::without_tests(file.text());
    let is_comment = |line: &str| line.trim_start().starts_with("//");
    let lines = text.lines().enumerate().filter(|(_, line)| !is_comment(line));
    lines
        .filter_map(|(index, line)| {
            let word = WORDS.into_iter().find(|word| line.contains(word))?;
            let message = format!("{word}: product code runs no shell; start the program with its arguments");
            Some(Finding::new(&file.path, Some(index + 1), message))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_of_the_product_are_found_and_those_of_tests_are_not() {
        let bad = "// \"sh\"\nfn f() { run([\"sh\", \"-c\", x]); }\n#[cfg(test)]\nmod tests { const A: &str = \"sh\"; }\n";
        let tree = Tree::of(&[
            ("crates/kompox-engine/src/a.rs", bad),
            ("crates/kompox-engine/tests/b.rs", bad),
            ("crates/kompox-engine/src/c/tests/b.rs", bad),
            ("crates/kompox-testbed/src/c.rs", bad),
            ("crates/kompox-convert/src/probe.rs", bad),
        ]);
        let findings: Vec<_> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("crates/kompox-engine/src/a.rs:2: error: "), "{findings:?}");
    }
}
