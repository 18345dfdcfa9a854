//! What an app wants beyond Pod Security level `baseline`. Pure.
//!
//! Default deny: a wish takes effect only where `cluster.security` allows exactly it. Otherwise it is refused, or left
//! out with a warning where the compose file names its key under `x-kompox.allow`.

use crate::extension::ProjectOptions;
use crate::unit::Unit;
use crate::{Input, pod_security};
use kompox_compose::{Diagnostic, Diagnostics, Located, NetworkMode, Span};
use kompox_model::{ClusterSecurity, Confinement, HostNamespace};
use std::collections::{BTreeMap, BTreeSet};

/// What the Pod gets.
#[derive(Debug, Default)]
pub(crate) struct Granted {
    /// Namespaces of the node that the Pod shares.
    pub(crate) host: BTreeSet<HostNamespace>,
    containers: BTreeMap<String, ContainerGrant>,
}

/// What one container gets.
#[derive(Debug, Default, Clone)]
pub(crate) struct ContainerGrant {
    pub(crate) privileged: bool,
    pub(crate) no_new_privileges: bool,
    pub(crate) capabilities: BTreeSet<String>,
    pub(crate) unconfined: BTreeSet<Confinement>,
    /// Resources of device plugins.
    pub(crate) devices: BTreeMap<String, u32>,
}

impl Granted {
    /// Decides every wish of every service, and reports what is not granted.
    pub(crate) fn decide(
        input: &Input<'_>,
        options: &ProjectOptions,
        units: &[Unit<'_>],
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut judge = Judge { security: &input.cluster.security, options, diagnostics };
        let mut granted = Self::default();
        for unit in units {
            judge.namespaces(unit, units, &mut granted.host);
            let grant = judge.container(unit, &granted.host);
            granted.containers.insert(unit.container.clone(), grant);
        }
        judge.conflicts(units, &granted);
        granted
    }

    /// What the container of a service gets.
    pub(crate) fn container(&self, unit: &Unit<'_>) -> ContainerGrant {
        self.containers.get(&unit.container).cloned().unwrap_or_default()
    }

    /// Whether the Pod shares a namespace of the node.
    pub(crate) fn shares(&self, namespace: HostNamespace) -> bool {
        self.host.contains(&namespace)
    }
}

/// A key that asks for power, with the allowance that grants it.
struct Wish<'a> {
    key: &'a str,
    what: String,
    span: Span,
    /// The key of `cluster.security`; none where Kubernetes has no such thing.
    allowance: Option<&'a str>,
}

struct Judge<'a, 'b> {
    security: &'a ClusterSecurity,
    options: &'a ProjectOptions,
    diagnostics: &'b mut Diagnostics,
}

impl Judge<'_, '_> {
    /// True when the wish is granted.
    fn grants(&mut self, granted: bool, wish: &Wish<'_>) -> bool {
        if !granted {
            self.diagnostics.push(not_granted(wish.key, &wish.what, wish.span, wish.allowance, self.options));
        }
        granted
    }

