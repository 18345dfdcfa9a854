//! Arbitrary names, paths and values: nothing panics, and what comes out is legal.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod support;

use kompox_compose::{MemoryFiles, Sources};
use kompox_convert::Conversion;
use kompox_model::name::check_label;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::{Case, load};

/// Text as people and fuzzers write it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "[a-zA-Z0-9._-]{1,70}",
        "[ $(){}\"'\\\\;|&`a-z]{0,20}",
        "\\PC{0,12}",
        Just("kompox-hold".to_owned()),
        Just("..".to_owned()),
    ]
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(text(), 0..4).prop_map(|parts| format!("/{}", parts.join("/"))),
        Just("/etc/hosts".to_owned()),
        Just("/.kompox".to_owned()),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,4}", "[a-zA-Z0-9._-]{1,70}"]
}

/// A `$` that the loader leaves alone.
fn escaped(text: &str) -> String {
    text.replace('$', "$$")
}

fn mount() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![Just("named"), Just("anonymous"), Just("tmpfs"), Just("bind")];
    (kind, path(), text(), any::<bool>()).prop_map(|(kind, target, source, flag)| {
        let target = escaped(&target);
        match kind {
            "named" => {
                json!({"type": "volume", "source": "data", "target": target, "volume": {"nocopy": flag}})
            }
            "anonymous" => json!({"type": "volume", "target": target}),
            "tmpfs" => json!({"type": "tmpfs", "target": target}),
            _ => {
                let source = format!("./{}", escaped(&source));
                json!({"type": "bind", "source": source, "target": target, "read_only": flag})
            }
        }
    })
}

fn service() -> impl Strategy<Value = Value> {
    let words = prop::collection::vec(text(), 1..4);
    let environment = prop::collection::btree_map(text(), text(), 0..4);
    let mounts = prop::collection::vec(mount(), 0..4);
    let ports = prop::collection::vec((1u16..9, 1u16..9, any::<bool>()), 0..4);
    let restart = prop_oneof![Just("always"), Just("no"), Just("on-failure")];
    let labels = prop::collection::btree_map(name(), text(), 0..3);
    (words, environment, mounts, ports, restart, labels, (text(), any::<bool>())).prop_map(
        |(words, environment, mounts, ports, restart, labels, (host, check))| {
            let words: Vec<_> = words.iter().map(|word| escaped(word)).collect();
            let map = |map: std::collections::BTreeMap<String, String>| -> Value {
                map.iter().map(|(key, value)| (key.clone(), Value::String(escaped(value)))).collect()
            };
            let ports: Vec<_> = ports
                .iter()
                .map(|(target, published, udp)| {
                    let protocol = if *udp { "udp" } else { "tcp" };
                    json!({"target": target, "published": published.to_string(), "protocol": protocol})
                })
                .collect();
            let mut service = json!({
                "image": "example/app:1",
                "command": words,
                "environment": map(environment),
                "volumes": mounts,
                "ports": ports,
                "restart": restart,
                "labels": map(labels),
                "hostname": escaped(&host),
            });
            if check {
                service["healthcheck"] = json!({"test": ["CMD", "true"]});
            }
            service
        },
    )
}

fn project() -> impl Strategy<Value = Value> {
    let services = prop::collection::btree_map(name(), service(), 1..4);
    (services, any::<[bool; 3]>()).prop_map(|(services, waits)| {
        let names: Vec<_> = services.keys().cloned().collect();
        let mut services: serde_json::Map<_, _> = services.into_iter().collect();
        for (index, name) in names.iter().enumerate().skip(1) {
            if waits[index - 1] {
                services[name]["depends_on"] = json!([names[index - 1]]);
            }
        }
        json!({"services": services, "volumes": {"data": null}})
    })
}

fn converted(project: &Value) -> Option<Conversion> {
    let mut sources = Sources::new();
    let files = MemoryFiles::new().with("a", "content");
    let (project, _) = load("compose.yml", &project.to_string(), &files, &mut sources);
    let (conversion, diagnostics) = Case::default().convert(&project?, &files);
    assert_eq!(conversion.is_none(), diagnostics.has_errors());
    conversion
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn names<'a>(items: &'a [Value], key: &str) -> Vec<&'a str> {
    items.iter().map(|item| item[key].as_str().unwrap()).collect()
}

fn assert_unique(values: &[impl Ord + std::fmt::Debug]) {
    assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len(), "{values:?}");
}

