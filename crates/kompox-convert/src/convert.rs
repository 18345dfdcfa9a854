//! The conversion: from the input to the objects of one app, or to what is wrong with it. Pure.

use crate::contents::Contents;
use crate::copy_up::{self, Fills, mount_program};
use crate::deployment::{self, Parts};
use crate::extension::ProjectOptions;
use crate::file_mounts::FileMounts;
use crate::hosts::Hosts;
use crate::metadata::Metadata;
use crate::mounts::{Mount, Mounts, PodVolume, item};
use crate::network_policy::Surroundings;
use crate::pod_security::{self, Level};
use crate::privilege::Granted;
use crate::probe::probes;
use crate::security::{self, User};
use crate::service::is_traefik;
use crate::storage::{self, Storage};
use crate::summary::{Container as Seen, Folder, Role, Summary, Upload};
use crate::unit::{HOLD, Unit, units};
use crate::{Conversion, Input, ResourceSet};
use crate::{
    access, fate, hooks, ingress, labels, namespace, network_policy, persistent_volume, pod, ports, quiesce,
    resources, service, stop,
};
use k8s_openapi::api::core::v1::{Container, PodSpec};
use kompox_compose::{Diagnostic, Diagnostics, Project};
use kompox_model::{HostNamespace, VolumeName, resource_name};
use kompox_node_protocol::FileToWrite;
use std::collections::{BTreeMap, BTreeSet};

/// Converts an app. Errors among the diagnostics mean that there is no conversion; all of them are reported, not the
/// first. Equal input gives equal output.
#[must_use]
pub fn convert(input: &Input<'_>) -> (Option<Conversion>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let options = ProjectOptions::read(input.project, &mut diagnostics);
    let units = units(input.project, &mut diagnostics);
    fate::apply(input.app, input.project, &units, &options, &mut diagnostics);
    let metadata = Metadata::new(input.identity());
    let conversion = conversion(input, &options, &units, &metadata, &mut diagnostics);
    diagnostics.sort();
    (conversion.filter(|_| !diagnostics.has_errors()), diagnostics)
}

