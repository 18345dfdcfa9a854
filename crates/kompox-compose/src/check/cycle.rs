//! Cycles of dependencies.

use std::collections::HashMap;

use kompox_yaml::{Diagnostic, Diagnostics};

use crate::{Dependency, Project};

/// Circles that are reported, and names that are shown of each.
const REPORTED: usize = 10;
const NAMES: usize = 12;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Done,
}

/// Reports each dependency that closes a circle, with the circle. A service that depends on itself
/// is reported elsewhere.
pub(super) fn check(project: &Project, diagnostics: &mut Diagnostics) {
    let mut found = 0;
    let mut states: HashMap<&str, State> = HashMap::new();
    for start in project.services.keys() {
        if states.contains_key(start.as_str()) {
            continue;
        }
        states.insert(start, State::Open);
        // Walked with a stack of its own: a chain may be as long as the file allows.
        let mut trail: Vec<(&str, std::slice::Iter<'_, Dependency>)> =
            vec![(start, dependencies(project, start))];
        while let Some((name, rest)) = trail.last_mut() {
            let name = *name;
            let Some(dependency) = rest.next() else {
                states.insert(name, State::Done);
                trail.pop();
                continue;
            };
            let next = dependency.service.value.as_str();
            match states.get(next) {
                Some(State::Done) => {}
                Some(State::Open) if next == name => {}
                Some(State::Open) if found == REPORTED => return,
                Some(State::Open) => {
                    found += 1;
                    let mut circle: Vec<&str> = trail
                        .iter()
                        .map(|(name, _)| *name)
                        .skip_while(|name| *name != next)
                        .chain([next])
                        .collect();
                    if circle.len() > NAMES {
                        circle.splice(NAMES / 2..circle.len() - NAMES / 2, ["…"]);
                    }
                    diagnostics.push(
                        Diagnostic::error(
                            "compose.cycle",
                            format!("services wait for each other: {}", circle.join(" → ")),
                        )
                        .at(dependency.service.span)
                        .help("remove one of these dependencies"),
                    );
                }
                None => {
                    states.insert(next, State::Open);
                    trail.push((next, dependencies(project, next)));
                }
            }
        }
    }
}

fn dependencies<'a>(project: &'a Project, name: &str) -> std::slice::Iter<'a, Dependency> {
    project.services.get(name).map_or([].iter(), |service| service.depends_on.iter())
}
