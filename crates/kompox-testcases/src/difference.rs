//! How two normalised projects differ, and what is not compared. Reads `config/differences.txt`.

use crate::Outcome;
use crate::case::tests;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;

/// The word before a pattern of values that are not compared in any case.
const EVERYWHERE: &str = "everywhere ";

/// What may differ from Docker Compose.
#[derive(Clone, Debug)]
pub struct Differences {
    /// Keys of a path, `*` for any, `**` for any number of them.
    everywhere: Vec<Vec<String>>,
    /// Cases with their reasons.
    pub cases: BTreeMap<String, String>,
}

/// One place where two projects differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Keys and positions that lead there.
    pub path: Vec<String>,
    /// What Docker Compose has.
    pub docker: Option<Value>,
    /// What we have.
    pub ours: Option<Value>,
}

impl Differences {
    /// Reads the file: lines `NAME: reason` and `everywhere PATTERN: reason`.
    ///
    /// # Errors
    /// When it cannot be read, and for a line without a reason.
    pub fn read() -> Result<Self, Box<dyn Error>> {
        let text = std::fs::read_to_string(tests().join("config/differences.txt"))?;
        let mut all = Self { everywhere: Vec::new(), cases: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (what, reason) = line
                .split_once(": ")
                .filter(|(_, reason)| reason.len() > 10)
                .ok_or_else(|| line.to_owned())?;
            match what.strip_prefix(EVERYWHERE) {
                Some(pattern) => all.everywhere.push(pattern.split('.').map(str::to_owned).collect()),
                None => drop(all.cases.insert(what.to_owned(), reason.to_owned())),
            }
        }
        Ok(all)
    }

    /// Every place where two projects differ, without what is not compared.
    #[must_use]
    pub fn between(&self, docker: &Value, ours: &Value) -> Vec<Difference> {
        let mut found = Vec::new();
        let (docker, ours) = (prune(docker, &self.everywhere), prune(ours, &self.everywhere));
        compare(&mut Vec::new(), &docker, &ours, &mut found);
        found
    }

    /// How two answers differ, for people; none if they do not.
    #[must_use]
    pub fn shown(&self, docker: &Outcome, ours: &Outcome) -> Option<String> {
        match (docker, ours) {
            (Outcome::Config(docker), Outcome::Config(ours)) => {
                let found = self.between(docker, ours);
                let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
                (!lines.is_empty()).then(|| lines.join("\n"))
            }
            (Outcome::Refused(why), Outcome::Config(_)) => Some(format!("  Docker refuses: {why}")),
            (Outcome::Config(_), Outcome::Refused(why)) => Some(format!("  we refuse: {why}")),
            (Outcome::Refused(_), Outcome::Refused(_)) => None,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
        let Self { path, docker, ours } = self;
        write!(f, "  {}: docker {}, ours {}", path.join("."), show(docker), show(ours))
    }
}

fn compare(path: &mut Vec<String>, docker: &Value, ours: &Value, found: &mut Vec<Difference>) {
    let mut below = |key: String, docker: Option<&Value>, ours: Option<&Value>| {
        path.push(key);
        match (docker, ours) {
            (Some(docker), Some(ours)) => compare(path, docker, ours, found),
            (docker, ours) => {
                found.push(Difference { path: path.clone(), docker: docker.cloned(), ours: ours.cloned() });
            }
        }
        path.pop();
    };
    match (docker, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<_> = a.keys().chain(b.keys()).collect();
            keys.into_iter().for_each(|key| below(key.clone(), a.get(key), b.get(key)));
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(at, (a, b))| below(at.to_string(), Some(a), Some(b)));
        }
        (a, b) if a != b => {
            found.push(Difference { path: path.clone(), docker: Some(a.clone()), ours: Some(b.clone()) });
        }
        _ => {}
    }
}

/// Whether a step of a pattern stands for a key.
pub(crate) fn is_step(pattern: &str, key: &str) -> bool {
    let start = if pattern == "**" { Some("") } else { pattern.strip_suffix('*') };
    pattern == key || start.is_some_and(|start| key.starts_with(start))
}

/// Leaves out what a pattern stands for. A list counts as what it holds.
fn prune(value: &Value, patterns: &[Vec<String>]) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| {
                !patterns.iter().any(|pattern| pattern.len() == 1 && is_step(&pattern[0], key))
            })
            .map(|(key, value)| (key.clone(), prune(value, &below(patterns, key))))
            .collect(),
        Value::Array(items) => items.iter().map(|item| prune(item, patterns)).collect(),
        other => other.clone(),
    }
}

fn below(patterns: &[Vec<String>], key: &str) -> Vec<Vec<String>> {
    let here = patterns.iter().filter(|pattern| pattern.len() > 1 && is_step(&pattern[0], key));
    here.flat_map(|pattern| {
        let again = (pattern[0] == "**").then(|| pattern.clone());
        again.into_iter().chain([pattern[1..].to_vec()])
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_no_pattern_stands_for_is_compared() {
        let pattern = |text: &str| text.split('.').map(str::to_owned).collect();
        let differences = Differences {
            everywhere: vec![pattern("services.**.x-*"), pattern("models")],
            cases: BTreeMap::new(),
        };
        let docker = json!({"services": {"a": {"x-b": 1, "c": [1, {"d": 2}]}}, "models": 1});
        let ours = json!({"services": {"a": {"c": [1, {"d": 3, "x-e": 1}]}}});
        let found: Vec<_> = differences.between(&docker, &ours).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["  services.a.c.1.d: docker 2, ours 3"]);
    }
}
