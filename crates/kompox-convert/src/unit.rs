//! The services that run, with what Kompox needs to know of each. Pure.

use crate::extension::ServiceOptions;
use crate::order::{Candidate, arrange};
use crate::summary::{Role, Wait};
use kompox_compose::{Diagnostic, Diagnostics, Located, Project, Restart, Service};
use kompox_model::resource_name::dns_label;
use std::collections::BTreeMap;

/// A service that runs as one container.
pub(crate) struct Unit<'a> {
    pub(crate) service: &'a Service,
    pub(crate) options: ServiceOptions,
    /// Name of the container.
    pub(crate) container: String,
    pub(crate) image: String,
    pub(crate) role: Role,
    pub(crate) waits_for: Vec<Wait>,
    /// Somebody waits until it is healthy.
    pub(crate) gates: bool,
}

impl Unit<'_> {
    /// Name of the compose service.
    pub(crate) fn name(&self) -> &str {
        &self.service.name.value
    }
}

/// Containers of Kompox itself.
pub(crate) const INSTALL: &str = "kompox-install";
/// Writes secrets and configs with exact owner and mode.
pub(crate) const FILES: &str = "kompox-files";
/// Keeps a Pod alive that has no main container.
pub(crate) const HOLD: &str = "kompox-hold";
/// Starts the names of containers that fill volumes.
pub(crate) const FILL: &str = "kompox-fill-";

/// The services that run, in the order of the Pod.
pub(crate) fn units<'a>(project: &'a Project, diagnostics: &mut Diagnostics) -> Vec<Unit<'a>> {
    let mut options = BTreeMap::new();
    let mut candidates = Vec::new();
    for service in project.services.values() {
        let own = ServiceOptions::read(service, diagnostics);
        if replicas(service, diagnostics) {
            candidates.push(Candidate { service, one_shot: own.one_shot });
            options.insert(service.name.value.as_str(), own);
        }
    }
    if candidates.is_empty() && !diagnostics.has_errors() {
        let message = "no service is left to run";
        diagnostics.push(
            Diagnostic::error("convert.no-service", message)
                .help("add a service, switch on a profile, or give one a replica"),
        );
    }
    let mut units: Vec<Unit<'_>> = Vec::new();
    for placed in arrange(&candidates, diagnostics) {
        let service = placed.service;
        let options = options.remove(service.name.value.as_str()).unwrap_or_default();
        let image = image(service, &options, diagnostics);
        units.push(Unit {
            service,
            options,
            container: dns_label(&service.name.value, 63),
            image,
            role: placed.role,
            waits_for: placed.waits_for,
            gates: placed.gates,
        });
    }
    check_names(&mut units, diagnostics);
    note_restart(&units, diagnostics);
    units
}

/// Whether the service runs at all; more than one replica is refused.
fn replicas(service: &Service, diagnostics: &mut Diagnostics) -> bool {
    let Some(replicas) = service.replicas() else { return true };
    match replicas.value {
        0 => {
            let message = format!("`{}` has no replica and is left out", service.name.value);
            diagnostics.push(Diagnostic::note("convert.replicas", message).at(replicas.span));
            false
        }
        1 => true,
        many => {
            let message = format!("{many} replicas of `{}` are refused: one Pod per app", service.name.value);
            diagnostics.push(
                Diagnostic::error("convert.replicas", message)
                    .at(replicas.span)
                    .help("set 1; more workers inside one container are usually a setting of the program"),
            );
            true
        }
    }
}

fn image(service: &Service, options: &ServiceOptions, diagnostics: &mut Diagnostics) -> String {
    let given = options.image.as_ref().or(service.image.as_ref());
    let Some(image) = given else {
        let message = format!("`{}` has no image: images are not built", service.name.value);
        diagnostics.push(
            Diagnostic::error("convert.image", message)
                .at(service.build.as_ref().map_or(service.name.span, |build| build.key_span))
                .help("build and push the image, then set `image`"),
        );
        return String::new();
    };
    if image.value.is_empty() || image.value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let message = format!("`{}` is no image name", image.value.escape_debug());
        diagnostics.push(Diagnostic::error("convert.image", message).at(image.span));
    }
    image.value.clone()
}

