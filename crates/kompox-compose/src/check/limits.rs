//! Amounts that are given in two places, and replicas.

use std::fmt::Display;

use kompox_yaml::{Diagnostic, Diagnostics, Located};

use crate::Service;

pub(super) fn check(service: &Service, diagnostics: &mut Diagnostics) {
    let deploy = &service.deploy;
    same(service, "scale", service.scale, "deploy.replicas", deploy.replicas, diagnostics);
    let cpus = |cpus: Option<Located<crate::Cpus>>| cpus.map(|cpus| cpus.map(|cpus| cpus.nano));
    same(
        service,
        "cpus",
        cpus(service.cpus),
        "deploy.resources.limits.cpus",
        cpus(deploy.limits.cpus),
        diagnostics,
    );
    same(
        service,
        "mem_limit",
        service.mem_limit,
        "deploy.resources.limits.memory",
        deploy.limits.memory,
        diagnostics,
    );
    let pids = service.other.iter().find(|entry| entry.key == "pids_limit").and_then(|entry| {
        let value = entry.value.text()?.parse().ok()?;
        Some(Located::new(value, entry.value.span))
    });
    same(service, "pids_limit", pids, "deploy.resources.limits.pids", deploy.limits.pids, diagnostics);
    let reserved = deploy.reservations.memory;
    same(
        service,
        "mem_reservation",
        service.mem_reservation,
        "deploy.resources.reservations.memory",
        reserved,
        diagnostics,
    );
    if let (Some(name), Some(replicas)) = (&service.container_name, service.replicas())
        && replicas.value > 1
    {
        diagnostics.push(
            Diagnostic::error(
                "compose.replicas",
                format!("{} replicas cannot all be named {}", replicas.value, name.value),
            )
            .at(replicas.span)
            .label(name.span, "the name")
            .help("remove `container_name`"),
        );
    }
}

/// Two keys for one thing must agree.
fn same<T: PartialEq + Display + Copy>(
    service: &Service,
    key: &str,
    value: Option<Located<T>>,
    other_key: &str,
    other: Option<Located<T>>,
    diagnostics: &mut Diagnostics,
) {
    if let (Some(value), Some(other)) = (value, other)
        && value.value != other.value
    {
        diagnostics.push(
            Diagnostic::error(
                "compose.contradiction",
                format!("{}: `{key}` and `{other_key}` differ", service.name.value),
            )
            .at(value.span)
            .label(other.span, format!("`{other_key}` is here"))
            .help("keep one of them"),
        );
    }
}