fn conversion(
    input: &Input<'_>,
    options: &ProjectOptions,
    units: &[Unit<'_>],
    metadata: &Metadata,
    diagnostics: &mut Diagnostics,
) -> Option<Conversion> {
    let granted = Granted::decide(input, options, units, diagnostics);
    for unit in units {
        note_init(unit, options, diagnostics);
    }
    ports::check_collisions(units, diagnostics);
    let published = ports::published(units, diagnostics);
    let hosts = ingress::hosts(input, &published, diagnostics);
    let mut contents = Contents::new(metadata);
    let stored = store(input, options, units, &mut contents, diagnostics);
    let disks = stored.disks.clone();
    let (uploads, folders) = (stored.uploads.clone(), stored.folders.clone());
    let (spec, containers) = pod_spec(input, (options, &granted), units, stored, &mut contents, diagnostics);
    let level = claimed_level(&spec, diagnostics);
    let surroundings = Surroundings {
        facts: input.facts,
        ingress_namespace: &input.cluster.ingress.namespace,
        cluster: &input.cluster.network,
        app: &input.app.network,
    };
    let internet = reaches_internet(input.project);
    let network_policy = network_policy::network_policy(metadata, &surroundings, internet, diagnostics);
    let notes = deployment::Notes {
        compose_labels: labels::compose_labels(units, diagnostics),
        quiesce: quiesce::annotation(units, diagnostics),
    };
    if diagnostics.has_errors() {
        return None;
    }
    let mut bindings: Vec<_> =
        input.volumes.iter().filter(|binding| disks.contains(&binding.volume.name)).collect();
    bindings.sort_by(|a, b| a.volume.name.cmp(&b.volume.name));
    let (secrets, config_maps) = contents.into_objects();
    let resources = ResourceSet {
        namespace: namespace::namespace(input, metadata, level),
        service_account: namespace::service_account(metadata),
        secrets,
        config_maps,
        persistent_volumes: bindings
            .iter()
            .map(|b| persistent_volume::persistent_volume(metadata, b))
            .collect(),
        persistent_volume_claims: bindings
            .iter()
            .map(|b| persistent_volume::persistent_volume_claim(metadata, b))
            .collect(),
        network_policy,
        access: access::access(metadata, &input.app.access),
        deployment: deployment::deployment(metadata, spec, &containers, notes),
        service: service::service(input, metadata, &published),
        ingresses: ingress::ingresses(input, metadata, &hosts),
    };
    let host_claims = ingress::claims(input, metadata, &hosts);
    let summary = Summary {
        hosts,
        containers,
        uploads: uploads.into_values().collect(),
        folders: folders.into_iter().collect(),
        volumes: disks.into_iter().collect(),
        stop_grace_seconds: stop::pod_grace(units),
    };
    Some(Conversion { resources, host_claims, summary })
}

/// The Pod Security level that the Namespace claims; more than the usual one is told.
fn claimed_level(spec: &PodSpec, diagnostics: &mut Diagnostics) -> Level {
    let (level, reasons) = pod_security::level(spec);
    if level != Level::Baseline {
        let message = format!(
            "the app's Namespace claims Pod Security level `{}`, for {}",
            level.word(),
            reasons.join(", ")
        );
        diagnostics.push(
            Diagnostic::note("convert.pod-security", message)
                .help("`cluster.security` allows it; remove what is not needed"),
        );
    }
    level
}

fn note_init(unit: &Unit<'_>, options: &ProjectOptions, diagnostics: &mut Diagnostics) {
    if let Some(init) = unit.service.init.filter(|init| init.value && !options.share_processes) {
        let message = format!("`init` has no effect on `{}`: its program is process 1", unit.name());
        diagnostics.push(
            Diagnostic::note("convert.init", message).at(init.span).help(
                "set `x-kompox: {shareProcesses: true}` at the top of the file if zombies must be reaped",
            ),
        );
    }
}

/// False when every network that the file declares and a service may join is internal.
fn reaches_internet(project: &Project) -> bool {
    let mut networks = project.networks.values().peekable();
    networks.peek().is_none()
        || networks.any(|network| !network.internal.is_some_and(|internal| internal.value))
}

/// What the services mount.
struct Stored {
    mounts: Mounts,
    fills: Fills,
    to_write: Vec<FileToWrite>,
    uploads: BTreeMap<(VolumeName, String), Upload>,
    folders: BTreeSet<Folder>,
    disks: BTreeSet<VolumeName>,
    users: Vec<Option<User>>,
}

fn store<'a>(
    input: &'a Input<'a>,
    options: &'a ProjectOptions,
    units: &'a [Unit<'a>],
    contents: &mut Contents<'a>,
    diagnostics: &mut Diagnostics,
) -> Stored {
    let users: Vec<_> = units.iter().map(|unit| security::user(unit, diagnostics)).collect();
    let (mut mounts, mut fills) = (Mounts::default(), Fills::default());
    let binds = storage::binds_of(input.project);
    let writable = binds.into_iter().filter(|(_, (writable, _))| *writable).map(|(source, _)| source);
    let mut storage = Storage {
        input,
        options,
        mounts: &mut mounts,
        contents,
        fills: &mut fills,
        uploads: BTreeMap::new(),
        folders: BTreeSet::new(),
        disks: BTreeSet::new(),
        writable: writable.collect(),
    };
    for (unit, user) in units.iter().zip(&users) {
        storage.service(units, unit, *user, diagnostics);
    }
    let Storage { uploads, folders, disks, .. } = storage;
    let mut files =
        FileMounts { project: input.project, mounts: &mut mounts, contents, to_write: Vec::new() };
    for (unit, user) in units.iter().zip(&users) {
        files.service(unit, *user, diagnostics);
    }
    let to_write = files.to_write;
    Stored { mounts, fills, to_write, uploads, folders, disks, users }
}

fn pod_spec<'a>(
    input: &Input<'_>,
    (options, granted): (&ProjectOptions, &Granted),
    units: &[Unit<'_>],
    stored: Stored,
    contents: &mut Contents<'a>,
    diagnostics: &mut Diagnostics,
) -> (PodSpec, Vec<Seen>) {
    let Stored { mut mounts, fills, to_write, users, .. } = stored;
    let hostname = pod::hostname(input, units, diagnostics);
    let hosts = pod::names(units, diagnostics).write(&hostname, contents);
    if let Hosts::File(config_map) = &hosts {
        mount_hosts(units, config_map, &mut mounts, diagnostics);
    }
    let shares = resources::shares(input, units, granted, diagnostics);
    let mut seen = Vec::new();
    let (mut first, mut main) = (Vec::new(), Vec::new());
    for ((unit, user), resources) in units.iter().zip(users).zip(shares.containers) {
        let probes = probes(unit, is_traefik(input), diagnostics);
        seen.push(seen_unit(unit, &probes));
        let parts = Parts { user, probes, resources, grant: granted.container(unit) };
        let container = deployment::container(unit, parts, options, &mut mounts, contents, diagnostics);
        if unit.role == Role::Main { main.push(container) } else { first.push(container) }
    }
    let needs_program = !fills.is_empty()
        || units.iter().any(|unit| unit.options.copy || unit.options.quiesce.is_some())
        || main.iter().any(|container| hooks::needs_program(container.lifecycle.as_ref()));
    let needs_image = needs_program || !to_write.is_empty() || main.is_empty();
    let image = node_image(input, needs_image, diagnostics);
    let mut setup = Vec::new();
    if needs_program {
        setup.push(copy_up::install(image, &mut mounts, diagnostics));
        // Where the Pod has the program anyway, copies work with every service that stays.
        let sidecars = first.iter_mut().filter(|container| container.restart_policy.is_some());
        for container in main.iter_mut().chain(sidecars) {
            mount_program(&mut mounts, &container.name, diagnostics);
            container.volume_mounts = mounts.of(&container.name);
        }
    }
    if !to_write.is_empty() {
        setup.push(copy_up::write_files(image, to_write, &mut mounts, diagnostics));
    }
    let claim = |volume: &VolumeName| {
        let binding = input.volumes.iter().find(|binding| binding.volume.name == *volume)?;
        let claim = resource_name::persistent_volume_claim(volume, &binding.handle);
        Some(PodVolume::claim(storage::disk_name(volume), claim))
    };
    setup.extend(fills.containers(&mut mounts, claim, diagnostics));
    if main.is_empty() {
        main.push(deployment::hold(image, &mounts));
        seen.push(helper(HOLD, Role::Hold));
    }
    let mut containers: Vec<_> = setup.iter().map(|container| helper(&container.name, Role::Setup)).collect();
    containers.extend(seen);
    setup.extend(first);
    let shared = (options, granted, &input.cluster.security.sysctls);
    (spec(shared, units, hostname, hosts, &mounts, (setup, main), shares.pod, diagnostics), containers)
}