    fn namespaces(&mut self, unit: &Unit<'_>, units: &[Unit<'_>], host: &mut BTreeSet<HostNamespace>) {
        let service = unit.service;
        if let Some(mode) = &service.network_mode {
            self.network_mode(mode, units, host);
        }
        if let Some(ipc) = &service.ipc {
            self.ipc(ipc, units, host);
        }
        if let Some(pid) = &service.pid {
            self.pid(pid, units, host);
        }
        if let Some(user) = service.userns_mode.as_ref().filter(|user| !user.value.is_empty()) {
            if user.value == "host" {
                self.host("userns_mode", HostNamespace::User, user.span, host);
            } else {
                let what = format!("userns_mode `{}`", user.value);
                self.grants(false, &Wish { key: "userns_mode", what, span: user.span, allowance: None });
            }
        }
    }

    fn host(&mut self, key: &str, namespace: HostNamespace, span: Span, host: &mut BTreeSet<HostNamespace>) {
        let wish = Wish { key, what: format!("{key} `host`"), span, allowance: Some("hostNamespaces") };
        if self.grants(self.security.host_namespaces.contains(&namespace), &wish) {
            host.insert(namespace);
        }
    }

    fn network_mode(
        &mut self,
        mode: &Located<NetworkMode>,
        units: &[Unit<'_>],
        host: &mut BTreeSet<HostNamespace>,
    ) {
        let what = match &mode.value {
            NetworkMode::Bridge | NetworkMode::Service(_) => return,
            NetworkMode::Container(name) if is_own(name, units) => return,
            NetworkMode::Host => return self.host("network_mode", HostNamespace::Network, mode.span, host),
            NetworkMode::Container(name) => format!("network_mode `container:{name}` of another project"),
            NetworkMode::None => "network_mode `none`".to_owned(),
            NetworkMode::Other(name) => format!("network_mode `{name}`"),
        };
        let help = "the services of an app share the network of one Pod: remove the key";
        self.refuse(&what, mode.span, help);
    }

    fn ipc(&mut self, ipc: &Located<String>, units: &[Unit<'_>], host: &mut BTreeSet<HostNamespace>) {
        match ipc.value.split_once(':') {
            Some(("service", _)) => {}
            Some(("container", name)) if is_own(name, units) => {}
            None if ipc.value == "host" => self.host("ipc", HostNamespace::Ipc, ipc.span, host),
            None if matches!(ipc.value.as_str(), "" | "none" | "private" | "shareable") => {
                let message = format!("ipc `{}` has no effect: the containers of a Pod share it", ipc.value);
                self.diagnostics.push(Diagnostic::note("convert.ipc", message).at(ipc.span));
            }
            _ => {
                let what = format!("ipc `{}`", ipc.value);
                self.grants(false, &Wish { key: "ipc", what, span: ipc.span, allowance: None });
            }
        }
    }

    fn pid(&mut self, pid: &Located<String>, units: &[Unit<'_>], host: &mut BTreeSet<HostNamespace>) {
        if pid.value == "host" {
            return self.host("pid", HostNamespace::Pid, pid.span, host);
        }
        let shared =
            pid.value.split_once(':').is_some_and(|(kind, name)| kind == "service" || is_own(name, units));
        if !shared {
            let what = format!("pid `{}`", pid.value);
            self.grants(false, &Wish { key: "pid", what, span: pid.span, allowance: None });
        } else if !self.options.share_processes {
            let help = "set `x-kompox: {shareProcesses: true}` at the top of the file";
            self.refuse(&format!("pid `{}` without shared processes", pid.value), pid.span, help);
        }
    }

    fn refuse(&mut self, what: &str, span: Span, help: &str) {
        let message = format!("{what} is refused");
        self.diagnostics.push(Diagnostic::error("convert.security", message).at(span).help(help));
    }

    fn container(&mut self, unit: &Unit<'_>, host: &BTreeSet<HostNamespace>) -> ContainerGrant {
        let mut grant = ContainerGrant { privileged: self.privileged(unit), ..ContainerGrant::default() };
        self.capabilities(unit, &mut grant);
        self.security_opt(unit, &mut grant);
        self.devices(unit, &mut grant);
        self.sysctls(unit, host);
        if grant.privileged && grant.no_new_privileges {
            let help = "remove one of them";
            self.refuse(
                "`privileged` together with `no-new-privileges`",
                unit.service.key_span("security_opt"),
                help,
            );
        }
        grant
    }

    fn privileged(&mut self, unit: &Unit<'_>) -> bool {
        let Some(flag) = unit.service.privileged.filter(|flag| flag.value) else { return false };
        let what = "`privileged`".to_owned();
        let wish = Wish { key: "privileged", what, span: flag.span, allowance: Some("privileged") };
        self.grants(self.security.privileged, &wish)
    }

    fn capabilities(&mut self, unit: &Unit<'_>, grant: &mut ContainerGrant) {
        for capability in &unit.service.cap_add {
            let name = crate::security::capability_name(capability);
            let allowed = self.security.capabilities.contains(&name);
            if name == "NET_RAW" && !allowed && !grant.privileged {
                let message = "NET_RAW is not added: Pod Security level `baseline` does not allow it";
                self.diagnostics.push(Diagnostic::note("convert.capability", message).at(capability.span));
                continue;
            }
            let what = format!("capability `{}`", name.escape_debug());
            let wish = Wish { key: "cap_add", what, span: capability.span, allowance: Some("capabilities") };
            let baseline = pod_security::BASELINE_CAPABILITIES.contains(&name.as_str());
            // A privileged container has all of them.
            if grant.privileged || self.grants(allowed || baseline, &wish) {
                grant.capabilities.insert(name);
            }
        }
    }

    fn security_opt(&mut self, unit: &Unit<'_>, grant: &mut ContainerGrant) {
        for option in &unit.service.security_opt {
            let text = option.value.replacen('=', ":", 1);
            let unconfined =
                Confinement::ALL.into_iter().find(|one| text == format!("{}:unconfined", one.word()));
            match (text.as_str(), unconfined) {
                ("no-new-privileges" | "no-new-privileges:true", _) => grant.no_new_privileges = true,
                ("no-new-privileges:false", _) => {}
                (_, confinement) => {
                    let what = format!("security_opt `{}`", option.value.escape_debug());
                    let allowance = confinement.map(|_| "unconfined");
                    let wish = Wish { key: "security_opt", what, span: option.span, allowance };
                    let allowed = confinement.is_some_and(|one| self.security.unconfined.contains(&one));
                    if self.grants(allowed, &wish) {
                        grant.unconfined.extend(confinement);
                    }
                }
            }
        }
    }

    fn devices(&mut self, unit: &Unit<'_>, grant: &mut ContainerGrant) {
        for device in &unit.service.devices {
            if device.source != device.target {
                let what = format!("device `{}` at another path", device.source.escape_debug());
                let help = "write the path that it has on the node: neither a device plugin nor a privileged container moves it";
                self.refuse(&what, device.span, help);
                continue;
            }
            if grant.privileged {
                let message = "a privileged container has every device of its node";
                self.diagnostics.push(Diagnostic::note("convert.device", message).at(device.span));
                continue;
            }
            let resource = self.security.devices.get(&device.source);
            let what = format!("device `{}`", device.source.escape_debug());
            let wish = Wish { key: "devices", what, span: device.span, allowance: Some("devices") };
            if self.grants(resource.is_some(), &wish) {
                grant.devices.extend(resource.map(|resource| (resource.clone(), 1)));
            }
        }
    }

    fn sysctls(&mut self, unit: &Unit<'_>, host: &BTreeSet<HostNamespace>) {
        for (name, value) in &unit.service.sysctls {
            let safe = pod_security::SAFE_SYSCTLS.contains(&name.as_str());
            let what = format!("sysctl `{}`", name.escape_debug());
            let wish = Wish { key: "sysctls", what, span: value.span, allowance: Some("sysctls") };
            if !self.grants(safe || self.security.sysctls.contains(name), &wish) {
                continue;
            }
            if value.value.contains(char::is_control) {
                let help = "write the value without control characters";
                self.refuse(&format!("the value of sysctl `{name}`"), value.span, help);
            }
            let of_node = host.contains(&HostNamespace::Network) && name.starts_with("net.")
                || host.contains(&HostNamespace::Ipc)
                    && ["kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."]
                        .iter()
                        .any(|ipc| name.starts_with(ipc));
            if of_node {
                let help = "a Pod that shares this namespace of the node cannot change its settings";
                self.refuse(&format!("sysctl `{name}`"), value.span, help);
            }
        }
    }

    /// What the API server refuses, or what would hit the node instead of the container.
    fn conflicts(&mut self, units: &[Unit<'_>], granted: &Granted) {
        if granted.shares(HostNamespace::Pid) {
            for unit in units {
                let conflict = match (&unit.service.stop_signal, self.options.share_processes) {
                    (_, true) => Some(("`x-kompox.shareProcesses`", unit.service.key_span("pid"))),
                    // Process 1 is the node's.
                    (Some(signal), false) => Some(("`stop_signal`", signal.span)),
                    (None, false) => None,
                };
                if let Some((other, span)) = conflict {
                    self.refuse(&format!("{other} together with pid `host`"), span, "remove one of them");
                }
            }
        }
        let on_node = units
            .iter()
            .filter_map(|unit| unit.service.network_mode.as_ref())
            .find(|mode| mode.value == NetworkMode::Host);
        if let Some(mode) = on_node.filter(|_| granted.shares(HostNamespace::Network)) {
            let message =
                "the whole Pod is on the network of its node: no NetworkPolicy protects it or others from it";
            self.diagnostics.push(Diagnostic::warning("convert.host-network", message).at(mode.span));
        }
    }
}

/// What is said of a wish that `cluster.security` does not allow.
pub(crate) fn not_granted(
    key: &str,
    what: &str,
    span: Span,
    allowance: Option<&str>,
    options: &ProjectOptions,
) -> Diagnostic {
    if options.allow.contains(key) {
        let message = match allowance {
            Some(allowance) => {
                format!("{what} has no effect: `cluster.security.{allowance}` does not allow it")
            }
            None => format!("{what} has no effect: Kubernetes has no such setting"),
        };
        return Diagnostic::warning("convert.security", message).at(span);
    }
    let way = match allowance {
        Some(allowance) => format!(
            "an app gets no power over the node unless the cluster's administrator allows it with `cluster.security.{allowance}`"
        ),
        None => "Kubernetes has no such setting".to_owned(),
    };
    let help = format!(
        "{way}; `x-kompox: {{allow: [{key}]}}` at the top of the file leaves it out where it is not allowed"
    );
    Diagnostic::error("convert.security", format!("{what} is refused")).at(span).help(help)
}

fn is_own(container: &str, units: &[Unit<'_>]) -> bool {
    let named =
        |unit: &Unit<'_>| unit.service.container_name.as_ref().is_some_and(|name| name.value == container);
    units.iter().any(|unit| unit.name() == container || named(unit))
}
