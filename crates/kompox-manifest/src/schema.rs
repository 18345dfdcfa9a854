//! JSON Schemas (draft 2020-12) of kompoxops.yml and of KOM documents, for editors. Pure.
//!
//! The keys come from the tables that the readers use. A key that has no schema here gets one that nothing fits, so
//! that the first test with it fails. What only the loader can know (references, amounts, host names) is left to it.

use crate::kom::API_VERSION;
use crate::kom::document::{DocumentKind, METADATA, ROOT as DOCUMENT};
use crate::reader::{Keys, NAME};
use crate::{access, app, cluster, ingress, load, network, provider, security, volume, workspace};
use kompox_model::driver::KNOWN;
use kompox_model::{
    AppName, ClusterName, Confinement, HostNamespace, ProviderName, VolumeName, WorkspaceName,
};
use serde_json::{Map, Value, json};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of kompoxops.yml, version 1.
#[must_use]
pub fn configuration_schema() -> Value {
    let named = |body: Vec<(&'static str, Value)>, name: Value| [vec![("name", name)], body].concat();
    let workspace = object(
        &[&NAME, &workspace::KEYS],
        &["name", "domain"],
        named(workspace_body(), name(WorkspaceName::LIMIT)),
    );
    let provider = object(
        &[&NAME, &provider::KEYS],
        &["name", "driver"],
        named(provider_body(), name(ProviderName::LIMIT)),
    );
    let cluster = [named(cluster_body(), name(ClusterName::LIMIT)), vec![("provider", text())]].concat();
    let cluster = object(&[&NAME, &cluster::PROVIDER, &cluster::KEYS], &["name"], cluster);
    let app = object(&[&NAME, &app::KEYS], &["name", "compose"], named(app_body(), name(AppName::LIMIT)));
    let mut schema = object(
        &[&load::ROOT],
        &["version", "cluster"],
        vec![
            ("version", json!({"const": 1})),
            ("workspace", workspace.clone()),
            ("service", workspace),
            ("provider", provider),
            ("cluster", cluster),
            ("app", app),
        ],
    );
    schema["$schema"] = DIALECT.into();
    schema["title"] = "kompoxops.yml, version 1".into();
    schema["oneOf"] = json!([{"required": ["workspace"]}, {"required": ["service"]}]);
    // Without a section for the provider, the cluster names the driver.
    let named = json!({"required": ["provider"], "properties": {"provider": {"enum": drivers()}}});
    schema["anyOf"] = json!([{"required": ["provider"]}, {"properties": {"cluster": named}}]);
    schema
}

/// The schema of one KOM document.
#[must_use]
pub fn document_schema() -> Value {
    let kinds: Vec<_> = DocumentKind::ALL.into_iter().map(DocumentKind::name).collect();
    let mut schema = object(
        &[&DOCUMENT],
        DOCUMENT.known,
        vec![
            ("apiVersion", json!({"const": API_VERSION})),
            ("kind", json!({"enum": kinds})),
            ("metadata", object(&[&METADATA], &["name"], vec![("name", text())])),
            ("spec", json!({"type": "object"})),
        ],
    );
    schema["$schema"] = DIALECT.into();
    schema["title"] = "KOM document".into();
    schema["allOf"] = DocumentKind::ALL.into_iter().map(of_kind).collect::<Vec<_>>().into();
    schema
}

/// What a document of this kind must be like.
fn of_kind(kind: DocumentKind) -> Value {
    let (limit, body, required) = match kind {
        DocumentKind::Workspace => (WorkspaceName::LIMIT, workspace_body(), "domain"),
        DocumentKind::Provider => (ProviderName::LIMIT, provider_body(), "driver"),
        DocumentKind::Cluster => (ClusterName::LIMIT, cluster_body(), ""),
        DocumentKind::App => (AppName::LIMIT, app_body(), "compose"),
    };
    let parents = ["workspace", "provider", "cluster"].map(|key| (key, text())).to_vec();
    let parent = kind.parent().map(DocumentKind::parent_key);
    let required: Vec<_> = [required].into_iter().filter(|key| !key.is_empty()).chain(parent).collect();
    let spec = object(&kind.tables(), &required, [parents, body].concat());
    json!({
        "if": {"properties": {"kind": {"const": kind.name()}}, "required": ["kind"]},
        "then": {"properties": {"metadata": {"properties": {"name": name(limit)}}, "spec": spec}},
    })
}

/// A mapping with the keys of the tables.
fn object(tables: &[&Keys], required: &[&str], values: Vec<(&'static str, Value)>) -> Value {
    let keys = tables.iter().flat_map(|table| table.known);
    let schema = |key: &str| values.iter().find(|(of, _)| *of == key).map(|(_, value)| value.clone());
    let properties: Map<_, _> =
        keys.map(|key| ((*key).to_owned(), schema(key).unwrap_or(Value::Bool(false)))).collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}

/// Any scalar stands for its text.
fn text() -> Value {
    json!({"type": ["string", "number", "boolean"], "minLength": 1})
}

/// A name: a DNS label.
fn name(limit: usize) -> Value {
    json!({
        "type": ["string", "number", "boolean"],
        "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "maxLength": limit,
    })
}

/// A mapping of texts, which may be empty.
fn texts_by_key() -> Value {
    json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}})
}

