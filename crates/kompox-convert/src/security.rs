//! What a container may do: user, capabilities, and what would give it power over the node. Pure.
//!
//! Nothing beyond Pod Security level `baseline` is let through in this version.

use crate::extension::ProjectOptions;
use crate::unit::Unit;
use k8s_openapi::api::core::v1::{Capabilities, SecurityContext};
use kompox_compose::{Diagnostic, Diagnostics, Located, NetworkMode, Span};
use std::collections::BTreeSet;

/// Capabilities that Pod Security level `baseline` lets a container add.
const BASELINE: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

const ADMINISTRATOR: &str =
    "an app gets no power over the node; ask the cluster's administrator for another way";

/// User and group by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    /// None: the group that the image's /etc/passwd gives this user, else 0, as in Docker.
    pub(crate) gid: Option<u32>,
}

/// The user a container runs as, if the file says it by number.
pub(crate) fn user(unit: &Unit<'_>, diagnostics: &mut Diagnostics) -> Option<User> {
    let written = unit.service.user.as_ref().filter(|user| !user.value.is_empty());
    let (name, group) = match written {
        Some(user) => match user.value.split_once(':') {
            Some((name, group)) => (Some(name), Some(group)),
            None => (Some(user.value.as_str()), None),
        },
        None => (None, None),
    };
    let uid = match (name.map(id), unit.options.uid) {
        (Some(Some(uid)), _) | (_, Some(uid)) => uid,
        (Some(None), None) => {
            let text = written.map(|user| user.value.clone()).unwrap_or_default();
            let message = match name.is_some_and(|name| name.bytes().all(|digit| digit.is_ascii_digit())) {
                true => format!("user `{text}` is no number that a container can have"),
                false => format!("user `{text}` is a name, which only the image can resolve"),
            };
            diagnostics.push(
                Diagnostic::error("convert.user", message)
                    .at(unit.service.key_span("user"))
                    .help("write the number, or add `x-kompox: {uid: NUMBER}`; without `user` the image's own user is taken"),
            );
            return None;
        }
        (None, None) => return None,
    };
    let gid = match group {
        None => None,
        Some(group) => match id(group) {
            Some(gid) => Some(gid),
            // A named group of a named user: the image's own group of that user.
            None if unit.options.uid.is_some() => None,
            None => {
                let message = format!("group `{group}` is a name, which only the image can resolve");
                diagnostics.push(
                    Diagnostic::error("convert.user", message)
                        .at(unit.service.key_span("user"))
                        .help("write the number"),
                );
                None
            }
        },
    };
    Some(User { uid, gid })
}

/// A user or group number as Kubernetes accepts it.
pub(crate) fn id(text: &str) -> Option<u32> {
    text.parse::<u32>().ok().filter(|id| i32::try_from(*id).is_ok())
}

/// The security context of a service's container.
pub(crate) fn security_context(
    unit: &Unit<'_>,
    user: Option<User>,
    diagnostics: &mut Diagnostics,
) -> Option<SecurityContext> {
    let context = SecurityContext {
        run_as_user: user.map(|user| i64::from(user.uid)),
        run_as_group: user.and_then(|user| user.gid).map(i64::from),
        read_only_root_filesystem: unit.service.read_only.filter(|flag| flag.value).map(|_| true),
        allow_privilege_escalation: no_new_privileges(unit, diagnostics).then_some(false),
        capabilities: capabilities(unit, diagnostics),
        ..SecurityContext::default()
    };
    (context != SecurityContext::default()).then_some(context)
}