/// Rules of the API server that a Pod can break.
fn check_pod(pod: &Value, objects: &BTreeSet<String>) {
    let volumes = list(pod, "/volumes");
    let volume_names = names(volumes, "name");
    assert_unique(&volume_names);
    let containers: Vec<_> = list(pod, "/initContainers").iter().chain(list(pod, "/containers")).collect();
    assert_unique(
        &containers.iter().map(|container| container["name"].as_str().unwrap()).collect::<Vec<_>>(),
    );
    let aliases = list(pod, "/hostAliases");
    assert_unique(&names(aliases, "ip"));
    for name in volume_names.iter().copied().chain(containers.iter().map(|c| c["name"].as_str().unwrap())) {
        check_label("name", name, 63).unwrap();
    }
    for volume in volumes {
        let secret = volume.pointer("/secret/secretName");
        let map = volume.pointer("/configMap/name");
        let claim = volume.pointer("/persistentVolumeClaim/claimName");
        for name in [secret, map, claim].into_iter().flatten() {
            assert!(objects.contains(name.as_str().unwrap()), "{name} is no object");
        }
    }
    for container in containers {
        let mounts = list(container, "/volumeMounts");
        assert_unique(&names(mounts, "mountPath"));
        for mount in mounts {
            assert!(volume_names.contains(&mount["name"].as_str().unwrap()));
            let sub_path = mount["subPath"].as_str().unwrap_or_default();
            assert!(!sub_path.starts_with('/') && sub_path.split('/').all(|part| part != ".."), "{sub_path}");
        }
        let ports = list(container, "/ports");
        assert_unique(
            &ports.iter().map(|p| (p["containerPort"].as_u64(), p["protocol"].as_str())).collect::<Vec<_>>(),
        );
        let env = list(container, "/env");
        assert_unique(&names(env, "name"));
        for variable in env {
            let secret = variable.pointer("/valueFrom/secretKeyRef/name").unwrap();
            assert!(objects.contains(secret.as_str().unwrap()));
        }
        for from in list(container, "/envFrom") {
            assert!(objects.contains(from["secretRef"]["name"].as_str().unwrap()));
        }
        assert!(container.get("livenessProbe").is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_comes_out_is_legal(project in project()) {
        let Some(conversion) = converted(&project) else { return Ok(()) };
        let set = conversion.resources.into_objects();
        let objects: BTreeSet<_> = set.iter().map(|object| object.reference.name.clone()).collect();
        for object in set.iter() {
            check_label("object", &object.reference.name, 63).unwrap();
            for value in object.body["metadata"]["labels"].as_object().unwrap().values() {
                check_label("label", value.as_str().unwrap(), 63).unwrap();
            }
            for field in ["data", "binaryData"] {
                for key in object.body[field].as_object().into_iter().flat_map(|data| data.keys()) {
                    prop_assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)), "{}", key);
                    prop_assert!(key != "." && !key.starts_with("..") && key.len() <= 253, "{}", key);
                }
            }
            match object.reference.gvk.kind.as_str() {
                "Deployment" => check_pod(&object.body["spec"]["template"]["spec"], &objects),
                "Service" => assert_unique(&names(list(&object.body, "/spec/ports"), "name")),
                _ => {}
            }
        }
        prop_assert_eq!(conversion.host_claims.len(), conversion.summary.hosts.len());
    }

    #[test]
    fn values_arrive_as_written(value in "[$()a-zA-Z_ ]{0,20}", word in "[$()a-zA-Z_ ]{1,20}") {
        let project = json!({"services": {"app": {
            "image": "example/app:1",
            "restart": "always",
            "command": [escaped(&word)],
            "environment": {"VALUE": escaped(&value)},
        }}});
        let resources = converted(&project).unwrap().resources;
        let data = resources.secrets[0].data.clone().unwrap();
        prop_assert_eq!(&data["VALUE"].0, &value.into_bytes());
        let spec = resources.deployment.spec.unwrap().template.spec.unwrap();
        let args = spec.containers[0].args.clone().unwrap();
        prop_assert_eq!(&args, &[word.replace('$', "$$")]);
    }
}

#[test]
fn the_generator_makes_projects_that_convert() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let count = (0..200)
        .filter(|_| {
            let tree = project().new_tree(&mut runner).unwrap();
            converted(&proptest::strategy::ValueTree::current(&tree)).is_some()
        })
        .count();
    assert!(count > 10, "only {count} of 200 projects were converted");
}
