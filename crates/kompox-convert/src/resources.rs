//! CPU and memory of the Pod and its containers. Pure.

use crate::Input;
use crate::privilege::Granted;
use crate::summary::Role;
use crate::unit::Unit;
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kompox_compose::{Cpus, DeviceCount, DeviceRequest, Diagnostic, Diagnostics, Located, Span};
use kompox_model::quantity::{Bytes, MilliCpu};
use std::collections::BTreeMap;

/// The least share of a container, below which nothing useful runs: thousandths of a CPU, bytes.
const LEAST: [u64; 2] = [10, 32 << 20];
/// What a share is rounded down to.
const STEP: [u64; 2] = [1, 1 << 20];
/// Names of the amounts, in the order of all arrays here.
const NAMES: [&str; 2] = ["cpu", "memory"];

/// An amount of CPU in thousandths and of memory in bytes, where given, with its place.
type Amounts = [Option<(u64, Span)>; 2];

/// Resources of the Pod and of each unit, in order.
#[derive(Debug)]
pub(crate) struct Shares {
    pub(crate) pod: Option<ResourceRequirements>,
    pub(crate) containers: Vec<Option<ResourceRequirements>>,
}

struct Wish {
    limits: Amounts,
    reservations: Amounts,
    devices: BTreeMap<String, Quantity>,
}