fn list(item: Value) -> Value {
    json!({"type": "array", "items": item})
}

fn either(one: Value, other: Value) -> Value {
    json!({"anyOf": [one, other]})
}

fn drivers() -> Vec<&'static str> {
    KNOWN.iter().map(|driver| driver.id).collect()
}

fn workspace_body() -> Vec<(&'static str, Value)> {
    vec![("domain", text())]
}

fn provider_body() -> Vec<(&'static str, Value)> {
    vec![("driver", json!({"enum": drivers()})), ("settings", texts_by_key())]
}

fn cluster_body() -> Vec<(&'static str, Value)> {
    let mut auth = object(
        &[&cluster::AUTH],
        &["type"],
        vec![
            ("type", json!({"enum": ["kubectl", "environment"]})),
            ("kubeconfig", text()),
            ("context", text()),
        ],
    );
    auth["if"] = json!({"properties": {"type": {"const": "environment"}}, "required": ["type"]});
    auth["then"] = json!({"properties": {"kubeconfig": false, "context": false}});
    let ingress = object(
        &[&cluster::INGRESS],
        &[],
        vec![
            ("controller", json!({"const": "traefik"})),
            ("namespace", name(63)),
            ("class", text()),
            ("certResolver", text()),
            ("domain", text()),
        ],
    );
    let networks = ["nodeCIDRs", "podCIDRs", "serviceCIDRs"].map(|key| (key, list(text()))).to_vec();
    vec![
        ("existing", json!({"type": "boolean"})),
        ("auth", auth),
        ("ingress", ingress),
        ("security", cluster_security()),
        ("network", object(&[&network::CLUSTER], &[], networks)),
        ("images", object(&[&cluster::IMAGES], &[], vec![("node", text())])),
        ("settings", texts_by_key()),
    ]
}

fn cluster_security() -> Value {
    let path = vec![("path", text()), ("readOnly", json!({"type": "boolean"}))];
    object(
        &[&security::KEYS],
        &[],
        vec![
            ("privileged", json!({"type": "boolean"})),
            ("hostNamespaces", list(json!({"enum": HostNamespace::ALL.map(HostNamespace::word)}))),
            ("capabilities", list(text())),
            ("sysctls", list(text())),
            ("unconfined", list(json!({"enum": Confinement::ALL.map(Confinement::word)}))),
            ("hostPaths", list(either(text(), object(&[&security::HOST_PATH], &["path"], path)))),
            ("devices", json!({"type": "object", "additionalProperties": text()})),
        ],
    )
}

fn app_body() -> Vec<(&'static str, Value)> {
    let rule = object(&[&ingress::RULE], &["port", "host"], vec![("port", text()), ("host", text())]);
    let hosts = either(text(), json!({"type": "array", "items": text(), "minItems": 1}));
    let by_port = json!({
        "type": "object",
        "patternProperties": {"^http_[1-9][0-9]{0,4}$": hosts},
        "additionalProperties": false,
    });
    let resources = object(&[&app::RESOURCES], &[], vec![("cpu", text()), ("memory", text())]);
    let ports = json!({"type": "array", "items": text(), "minItems": 1});
    let allow = object(&[&network::ALLOW], &["cidr"], vec![("cidr", text()), ("ports", ports)]);
    let egress = vec![("allow", list(either(text(), allow))), ("deny", list(text()))];
    let egress = object(&[&network::EGRESS], &[], egress);
    let mut env = texts_by_key();
    env["propertyNames"] = json!({"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"});
    let volume = object(
        &[&volume::KEYS],
        &["name"],
        vec![
            ("name", name(VolumeName::LIMIT)),
            ("size", text()),
            ("compose", text()),
            ("type", json!({"const": "disk"})),
            ("options", texts_by_key()),
        ],
    );
    vec![
        ("compose", text()),
        ("ingress", either(by_port, list(rule))),
        ("resources", resources),
        ("network", object(&[&network::APP], &[], vec![("egress", egress)])),
        ("access", object(&[&access::KEYS], &[], vec![("users", list(text())), ("groups", list(text()))])),
        ("profiles", list(text())),
        ("env", env),
        ("volumes", list(volume)),
        ("settings", texts_by_key()),
    ]
}
