//! Who a container runs as, and its security context. Pure.

use crate::privilege::ContainerGrant;
use crate::unit::Unit;
use k8s_openapi::api::core::v1::{AppArmorProfile, Capabilities, SeccompProfile, SecurityContext};
use kompox_compose::{Diagnostic, Diagnostics, Located};
use kompox_model::Confinement;
use std::collections::BTreeSet;

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
    grant: &ContainerGrant,
) -> Option<SecurityContext> {
    let unconfined = |one| grant.unconfined.contains(&one).then(|| "Unconfined".to_owned());
    let context = SecurityContext {
        run_as_user: user.map(|user| i64::from(user.uid)),
        run_as_group: user.and_then(|user| user.gid).map(i64::from),
        read_only_root_filesystem: unit.service.read_only.filter(|flag| flag.value).map(|_| true),
        allow_privilege_escalation: grant.no_new_privileges.then_some(false),
        privileged: grant.privileged.then_some(true),
        capabilities: capabilities(unit, grant),
        seccomp_profile: unconfined(Confinement::Seccomp)
            .map(|type_| SeccompProfile { type_, localhost_profile: None }),
        app_armor_profile: unconfined(Confinement::AppArmor)
            .map(|type_| AppArmorProfile { type_, localhost_profile: None }),
        ..SecurityContext::default()
    };
    (context != SecurityContext::default()).then_some(context)
}

fn capabilities(unit: &Unit<'_>, grant: &ContainerGrant) -> Option<Capabilities> {
    let drop: BTreeSet<_> = unit.service.cap_drop.iter().map(capability_name).collect();
    let some = |set: BTreeSet<String>| (!set.is_empty()).then(|| set.into_iter().collect());
    let add = grant.capabilities.clone();
    (!add.is_empty() || !drop.is_empty()).then(|| Capabilities { add: some(add), drop: some(drop) })
}

/// Upper case, without `CAP_`.
pub(crate) fn capability_name(capability: &Located<String>) -> String {
    let name = capability.value.to_ascii_uppercase();
    name.strip_prefix("CAP_").map(ToOwned::to_owned).unwrap_or(name)
}