fn capabilities(unit: &Unit<'_>, diagnostics: &mut Diagnostics) -> Option<Capabilities> {
    let mut add = BTreeSet::new();
    for capability in &unit.service.cap_add {
        let name = capability_name(capability);
        if BASELINE.contains(&name.as_str()) {
            add.insert(name);
        } else if name == "NET_RAW" {
            let message = "NET_RAW is not added: Pod Security level `baseline` does not allow it";
            diagnostics.push(Diagnostic::note("convert.capability", message).at(capability.span));
        } else {
            let message = format!("capability {name} is refused");
            diagnostics
                .push(Diagnostic::error("convert.security", message).at(capability.span).help(ADMINISTRATOR));
        }
    }
    let drop: BTreeSet<_> = unit.service.cap_drop.iter().map(capability_name).collect();
    let some = |set: BTreeSet<String>| (!set.is_empty()).then(|| set.into_iter().collect());
    (!add.is_empty() || !drop.is_empty()).then(|| Capabilities { add: some(add), drop: some(drop) })
}

fn capability_name(capability: &Located<String>) -> String {
    let name = capability.value.to_ascii_uppercase();
    name.strip_prefix("CAP_").map(ToOwned::to_owned).unwrap_or(name)
}

fn no_new_privileges(unit: &Unit<'_>, diagnostics: &mut Diagnostics) -> bool {
    let mut found = false;
    for option in &unit.service.security_opt {
        match option.value.replace('=', ":").as_str() {
            "no-new-privileges" | "no-new-privileges:true" => found = true,
            "no-new-privileges:false" => {}
            _ => refuse(&format!("security_opt `{}`", option.value), option.span, ADMINISTRATOR, diagnostics),
        }
    }
    found
}

fn refuse(what: &str, span: Span, help: &str, diagnostics: &mut Diagnostics) {
    let message = format!("{what} is refused");
    diagnostics.push(Diagnostic::error("convert.security", message).at(span).help(help));
}

/// Checks the namespaces a service wants to share.
pub(crate) fn check_namespaces(
    unit: &Unit<'_>,
    units: &[Unit<'_>],
    options: &ProjectOptions,
    diagnostics: &mut Diagnostics,
) {
    let service = unit.service;
    if let Some(mode) = &service.network_mode {
        let what = match &mode.value {
            NetworkMode::Bridge | NetworkMode::Service(_) => None,
            NetworkMode::Container(name) if is_own(name, units) => None,
            NetworkMode::Container(name) => {
                Some(format!("network_mode `container:{name}` of another project"))
            }
            NetworkMode::Host => Some("network_mode `host`".to_owned()),
            NetworkMode::None => Some("network_mode `none`".to_owned()),
            NetworkMode::Other(name) => Some(format!("network_mode `{name}`")),
        };
        if let Some(what) = what {
            let help = "the services of an app share the network of one Pod: remove the key";
            refuse(&what, mode.span, help, diagnostics);
        }
    }
    if let Some(ipc) = &service.ipc {
        check_ipc(ipc, units, diagnostics);
    }
    if let Some(pid) = &service.pid {
        let shared =
            pid.value.split_once(':').is_some_and(|(kind, name)| kind == "service" || is_own(name, units));
        if !shared {
            refuse(&format!("pid `{}`", pid.value), pid.span, ADMINISTRATOR, diagnostics);
        } else if !options.share_processes {
            let help = "set `x-kompox: {shareProcesses: true}` at the top of the file";
            refuse(&format!("pid `{}` without shared processes", pid.value), pid.span, help, diagnostics);
        }
    }
}

fn check_ipc(ipc: &Located<String>, units: &[Unit<'_>], diagnostics: &mut Diagnostics) {
    match ipc.value.split_once(':') {
        Some(("service", _)) => {}
        Some(("container", name)) if is_own(name, units) => {}
        None if matches!(ipc.value.as_str(), "" | "none" | "private" | "shareable") => {
            let message = format!("ipc `{}` has no effect: the containers of a Pod share it", ipc.value);
            diagnostics.push(Diagnostic::note("convert.ipc", message).at(ipc.span));
        }
        _ => refuse(&format!("ipc `{}`", ipc.value), ipc.span, ADMINISTRATOR, diagnostics),
    }
}

fn is_own(container: &str, units: &[Unit<'_>]) -> bool {
    let named =
        |unit: &Unit<'_>| unit.service.container_name.as_ref().is_some_and(|name| name.value == container);
    units.iter().any(|unit| unit.name() == container || named(unit))
}