/// Shares the app's total among its services.
pub(crate) fn shares(
    input: &Input<'_>,
    units: &[Unit<'_>],
    granted: &Granted,
    diagnostics: &mut Diagnostics,
) -> Shares {
    let total = [input.app.cpu.map(|cpu| cpu.0), input.app.memory.map(|memory| memory.0)];
    let mut wishes: Vec<_> = units.iter().map(|unit| wish(input, unit, granted, diagnostics)).collect();
    let whole_pod = input.facts.has_pod_resources();
    if !whole_pod {
        for index in 0..2 {
            if let Some(total) = total[index] {
                split(units, &mut wishes, index, total, diagnostics);
            }
        }
    }
    check(units, &wishes, total, diagnostics);
    let pod = (whole_pod && total.iter().any(Option::is_some)).then(|| {
        let amounts: BTreeMap<_, _> = (0..2)
            .filter_map(|index| Some((NAMES[index].to_owned(), quantity(index, total[index]?))))
            .collect();
        ResourceRequirements { limits: Some(amounts.clone()), requests: Some(amounts), claims: None }
    });
    let bounded = pod.is_some();
    Shares { containers: wishes.iter().map(|wish| requirements(wish, bounded)).collect(), pod }
}

fn wish(input: &Input<'_>, unit: &Unit<'_>, granted: &Granted, diagnostics: &mut Diagnostics) -> Wish {
    let (service, own) = (unit.service, &unit.options);
    let cpu = |cpus: Option<Located<Cpus>>| cpus.map(|cpus| (cpus.value.nano.div_ceil(1_000_000), cpus.span));
    let memory = |memory: Option<Located<u64>>| memory.map(|memory| (memory.value, memory.span));
    // Zero means no limit, as in Docker.
    let given = |amount: Option<(u64, Span)>| amount.filter(|(amount, _)| *amount > 0);
    let mut devices = BTreeMap::new();
    let requests = service.deploy.reservations.devices.iter().chain(&service.deploy.limits.devices);
    for request in requests.chain(&service.gpus) {
        if let Some((name, count)) = device(input, request, diagnostics) {
            devices.insert(name, Quantity(count.to_string()));
        }
    }
    for (name, count) in granted.container(unit).devices {
        if input.facts.device_resources.contains(&name) {
            devices.insert(name, Quantity(count.to_string()));
        } else {
            let message = format!("no node is known to offer `{name}`");
            diagnostics.push(
                Diagnostic::error("convert.device", message)
                    .at(service.key_span("devices"))
                    .help("use a cluster whose nodes have the device and its device plugin"),
            );
        }
    }
    let pids = [&service.deploy.limits, &service.deploy.reservations];
    if let Some(pids) = pids.into_iter().find_map(|part| part.pids) {
        let message = "`pids` has no effect: the node limits processes per Pod";
        diagnostics.push(Diagnostic::note("convert.pids", message).at(pids.span));
    }
    for entry in
        [&service.deploy.limits, &service.deploy.reservations].into_iter().flat_map(|part| &part.other)
    {
        if !entry.key.starts_with("x-") {
            let message = format!("`deploy.resources.{}` is not supported by this version", entry.key);
            diagnostics.push(Diagnostic::error("convert.unsupported", message).at(entry.key_span));
        }
    }
    Wish {
        limits: [
            own.cpu.map(|cpu| (cpu.value.0, cpu.span)).or_else(|| given(cpu(service.cpu_limit()))),
            own.memory
                .map(|memory| (memory.value.0, memory.span))
                .or_else(|| given(memory(service.memory_limit()))),
        ],
        reservations: [
            given(cpu(service.deploy.reservations.cpus)),
            given(memory(service.memory_reservation())),
        ],
        devices,
    }
}

fn device(
    input: &Input<'_>,
    request: &DeviceRequest,
    diagnostics: &mut Diagnostics,
) -> Option<(String, u32)> {
    let refuse = |message: String, help: &str| {
        Diagnostic::error("convert.device", message).at(request.span).help(help)
    };
    if !request.capabilities.iter().any(|capability| capability.value == "gpu") {
        diagnostics
            .push(refuse("only devices with capability `gpu` are known".to_owned(), "remove the request"));
        return None;
    }
    let vendor = request.driver.as_ref().map_or("nvidia", |driver| driver.value.as_str());
    let name = format!("{vendor}.com/gpu");
    if !input.facts.device_resources.contains(&name) {
        let help = "remove the request, or use a cluster whose nodes have the device and its device plugin";
        diagnostics.push(refuse(format!("no node is known to offer `{name}`"), help));
        return None;
    }
    match request.count.map(|count| count.value) {
        Some(DeviceCount::Number(count)) if request.device_ids.is_empty() => Some((name, count.max(1))),
        _ => {
            diagnostics.push(refuse(
                "a device request needs a number".to_owned(),
                "write `count: 1`; Kubernetes chooses the devices itself",
            ));
            None
        }
    }
}

/// Refuses reservations above their limit, and containers above the Pod.
fn check(units: &[Unit<'_>], wishes: &[Wish], total: [Option<u64>; 2], diagnostics: &mut Diagnostics) {
    for index in 0..2 {
        let (mut running, mut peak) = (0u64, 0u64);
        for (unit, wish) in units.iter().zip(wishes) {
            let reserved = wish.reservations[index];
            let amount = reserved.map_or(0, |(amount, _)| amount);
            if unit.role == Role::OneShot {
                peak = peak.max(running.saturating_add(amount));
            } else {
                running = running.saturating_add(amount);
            }
            if let (Some((amount, span)), Some((limit, place))) = (reserved, wish.limits[index])
                && amount > limit
            {
                let message =
                    format!("`{}` reserves more {} than its limit allows", unit.name(), NAMES[index]);
                diagnostics
                    .push(Diagnostic::error("convert.resources", message).at(span).label(place, "the limit"));
            }
            if let (Some((limit, span)), Some(total)) = (wish.limits[index], total[index])
                && limit > total
            {
                let message = format!(
                    "the {} limit of `{}` is above the app's total of {}",
                    NAMES[index],
                    unit.name(),
                    quantity(index, total).0
                );
                diagnostics.push(
                    Diagnostic::error("convert.resources", message)
                        .at(span)
                        .help("lower it, or raise `app.resources`"),
                );
            }
        }
        if total[index].is_some_and(|total| running.max(peak) > total) {
            let message =
                format!("the {} reservations of the services are above `app.resources`", NAMES[index]);
            diagnostics.push(
                Diagnostic::error("convert.resources", message).help("lower them, or raise `app.resources`"),
            );
        }
    }
}

/// Before Kubernetes 1.34 a Pod has no total: services with a limit keep it, the others share the rest equally.
/// Jobs run before the main containers and take the room of one.
fn split(units: &[Unit<'_>], wishes: &mut [Wish], index: usize, total: u64, diagnostics: &mut Diagnostics) {
    let open = |role: &dyn Fn(Role) -> bool, wishes: &[Wish]| {
        units
            .iter()
            .zip(wishes)
            .filter(|(unit, wish)| role(unit.role) && wish.limits[index].is_none())
            .count() as u64
    };
    let fixed: u64 = units
        .iter()
        .zip(wishes.iter())
        .filter(|(unit, _)| unit.role != Role::OneShot)
        .filter_map(|(_, wish)| wish.limits[index])
        .fold(0, |sum, (limit, _)| sum.saturating_add(limit));
    let mut sharers = open(&|role| role != Role::OneShot, wishes);
    let jobs = open(&|role| role == Role::OneShot, wishes);
    if jobs > 0 && open(&|role| role == Role::Main, wishes) == 0 {
        sharers += 1;
    }
    if sharers == 0 && fixed <= total {
        return;
    }
    let share = total.saturating_sub(fixed) / sharers.max(1) / STEP[index] * STEP[index];
    if fixed > total || share < LEAST[index] {
        let message = format!(
            "`app.resources.{}` of {} is too little for {} services on Kubernetes before 1.34",
            NAMES[index],
            quantity(index, total).0,
            units.len()
        );
        let help = format!("each service without a limit needs at least {}", quantity(index, LEAST[index]).0);
        diagnostics.push(Diagnostic::error("convert.resources", message).help(help));
        return;
    }
    for (unit, wish) in units.iter().zip(wishes) {
        if wish.limits[index].is_none() {
            wish.limits[index] = Some((share, unit.service.name.span));
        }
    }
}

/// `bounded`: the Pod has a total. Then a limit alone would become the request, and the sum of requests exceed it.
fn requirements(wish: &Wish, bounded: bool) -> Option<ResourceRequirements> {
    let mut limits: BTreeMap<_, _> = wish.devices.clone();
    let mut requests = BTreeMap::new();
    for (index, name) in NAMES.into_iter().enumerate() {
        let name = name.to_owned();
        if let Some((limit, _)) = wish.limits[index] {
            limits.insert(name.clone(), quantity(index, limit));
            if bounded {
                requests.insert(name.clone(), Quantity("0".to_owned()));
            }
        }
        if let Some((reserved, _)) = wish.reservations[index] {
            requests.insert(name, quantity(index, reserved));
        }
    }
    let some = |map: BTreeMap<String, Quantity>| (!map.is_empty()).then_some(map);
    let requirements = ResourceRequirements { limits: some(limits), requests: some(requests), claims: None };
    (requirements != ResourceRequirements::default()).then_some(requirements)
}

fn quantity(index: usize, amount: u64) -> Quantity {
    Quantity(if index == 0 { MilliCpu(amount).to_string() } else { Bytes(amount).to_string() })
}