fn check_names(units: &mut [Unit<'_>], diagnostics: &mut Diagnostics) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for index in 0..units.len() {
        let unit = &units[index];
        let own = [INSTALL, FILES, HOLD].contains(&unit.container.as_str());
        if own || unit.container.starts_with(FILL) {
            let message = format!("the name of service `{}` is taken by a container of Kompox", unit.name());
            diagnostics.push(Diagnostic::error("convert.container-name", message).at(unit.service.name.span));
        }
        if let Some(other) = seen.get(&unit.container).map(|other| &units[*other]) {
            let message = format!(
                "`{}` and `{}` would both be container `{}`",
                other.name(),
                unit.name(),
                unit.container
            );
            diagnostics.push(
                Diagnostic::error("convert.container-name", message)
                    .at(unit.service.name.span)
                    .label(other.service.name.span, "the other one")
                    .help("rename one of them"),
            );
            // Never seen by anybody; keeps what follows from being reported for two containers at once.
            units[index].container = format!("collision-{index}");
        }
        seen.insert(units[index].container.clone(), index);
    }
}

fn note_restart(units: &[Unit<'_>], diagnostics: &mut Diagnostics) {
    let mut running = units.iter().filter(|unit| unit.role != Role::OneShot);
    let silent =
        |unit: &&Unit<'_>| unit.service.restart.is_none() && unit.service.deploy.restart_policy.is_none();
    if let Some(unit) = running.clone().find(silent) {
        let message = format!("`{}` does not say `restart`: it is restarted whenever it ends", unit.name());
        diagnostics.push(
            Diagnostic::note("convert.restart", message)
                .at(unit.service.name.span)
                .help("this goes for every service that is no job; write `restart: unless-stopped` to say the same to Docker"),
        );
    }
    if let Some(unit) = running.find(|unit| unit.role == Role::Main && crate::order::ends(unit.service)) {
        let message = format!(
            "`{}` is restarted whenever it ends: it has ports or a healthcheck, so it is no job",
            unit.name()
        );
        diagnostics.push(
            Diagnostic::note("convert.restart", message)
                .at(unit.service.key_span("restart"))
                .help("set `x-kompox: {oneshot: true}` if it is one"),
        );
    }
    units.iter().for_each(|unit| note_attempts(unit, diagnostics));
    for unit in units.iter().filter(|unit| unit.role == Role::OneShot) {
        let message =
            format!("`{}` is a job: it runs at every start of the Pod and must be repeatable", unit.name());
        diagnostics.push(Diagnostic::note("convert.one-shot", message).at(unit.service.name.span));
        if let Some(check) = &unit.service.healthcheck {
            let message = format!("the healthcheck of job `{}` has no effect", unit.name());
            diagnostics.push(Diagnostic::note("convert.one-shot", message).at(check.span));
        }
    }
}

/// Kubernetes has no limit on restarts.
fn note_attempts(unit: &Unit<'_>, diagnostics: &mut Diagnostics) {
    let counted = |restart: &&Located<Restart>| matches!(restart.value, Restart::OnFailure(Some(_)));
    let policy = unit.service.deploy.restart_policy.as_ref();
    let policy = policy
        .filter(|policy| policy.delay.is_some() || policy.max_attempts.is_some() || policy.window.is_some())
        .map(|policy| policy.span);
    if let Some(span) = unit.service.restart.as_ref().filter(counted).map(|restart| restart.span).or(policy) {
        let message = "restarts are not counted, and wait longer each time, up to five minutes";
        diagnostics.push(Diagnostic::note("convert.restart", message).at(span));
    }
}
