//! The Role of those who may look into an app, and who has it. Pure.

use crate::metadata::Metadata;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kompox_model::{AppAccess, resource_name};

const GROUP: &str = "rbac.authorization.k8s.io";

/// The Role and its binding; none when nobody is named.
pub(crate) fn access(metadata: &Metadata, access: &AppAccess) -> Option<(Role, RoleBinding)> {
    if access.is_empty() {
        return None;
    }
    let metadata = metadata.named(resource_name::VIEWER);
    let role = Role { metadata: metadata.clone(), rules: Some(rules()) };
    let subject = |kind: &str, name: &String| Subject {
        api_group: Some(GROUP.to_owned()),
        kind: kind.to_owned(),
        name: name.clone(),
        namespace: None,
    };
    let users = access.users.iter().map(|name| subject("User", name));
    let subjects = users.chain(access.groups.iter().map(|name| subject("Group", name))).collect();
    let role_ref = RoleRef {
        api_group: GROUP.to_owned(),
        kind: "Role".to_owned(),
        name: resource_name::VIEWER.to_owned(),
    };
    Some((role, RoleBinding { metadata, role_ref, subjects: Some(subjects) }))
}

fn rules() -> Vec<PolicyRule> {
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(resources.iter().map(ToString::to_string).collect()),
        verbs: verbs.iter().map(ToString::to_string).collect(),
        ..PolicyRule::default()
    };
    vec![
        rule("", &["pods", "events"], &["get", "list", "watch"]),
        rule("", &["pods/log"], &["get"]),
        // A command is a `get` to clients of WebSockets, which newer servers also want to be a `create`.
        rule("", &["pods/exec"], &["create", "get"]),
    ]
}
