//! Who starts after whom, and what each service becomes in the Pod. Pure.

use crate::summary::{Role, Wait};
use kompox_compose::{Condition, Diagnostic, Diagnostics, HealthTest, Restart, Service};
use std::collections::{BTreeMap, BTreeSet};

/// A service and whether `x-kompox.oneshot` makes a job of it.
pub(crate) struct Candidate<'a> {
    pub(crate) service: &'a Service,
    pub(crate) one_shot: bool,
}

/// A service at its place in the Pod.
pub(crate) struct Placed<'a> {
    pub(crate) service: &'a Service,
    pub(crate) role: Role,
    pub(crate) waits_for: Vec<Wait>,
    /// Somebody waits until it is healthy: its startup probe holds up what comes after it.
    pub(crate) gates: bool,
}

/// What the dependants of one service wait for.
#[derive(Default)]
struct Waited {
    started: bool,
    healthy: bool,
    completed: bool,
}

impl Waited {
    fn by_anybody(&self) -> bool {
        self.started || self.healthy || self.completed
    }
}

/// Puts the services into the order in which their containers stand in the Pod: those that others wait for, each after
/// what it waits for; then jobs nobody waits for; then the main containers by name.
pub(crate) fn arrange<'a>(candidates: &[Candidate<'a>], diagnostics: &mut Diagnostics) -> Vec<Placed<'a>> {
    let names: BTreeSet<&str> = candidates.iter().map(|c| c.service.name.value.as_str()).collect();
    let waited = waited(candidates, &names, diagnostics);
    let nobody = Waited::default();
    let mut placed: BTreeMap<&str, Placed<'a>> = BTreeMap::new();
    for candidate in candidates {
        let service = candidate.service;
        let waited = waited.get(service.name.value.as_str()).unwrap_or(&nobody);
        let role = role(candidate, waited, diagnostics);
        let waits_for = service
            .depends_on
            .iter()
            .filter(|dependency| names.contains(dependency.service.value.as_str()))
            .map(|dependency| Wait {
                service: dependency.service.value.clone(),
                condition: match dependency.condition {
                    Condition::Started => crate::Condition::Started,
                    Condition::Healthy => crate::Condition::Healthy,
                    Condition::CompletedSuccessfully => crate::Condition::Completed,
                },
            })
            .collect();
        placed.insert(&service.name.value, Placed { service, role, waits_for, gates: waited.healthy });
    }
    let order = sorted(&placed, diagnostics);
    let last = |name: &&str| match placed[*name].role {
        Role::Main => 2,
        Role::OneShot if !waited.get(*name).is_some_and(Waited::by_anybody) => 1,
        _ => 0,
    };
    let mut order: Vec<&str> = order;
    order.sort_by_key(last);
    order.into_iter().filter_map(|name| placed.remove(name)).collect()
}

fn waited<'a>(
    candidates: &[Candidate<'a>],
    names: &BTreeSet<&str>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<&'a str, Waited> {
    let mut all: BTreeMap<&str, Waited> = BTreeMap::new();
    for dependency in candidates.iter().flat_map(|candidate| &candidate.service.depends_on) {
        let name = dependency.service.value.as_str();
        if !names.contains(name) {
            if dependency.required {
                let message = format!("`{name}` is waited for but has no replica");
                diagnostics.push(
                    Diagnostic::error("convert.depends-on", message)
                        .at(dependency.service.span)
                        .help("give it one replica, or set `required: false`"),
                );
            }
            continue;
        }
        let waited = all.entry(name).or_default();
        match dependency.condition {
            Condition::Started => waited.started = true,
            Condition::Healthy => waited.healthy = true,
            Condition::CompletedSuccessfully => waited.completed = true,
        }
    }
    all
}

fn role(candidate: &Candidate<'_>, waited: &Waited, diagnostics: &mut Diagnostics) -> Role {
    let service = candidate.service;
    let name = &service.name.value;
    let job = candidate.one_shot || waited.completed;
    let ends = ends(service);
    if job && waited.healthy {
        let message = format!("`{name}` is a job that ends, but a service waits until it is healthy");
        diagnostics.push(
            Diagnostic::error("convert.one-shot", message)
                .at(service.name.span)
                .help("use `condition: service_completed_successfully` for every service that waits for it"),
        );
    }
    if !job && ends && waited.by_anybody() {
        let message =
            format!("`{name}` is not restarted when it ends, but others wait for it as for a server");
        diagnostics.push(
            Diagnostic::error("convert.restart", message)
                .at(service.key_span("restart"))
                .help("if it is a job, wait with `condition: service_completed_successfully`; if it is a server, set `restart: unless-stopped`"),
        );
    }
    if !job && waited.healthy {
        check_health(service, diagnostics);
    }
    let alone = ends && !waited.by_anybody() && service.ports.is_empty() && service.healthcheck.is_none();
    if job || alone {
        Role::OneShot
    } else if waited.by_anybody() {
        Role::Sidecar
    } else {
        Role::Main
    }
}

/// True when the file says explicitly that the service is not restarted after every end.
pub(crate) fn ends(service: &Service) -> bool {
    match (&service.restart, &service.deploy.restart_policy) {
        (Some(restart), _) => matches!(restart.value, Restart::No | Restart::OnFailure(_)),
        (None, Some(policy)) => {
            policy.condition.as_ref().is_some_and(|c| matches!(c.value.as_str(), "none" | "on-failure"))
        }
        (None, None) => false,
    }
}

fn check_health(service: &Service, diagnostics: &mut Diagnostics) {
    let unknown = match service.healthcheck.as_ref().map(|check| &check.test) {
        None | Some(HealthTest::Image) => "its file does not say how to see that",
        Some(HealthTest::Disabled) => "its healthcheck is disabled",
        Some(HealthTest::Command(_) | HealthTest::Shell(_)) => return,
    };
    let name = &service.name.value;
    diagnostics.push(
        Diagnostic::error(
            "convert.healthcheck.missing",
            format!("a service waits until `{name}` is healthy, but {unknown}"),
        )
        .at(service.key_span("healthcheck"))
        .help("repeat the image's HEALTHCHECK here as `healthcheck: {test: …}`"),
    );
}

/// Each name after those it waits for, otherwise by name.
fn sorted<'a>(placed: &BTreeMap<&'a str, Placed<'a>>, diagnostics: &mut Diagnostics) -> Vec<&'a str> {
    let mut rest: Vec<&str> = placed.keys().copied().collect();
    let mut done: Vec<&str> = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let ready = rest
            .iter()
            .position(|name| placed[name].waits_for.iter().all(|wait| done.contains(&wait.service.as_str())));
        let Some(ready) = ready else {
            let message = format!("these services wait for each other: {}", rest.join(", "));
            diagnostics
                .push(Diagnostic::error("convert.cycle", message).at(placed[rest[0]].service.name.span));
            return Vec::new();
        };
        done.push(rest.remove(ready));
    }
    done
}
