//! Profiles: which services are switched on.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use kompox_yaml::{Diagnostic, Located, nearest};

use crate::read::Reader;
use crate::{Network, Project};

/// The active profiles: those asked for, else those of `COMPOSE_PROFILES`. Without that variable the one without a name is
/// active, as in Docker Compose: `profiles: ["$ONLY_IN"]` is always on unless the variable is set.
pub(crate) fn active(asked: &[String], environment: &BTreeMap<String, String>) -> HashSet<String> {
    if !asked.is_empty() {
        return asked.iter().cloned().collect();
    }
    let listed = environment.get("COMPOSE_PROFILES").map(String::as_str).unwrap_or_default();
    listed.split(',').map(|profile| profile.trim().to_owned()).collect()
}

/// Says which active profile no service has: Docker Compose takes a misspelt name without a word.
fn warn_unknown(project: &Project, active: &HashSet<String>, reader: &mut Reader<'_>) {
    let known: BTreeSet<&str> = project
        .services
        .values()
        .flat_map(|service| &service.profiles)
        .map(|profile| profile.value.as_str())
        .collect();
    let unknown: BTreeSet<&str> = active.iter().map(String::as_str).collect();
    for name in unknown.difference(&known).filter(|name| !matches!(**name, "*" | "")) {
        let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let help = near.or_else(|| {
            let list: Vec<_> = known.iter().copied().collect();
            (!list.is_empty()).then(|| format!("profiles of this file: {}", list.join(", ")))
        });
        let message = format!("no service has the profile `{}`", name.escape_debug());
        reader.error(Diagnostic::warning("compose.profile.unknown", message).maybe_help(help));
    }
}

/// Leaves only the services that are switched on, checks what they depend on, and adds the network
/// `default` if one of them joins it.
pub(crate) fn select(project: &mut Project, active: &HashSet<String>, reader: &mut Reader<'_>) {
    warn_unknown(project, active, reader);
    let mut off = BTreeMap::new();
    for (name, service) in std::mem::take(&mut project.services) {
        let on = service.profiles.is_empty()
            || active.contains("*")
            || service.profiles.iter().any(|profile| active.contains(&profile.value));
        if on {
            project.services.insert(name, service);
        } else {
            project.inactive.push(service.name.clone());
            project.inactive_profiles.extend(service.profiles.clone());
            off.insert(name, service.profiles);
        }
    }
    for service in project.services.values_mut() {
        let name = &service.name.value;
        let (kept, without) = std::mem::take(&mut service.depends_on)
            .into_iter()
            .partition(|dependency| !off.contains_key(&dependency.service.value));
        (service.depends_on, service.without) = (kept, without);
        for dependency in &service.without {
            let other = &dependency.service.value;
            let Some(profiles) = off.get(other) else { continue };
            if dependency.required {
                let list: Vec<_> = profiles.iter().map(|profile| profile.value.as_str()).collect();
                reader.error(
                    Diagnostic::error(
                        "compose.profile",
                        format!("{name} needs {other}, which no active profile switches on"),
                    )
                    .at(dependency.service.span)
                    .help(format!(
                        "activate one of its profiles ({}), or set `required: false`",
                        list.join(", ")
                    )),
                );
            }
        }
    }
    let joins = |service: &crate::Service| {
        service
            .networks
            .iter()
            .find(|network| network.name.value == "default")
            .map(|network| network.name.span)
    };
    if let Some(span) = project.services.values().find_map(joins) {
        project.networks.entry("default".to_owned()).or_insert_with(|| Network {
            key: Located::new("default".to_owned(), span),
            ..Network::default()
        });
    }
}