#[expect(clippy::too_many_arguments, reason = "the Pod is where everything comes together")]
fn spec(
    (options, granted, sysctls): (&ProjectOptions, &Granted, &BTreeSet<String>),
    units: &[Unit<'_>],
    hostname: String,
    hosts: Hosts,
    mounts: &Mounts,
    (first, main): (Vec<Container>, Vec<Container>),
    resources: Option<k8s_openapi::api::core::v1::ResourceRequirements>,
    diagnostics: &mut Diagnostics,
) -> PodSpec {
    let (dns_policy, dns_config) = pod::dns(units, diagnostics);
    let host = |namespace| granted.shares(namespace).then_some(true);
    // On the node's network the cluster's name service must be asked for explicitly.
    let with_host_network =
        || granted.shares(HostNamespace::Network).then(|| "ClusterFirstWithHostNet".to_owned());
    PodSpec {
        automount_service_account_token: Some(false),
        containers: main,
        dns_config,
        dns_policy: dns_policy.or_else(with_host_network),
        enable_service_links: Some(false),
        host_aliases: match hosts {
            Hosts::Aliases(aliases) if !aliases.is_empty() => Some(aliases),
            Hosts::Aliases(_) | Hosts::File(_) => None,
        },
        host_ipc: host(HostNamespace::Ipc),
        host_network: host(HostNamespace::Network),
        host_pid: host(HostNamespace::Pid),
        host_users: host(HostNamespace::User),
        hostname: Some(hostname),
        init_containers: (!first.is_empty()).then_some(first),
        node_selector: pod::node_selector(units, diagnostics),
        resources,
        security_context: Some(pod::security_context(units, sysctls, diagnostics)),
        service_account_name: Some(resource_name::APP.to_owned()),
        share_process_namespace: options.share_processes.then_some(true),
        termination_grace_period_seconds: Some(i64::from(stop::pod_grace(units))),
        volumes: mounts.volumes(),
        ..PodSpec::default()
    }
}

/// Our own /etc/hosts for every service.
fn mount_hosts(units: &[Unit<'_>], config_map: &str, mounts: &mut Mounts, diagnostics: &mut Diagnostics) {
    for unit in units {
        let volume = PodVolume::config_map(config_map.to_owned(), vec![item("hosts", "hosts", 0o644)]);
        let mount = Mount {
            container: &unit.container,
            target: "/etc/hosts",
            sub_path: Some("hosts".to_owned()),
            read_only: true,
            span: unit.service.name.span,
        };
        mounts.mount(volume, mount, diagnostics);
    }
}

/// The image of kompox-node; missing it is an error only where it is needed.
fn node_image<'a>(input: &'a Input<'_>, needed: bool, diagnostics: &mut Diagnostics) -> &'a str {
    match input.cluster.node_image.as_deref() {
        Some(image) => image,
        None => {
            if needed {
                let message = "the app needs the image of kompox-node in its Pod, which `cluster.images.node` does not name";
                diagnostics.push(
                    Diagnostic::error("convert.node-image", message)
                        .help("build it with `cargo xtask image`, push it, and set `cluster.images.node`"),
                );
            }
            ""
        }
    }
}

fn seen_unit(unit: &Unit<'_>, probes: &crate::probe::Probes) -> Seen {
    Seen {
        name: unit.container.clone(),
        service: Some(unit.name().to_owned()),
        role: unit.role,
        waits_for: unit.waits_for.clone(),
        verdict: probes.verdict,
        stop_grace_seconds: stop::grace(unit),
    }
}

fn helper(name: &str, role: Role) -> Seen {
    Seen {
        name: name.to_owned(),
        service: None,
        role,
        waits_for: Vec::new(),
        verdict: None,
        stop_grace_seconds: 0,
    }
}
