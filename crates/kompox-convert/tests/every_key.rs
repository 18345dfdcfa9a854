//! No key of a compose file is dropped: every key of the Compose Specification's schema is put into a project, and must
//! have a fate that is told.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod support;

use kompox_compose::{MemoryFiles, Severity, Sources};
use kompox_convert::fate::{Fate, Section, explain, find};
use serde_json::{Value, json};
use std::path::Path;
use support::{Case, load};

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kompox-compose/tests/schema/compose-spec.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn keys(part: &Value) -> Vec<String> {
    part["properties"].as_object().unwrap().keys().cloned().collect()
}

/// A value that the loader takes for a key of a service.
fn value(key: &str) -> Value {
    match key {
        "annotations" | "labels" | "sysctls" | "storage_opt" => json!({"a.b": "1"}),
        "blkio_config" => json!({"weight": 300}),
        "build" => json!({"context": "."}),
        "cap_add" | "cap_drop" => json!(["CHOWN"]),
        "cgroup" => json!("host"),
        "command" | "entrypoint" => json!(["run"]),
        "configs" => json!(["site"]),
        "secrets" => json!(["token"]),
        "cpu_count" | "cpu_period" | "cpu_quota" | "cpu_rt_period" | "cpu_rt_runtime" | "cpu_shares"
        | "pids_limit" | "mem_swappiness" | "oom_score_adj" | "cpu_percent" => json!(50),
        "cpus" => json!(0.5),
        "credential_spec" => json!({"file": "f"}),
        "depends_on" | "links" => json!(["db"]),
        "deploy" => json!({"replicas": 1}),
        "develop" => json!({"watch": [{"path": ".", "action": "rebuild"}]}),
        "device_cgroup_rules" => json!(["c 1:3 mr"]),
        "devices" => json!(["/dev/a"]),
        "dns" | "dns_opt" | "dns_search" => json!(["10.0.0.1"]),
        "env_file" | "label_file" => json!(["f"]),
        "environment" => json!({"A": "1"}),
        "expose" => json!(["9000"]),
        "extends" => json!("db"),
        "external_links" => json!(["other"]),
        "extra_hosts" => json!(["a=10.0.0.1"]),
        "gpus" => json!("all"),
        "group_add" => json!(["1000"]),
        "healthcheck" => json!({"test": ["CMD", "true"]}),
        "logging" => json!({"driver": "json-file"}),
        "mem_limit" | "mem_reservation" | "memswap_limit" | "shm_size" => json!("64m"),
        "models" => json!(["llm"]),
        "network_mode" => json!("bridge"),
        "networks" => json!(["back"]),
        "ports" => json!(["80:80"]),
        "post_start" | "pre_stop" => json!([{"command": "c"}]),
        "profiles" => json!([]),
        "provider" => json!({"type": "t"}),
        "pull_policy" | "restart" => json!("always"),
        "scale" => json!(1),
        "security_opt" => json!(["no-new-privileges:true"]),
        "stop_grace_period" => json!("10s"),
        "tmpfs" => json!(["/run"]),
        "ulimits" => json!({"nofile": 1000}),
        "user" => json!("1000"),
        "volumes" => json!(["data:/data"]),
        "volumes_from" => json!(["db"]),
        "attach" | "init" | "privileged" | "read_only" | "stdin_open" | "tty" | "use_api_socket"
        | "oom_kill_disable" => json!(true),
        "working_dir" => json!("/srv"),
        "stop_signal" => json!("SIGINT"),
        "userns_mode" | "ipc" | "pid" | "uts" => json!("host"),
        _ => json!("text"),
    }
}

#[test]
fn every_key_of_a_service_has_a_fate_that_is_told() {
    let keys = keys(schema().pointer("/definitions/service").unwrap());
    assert!(keys.len() > 85, "{}", keys.len());
    for key in &keys {
        let mut web = json!({"image": "example/web:1", "restart": "always"});
        web[key] = value(key);
        let project = json!({
            "services": {"web": web, "db": {"image": "example/db:1", "restart": "always"}},
            "volumes": {"data": {}}, "networks": {"back": {}},
            "secrets": {"token": {"file": "f"}}, "configs": {"site": {"file": "f"}}, "models": {"llm": {"model": "m"}},
        });
        let files = MemoryFiles::new().with("f", "A=1\n");
        let mut sources = Sources::new();
        let (project, found) = load("compose.yml", &project.to_string(), &files, &mut sources);
        let Some(project) = project else { panic!("{key}: {}", found.render(&sources)) };
        let (conversion, said) = Case::default().convert(&project, &files);
        let told = explain(&project, &said);
        let path = format!("services.web.{key}");
        let Some(one) = told.iter().find(|one| one.key == path) else { panic!("{key} is not explained") };
        let row = find(Section::Service, key).unwrap_or_else(|| panic!("{key} has no row"));
        let refused = said.iter().any(|one| one.severity == Severity::Error);
        assert_eq!(conversion.is_none(), refused, "{key}: {}", said.render(&sources));
        match row.fate {
            Fate::Refuse => assert!(one.fate == Fate::Refuse && one.differs, "{key}: {one:?}"),
            Fate::Ignore => assert!(one.differs && !one.text.is_empty(), "{key}: {one:?}"),
            Fate::Map | Fate::Adapt => assert!(!one.text.is_empty(), "{key}: {one:?}"),
        }
    }
}

#[test]
fn every_key_below_has_a_row() {
    let schema = schema();
    let part = |pointer: &str| schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer}")).clone();
    let service = |key: &str| format!("/definitions/service/properties/{key}");
    let parts = [
        (Section::Top, String::new()),
        (Section::Deploy, "/definitions/deployment".to_owned()),
        (Section::Healthcheck, "/definitions/healthcheck".to_owned()),
        (Section::DependsOn, service("depends_on/oneOf/1/patternProperties/^[a-zA-Z0-9._-]+$")),
        (Section::Port, service("ports/items/oneOf/2")),
        (Section::Mount, service("volumes/items/oneOf/1")),
        (Section::Attachment, service("networks/oneOf/1/patternProperties/^[a-zA-Z0-9._-]+$/oneOf/0")),
        (Section::FileMount, "/definitions/service_config_or_secret/items/oneOf/1".to_owned()),
        (Section::Volume, "/definitions/volume".to_owned()),
        (Section::Network, "/definitions/network".to_owned()),
        (Section::FileSource, "/definitions/secret".to_owned()),
        (Section::FileSource, "/definitions/config".to_owned()),
    ];
    let mut missing = Vec::new();
    for (section, pointer) in parts {
        let part = part(&pointer);
        for key in keys(&part) {
            let below = &part["properties"][&key];
            let known = find(section, &key).is_some();
            // A mapping within has rows for its keys.
            let nested: Vec<_> =
                below["properties"].as_object().into_iter().flat_map(|all| all.keys()).collect();
            let all = !nested.is_empty()
                && nested.iter().all(|inner| find(section, &format!("{key}.{inner}")).is_some());
            if !known && !all {
                missing.push((section, key));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
