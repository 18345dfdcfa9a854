//! Licences and duplicate versions of what we build on, by the policy in `deny.toml`. Pure.
//!
//! cargo-deny reads the same file and knows more; this check needs nothing but cargo, so it runs everywhere.

use super::Finding;
use super::metadata::Metadata;
use super::tree::Tree;
use std::collections::{BTreeMap, BTreeSet};

const POLICY: &str = "deny.toml";

pub(super) fn check(tree: &Tree, metadata: &Metadata) -> Vec<Finding> {
    let Some(file) = tree.find(POLICY) else {
        return vec![Finding::new(POLICY, None, "this file is missing")];
    };
    let mut findings = licences(&allowed(file.text()), metadata);
    findings.extend(duplicates(&skipped(file.text()), metadata));
    findings
}

/// The lines of a section of the policy.
fn section<'a>(policy: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let head = format!("[{name}]");
    policy
        .lines()
        .map(str::trim)
        .skip_while(move |line| *line != head)
        .skip(1)
        .take_while(|line| !(line.starts_with('[') && line.ends_with(']')))
}

/// The licences under `[licenses] allow`, one a line.
fn allowed(policy: &str) -> BTreeSet<&str> {
    section(policy, "licenses")
        .filter_map(|line| line.strip_prefix('"')?.split_once('"'))
        .map(|(id, _)| id)
        .collect()
}

/// The crates under `[bans] skip`, one a line, each with its reason.
fn skipped(policy: &str) -> BTreeMap<&str, bool> {
    section(policy, "bans")
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("{ crate = \"")?.split_once('"')?;
            Some((name, rest.contains("reason = \"")))
        })
        .collect()
}

fn licences(allowed: &BTreeSet<&str>, metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in metadata.packages.values() {
        let problem = match &package.licence {
            None => Some("names no licence".to_owned()),
            Some(licence) => Expression::read(licence)
                .is_none_or(|expression| !expression.holds(allowed))
                .then(|| format!("has the licence `{licence}`, which is not allowed")),
        };
        let name = format!("{} {}", package.name, package.version);
        findings.extend(problem.map(|problem| Finding::new(POLICY, None, format!("{name} {problem}"))));
    }
    findings
}

fn duplicates(skipped: &BTreeMap<&str, bool>, metadata: &Metadata) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in metadata.packages.values() {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    let new = versions.iter().filter(|(name, _)| !skipped.contains_key(**name)).map(|(name, versions)| {
        format!(
            "{name} is built in {} versions ({}); list it with its reason",
            versions.len(),
            versions.join(", ")
        )
    });
    let stale = skipped.keys().filter(|name| !versions.contains_key(**name));
    let stale = stale.map(|name| format!("{name} is listed as a duplicate but is built once"));
    let silent =
        skipped.iter().filter(|(_, reason)| !**reason).map(|(name, _)| format!("{name} has no reason"));
    new.chain(stale).chain(silent).map(|message| Finding::new(POLICY, None, message)).collect()
}

/// An SPDX licence expression.
enum Expression {
    One(String),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

impl Expression {
    /// Reads identifiers with `WITH`, `AND`, `OR` and parentheses; `/` is the old way to write `OR`.
    fn read(text: &str) -> Option<Self> {
        let text = text.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
        let mut words = text.split_whitespace().peekable();
        let expression = Self::any(&mut words)?;
        words.next().is_none().then_some(expression)
    }

    fn any<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Option<Self> {
        let mut parts = vec![Self::all(words)?];
        while words.next_if_eq(&"OR").is_some() {
            parts.push(Self::all(words)?);
        }
        Some(Self::Any(parts))
    }

    fn all<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Option<Self> {
        let mut parts = vec![Self::one(words)?];
        while words.next_if_eq(&"AND").is_some() {
            parts.push(Self::one(words)?);
        }
        Some(Self::All(parts))
    }

    fn one<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Option<Self> {
        match words.next()? {
            "(" => {
                let inner = Self::any(words)?;
                words.next_if_eq(&")").map(|_| inner)
            }
            "AND" | "OR" | "WITH" | ")" => None,
            id if words.next_if_eq(&"WITH").is_some() => {
                Some(Self::One(format!("{id} WITH {}", words.next()?)))
            }
            id => Some(Self::One(id.to_owned())),
        }
    }

    /// True when the allowed licences are enough.
    fn holds(&self, allowed: &BTreeSet<&str>) -> bool {
        match self {
            Self::One(id) => allowed.contains(id.as_str()),
            Self::All(parts) => parts.iter().all(|part| part.holds(allowed)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(allowed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[licenses]\nallow = [\n    \"MIT\",\n    \"Apache-2.0 WITH LLVM-exception\", # why\n]\n\
                        [bans]\nskip = [\n    { crate = \"syn\", reason = \"why\" },\n    { crate = \"x\" },\n]\n";

    #[test]
    fn the_policy_is_read() {
        assert_eq!(allowed(TEXT).into_iter().collect::<Vec<_>>(), ["Apache-2.0 WITH LLVM-exception", "MIT"]);
        assert_eq!(skipped(TEXT).into_iter().collect::<Vec<_>>(), [("syn", true), ("x", false)]);
    }

    #[test]
    fn expressions() {
        for (text, held) in [
            ("MIT", true),
            ("MIT OR GPL-3.0", true),
            ("MIT/GPL-3.0", true),
            ("MIT AND GPL-3.0", false),
            ("GPL-3.0 OR (MIT AND Apache-2.0 WITH LLVM-exception)", true),
            ("Apache-2.0", false),
            ("MIT OR GPL-3.0 AND BSD-2-Clause", true),
            ("(MIT OR GPL-3.0) AND BSD-2-Clause", false),
        ] {
            assert_eq!(Expression::read(text).unwrap().holds(&allowed(TEXT)), held, "{text}");
        }
        for broken in ["", "MIT OR", "(MIT", "MIT)", "MIT Apache-2.0", "AND"] {
            assert!(Expression::read(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn duplicates_are_listed_and_needed() {
        let mut metadata = Metadata::of_edges(&[("syn", &[]), ("syn 2", &[]), ("new", &[]), ("new 2", &[])]);
        for (id, package) in &mut metadata.packages {
            package.name = id.trim_end_matches(" 2").to_owned();
        }
        let messages: Vec<_> =
            duplicates(&skipped(TEXT), &metadata).into_iter().map(|finding| finding.message).collect();
        assert_eq!(
            messages,
            [
                "new is built in 2 versions (1.0.0, 1.0.0); list it with its reason",
                "x is listed as a duplicate but is built once",
                "x has no reason",
            ]
        );
    }
}
