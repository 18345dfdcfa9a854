//! The notation of the rules. Pure.
//!
//! ```text
//! == VOL-09 the first disk of a volume is assigned
//! create default one
//!     default/one*
//! ```
//!
//! A rule begins with `==`, its requirement and its name. A step is an action with words; the indented line below it is
//! its result: disks (`*` assigned, `~` being made, `-` being deleted), snapshots (`volume/name@disk`), `none`, `true`,
//! `false`, `ok`, sub-paths, or `!Kind` of an error with words that its message must contain. `#` begins a comment.
//!
//! Words of every action: `as=APP` another app, `cluster=NAME` and `uid=UID` another cluster asks, `cancelled` and `late`
//! the call is so from the start, `cancelled-soon` and `late-soon` after a moment. `create`: `at=SECONDS`, `at-rest`,
//! `if-not-exists`, `size=BYTES`, `source=TEXT`. `snapshot VOLUME NAME DISK`: `at=SECONDS`, `at-rest`, `if-not-exists`.
//! `assign`, `unassign`, `delete`, `delete-snapshot`: `dry-run`. `fill`: `empty`.
//!
//! `export VOLUME DISK KEEP`: `at-rest`, and `export-snapshot VOLUME SNAPSHOT KEEP` keep an archive; the result is `ok`.
//! `import VOLUME DISK KEEP` makes a disk of it: `at=SECONDS`, `if-not-exists`, `size=BYTES`, `source=TEXT`, `cut` without its
//! end, `broken` with a byte changed, `this-one` only if its manifest is the kept one. `fence VOLUME`, `open VOLUME` and
//! `give VOLUME CLUSTER UID` act for the cluster that asks; their result and that of `volumes` is `volume@cluster`, `us` for
//! the subject's own, with `#` when fenced. `history VOLUME` is what happened to it, in words joined by commas.

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule<'a> {
    pub(super) requirement: &'a str,
    pub(super) name: &'a str,
    pub(super) steps: Vec<Step<'a>>,
}

/// One step with its expected result.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step<'a> {
    /// Number of its line in the rules.
    pub(super) line: usize,
    pub(super) action: &'a str,
    /// Words without `=` that are no switch.
    pub(super) names: Vec<&'a str>,
    switches: Vec<&'a str>,
    values: Vec<(&'a str, &'a str)>,
    pub(super) expected: &'a str,
}

impl<'a> Step<'a> {
    pub(super) fn has(&self, switch: &str) -> bool {
        self.switches.contains(&switch)
    }

    pub(super) fn value(&self, key: &str) -> Option<&'a str> {
        self.values.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }
}

/// Each action with the number of names it takes, at least.
const ACTIONS: [(&str, usize); 27] = [
    ("create", 2),
    ("assign", 2),
    ("unassign", 2),
    ("delete", 2),
    ("list", 0),
    ("occupied", 3),
    ("fill", 3),
    ("interrupt-create", 2),
    ("snapshot", 3),
    ("snapshots", 0),
    ("delete-snapshot", 2),
    ("interrupt-snapshot", 3),
    ("with-atomic-snapshots", 0),
    ("without-atomic-snapshots", 0),
    ("export", 3),
    ("export-snapshot", 3),
    ("import", 3),
    ("fence", 1),
    ("open", 1),
    ("give", 3),
    ("volumes", 0),
    ("history", 1),
    ("collide", 1),
    ("silence", 0),
    ("speak", 0),
    ("remember", 0),
    ("unchanged", 0),
];
const SWITCHES: [&str; 11] = [
    "cancelled",
    "late",
    "cancelled-soon",
    "late-soon",
    "if-not-exists",
    "dry-run",
    "empty",
    "at-rest",
    "cut",
    "broken",
    "this-one",
];
const KEYS: [&str; 6] = ["as", "cluster", "uid", "at", "source", "size"];
/// What only arranges the scene; it has one good result.
const SCENE: [&str; 9] = [
    "interrupt-create",
    "interrupt-snapshot",
    "collide",
    "silence",
    "speak",
    "remember",
    "unchanged",
    "with-atomic-snapshots",
    "without-atomic-snapshots",
];

/// Reads rules.
///
/// # Errors
/// The line that is not understood.
pub(super) fn parse(text: &str) -> Result<Vec<Rule<'_>>, String> {
    let mut rules: Vec<Rule<'_>> = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end())) {
        let wrong = |what: &str| format!("line {number}: {what}: {line}");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix("== ") {
            let (requirement, name) = title.split_once(' ').ok_or_else(|| wrong("no name"))?;
            rules.push(Rule { requirement, name, steps: Vec::new() });
            continue;
        }
        let rule = rules.last_mut().ok_or_else(|| wrong("no rule has begun"))?;
        if line.starts_with(' ') {
            let step = rule.steps.last_mut().ok_or_else(|| wrong("a result without a step"))?;
            step.expected = line.trim();
        } else {
            rule.steps.push(step(number, line).map_err(|what| wrong(&what))?);
        }
    }
    let unfinished = rules.iter().flat_map(|rule| &rule.steps).find(|step| step.expected.is_empty());
    match unfinished {
        Some(step) => Err(format!("line {}: a step without a result", step.line)),
        None => Ok(rules),
    }
}

fn step(line: usize, text: &str) -> Result<Step<'_>, String> {
    let mut words = text.split_whitespace();
    let action = words.next().unwrap_or_default();
    let (_, least) =
        ACTIONS.iter().find(|(name, _)| *name == action).ok_or_else(|| format!("no action `{action}`"))?;
    let mut step =
        Step { line, action, names: Vec::new(), switches: Vec::new(), values: Vec::new(), expected: "" };
    for word in words {
        match word.split_once('=') {
            Some((key, value)) if KEYS.contains(&key) => step.values.push((key, value)),
            Some((key, _)) => return Err(format!("no key `{key}`")),
            None if SWITCHES.contains(&word) => step.switches.push(word),
            None => step.names.push(word),
        }
    }
    if step.names.len() < *least {
        return Err(format!("`{action}` needs {least} names"));
    }
    if SCENE.contains(&action) {
        step.expected = "ok";
    }
    Ok(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_readable_and_named_once() {
        let mut rules = parse(super::super::DISK_RULES).unwrap();
        rules.extend(parse(super::super::SNAPSHOT_RULES).unwrap());
        rules.extend(parse(super::super::MOVE_RULES).unwrap());
        let mut names: Vec<_> = rules.iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), rules.len());
        assert!(rules.iter().all(|rule| !rule.steps.is_empty()), "{rules:?}");
    }

    #[test]
    fn a_rule_has_steps_with_results() {
        let rules =
            parse("# why\n== VOL-09 it is so\ncreate v d at=7 dry-run\n    v/d*\nremember\n").unwrap();
        assert_eq!((rules[0].requirement, rules[0].name), ("VOL-09", "it is so"));
        let step = &rules[0].steps[0];
        assert_eq!((step.action, step.names.as_slice(), step.expected), ("create", &["v", "d"][..], "v/d*"));
        assert!(step.has("dry-run") && !step.has("late"));
        assert_eq!((step.value("at"), step.value("as")), (Some("7"), None));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, expected) in [
            ("list\n  none", "line 1: no rule has begun"),
            ("== VOL-09", "line 1: no name"),
            ("== A b\n  none", "line 2: a result without a step"),
            ("== A b\nlist\n\nlist\n  none", "line 2: a step without a result"),
            ("== A b\ndestroy", "line 2: no action `destroy`"),
            ("== A b\nlist to=x", "line 2: no key `to`"),
            ("== A b\ncreate v", "line 2: `create` needs 2 names"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
