//! The Deployment: one Pod with every service. Pure.

use crate::copy_up;
use crate::environment::environment;
use crate::escape::literal;
use crate::extension::ProjectOptions;
use crate::metadata::Metadata;
use crate::mounts::Mounts;
use crate::privilege::ContainerGrant;
use crate::probe::{self, Probes};
use crate::security::{self, User};
use crate::summary::{self, Role};
use crate::unit::{HOLD, Unit};
use crate::{contents::Contents, hooks, ports};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kompox_compose::{Diagnostic, Diagnostics, Located};
use kompox_model::{hash, label, resource_name};
use std::collections::BTreeMap;

/// What a service's container needs besides the service itself.
pub(crate) struct Parts {
    pub(crate) user: Option<User>,
    pub(crate) probes: Probes,
    pub(crate) resources: Option<ResourceRequirements>,
    pub(crate) grant: ContainerGrant,
}

/// The container of a service.
pub(crate) fn container(
    unit: &Unit<'_>,
    parts: Parts,
    options: &ProjectOptions,
    mounts: &mut Mounts,
    contents: &mut Contents<'_>,
    diagnostics: &mut Diagnostics,
) -> Container {
    let environment = environment(unit, contents, diagnostics);
    let (command, args) = command(unit, diagnostics);
    let lifecycle = hooks::lifecycle(unit, options, diagnostics);
    let flag = |flag: Option<Located<bool>>| flag.filter(|flag| flag.value).map(|_| true);
    note_pull_policy(unit, diagnostics);
    Container {
        name: unit.container.clone(),
        image: Some(unit.image.clone()),
        image_pull_policy: Some(pull_policy(unit).to_owned()),
        command,
        args,
        env: environment.env,
        env_from: environment.env_from,
        lifecycle,
        ports: ports::container_ports(unit),
        readiness_probe: parts.probes.readiness,
        resources: parts.resources,
        restart_policy: (unit.role == Role::Sidecar).then(|| "Always".to_owned()),
        security_context: security::security_context(unit, parts.user, &parts.grant),
        startup_probe: parts.probes.startup,
        stdin: flag(unit.service.stdin_open),
        tty: flag(unit.service.tty),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: mounts.of(&unit.container),
        working_dir: working_dir(unit, diagnostics),
        ..Container::default()
    }
}

/// `command` and `args` of the container. An empty list clears what the image says, which Kubernetes can only do
/// together with the other one.
fn command(unit: &Unit<'_>, diagnostics: &mut Diagnostics) -> (Option<Vec<String>>, Option<Vec<String>>) {
    let words = |words: &Option<Located<Vec<String>>>| {
        words.as_ref().map(|words| words.value.iter().map(|word| literal(word)).collect::<Vec<_>>())
    };
    let (entrypoint, args) = (words(&unit.service.entrypoint), words(&unit.service.command));
    match (entrypoint, args) {
        (Some(entrypoint), Some(args)) if entrypoint.is_empty() && !args.is_empty() => (Some(args), None),
        (Some(entrypoint), _) if entrypoint.is_empty() => {
            let message =
                format!("`{}` has an empty entrypoint and no command: nothing would run", unit.name());
            let span = unit.service.key_span("entrypoint");
            diagnostics.push(Diagnostic::error("convert.command", message).at(span).help("write `command`"));
            (None, None)
        }
        (None, Some(args)) if args.is_empty() => {
            let message = format!(
                "`{}` clears the image's command, which a Pod can only do with an entrypoint",
                unit.name()
            );
            let span = unit.service.key_span("command");
            diagnostics.push(
                Diagnostic::error("convert.command", message)
                    .at(span)
                    .help("repeat the image's entrypoint as `entrypoint`"),
            );
            (None, None)
        }
        (entrypoint, args) => (entrypoint, args.filter(|args| !args.is_empty())),
    }
}

/// The folder a program starts in; a container's runtime takes absolute paths only.
fn working_dir(unit: &Unit<'_>, diagnostics: &mut Diagnostics) -> Option<String> {
    let folder = unit.service.working_dir.as_ref()?;
    if !folder.value.starts_with('/') || folder.value.contains(char::is_control) {
        let message = format!("`{}` is no absolute path in the container", folder.value.escape_debug());
        diagnostics.push(
            Diagnostic::error("convert.working-dir", message)
                .at(folder.span)
                .help("start it with `/`; control characters are not allowed"),
        );
    }
    Some(folder.value.clone())
}

/// When the image is pulled. Compose pulls what is missing; Kubernetes would always pull `latest`.
pub(crate) fn pull_policy(unit: &Unit<'_>) -> &'static str {
    match unit.service.pull_policy.as_ref().map(|policy| policy.value.as_str()) {
        Some("always" | "daily" | "weekly") => "Always",
        Some(policy) if policy.starts_with("every_") => "Always",
        Some("never") => "Never",
        _ => "IfNotPresent",
    }
}

fn note_pull_policy(unit: &Unit<'_>, diagnostics: &mut Diagnostics) {
    let Some(policy) = &unit.service.pull_policy else { return };
    let message = match policy.value.as_str() {
        "always" | "missing" | "if_not_present" | "never" => return,
        "build" => "images are not built: the image is pulled when it is missing".to_owned(),
        other => format!("with `{other}` the image is pulled whenever a Pod starts"),
    };
    diagnostics.push(Diagnostic::note("convert.pull-policy", message).at(policy.span));
}

/// The main container of a Pod in which every service is waited for or a job.
pub(crate) fn hold(image: &str, mounts: &Mounts) -> Container {
    copy_up::node(HOLD, image, &["hold"], mounts)
}

/// What the probes cannot say to whoever starts the Pod later, without the compose file: none without healthchecks.
fn unhealthy_after(containers: &[summary::Container]) -> Option<String> {
    let limits: BTreeMap<&str, u64> = containers
        .iter()
        .filter_map(|container| Some((container.name.as_str(), probe::whole_seconds(container.verdict?))))
        .collect();
    (!limits.is_empty()).then(|| serde_json::to_string(&limits).expect("a map of numbers"))
}

/// What is noted beside the Pod, for commands that have no compose file.
pub(crate) struct Notes {
    pub(crate) compose_labels: Option<String>,
    pub(crate) quiesce: Option<String>,
}

/// The Deployment of a Pod. Equal Pods have equal revisions, by which a deploy knows its own Pod.
pub(crate) fn deployment(
    metadata: &Metadata,
    spec: PodSpec,
    containers: &[summary::Container],
    notes: Notes,
) -> Deployment {
    let mut object = metadata.named(resource_name::APP);
    let annotations = [
        (label::COMPOSE_LABELS, notes.compose_labels),
        (label::QUIESCE, notes.quiesce),
        (label::UNHEALTHY_AFTER, unhealthy_after(containers)),
    ];
    let annotations = annotations.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    object.annotations.get_or_insert_default().extend(annotations);
    let mut pod = metadata.pod();
    let bytes = serde_json::to_vec(&spec).expect("Kubernetes types have string keys only");
    pod.annotations = Some([(label::REVISION.to_owned(), hash::hex(&bytes, 16))].into());
    Deployment {
        metadata: object,
        spec: Some(DeploymentSpec {
            replicas: Some(1),
            // An earlier Pod cannot come back: what its name-by-content objects held is gone.
            revision_history_limit: Some(0),
            selector: LabelSelector { match_labels: Some(metadata.selector()), match_expressions: None },
            strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None }),
            template: PodTemplateSpec { metadata: Some(pod), spec: Some(spec) },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}
