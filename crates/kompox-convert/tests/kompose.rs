//! Kompose as an oracle: what it makes of a compose file is in ours too, or stricter.
//!
//! `kompose/CASE.yaml` is what Kompose makes of the compose.yml of `golden/CASE`, recorded by `cargo xtask conformance`,
//! which also says when Kompose would answer otherwise. Each container of it is compared with ours by facets; what
//! differs stands in `kompose/CASE.txt`, and the facet's reason is in [`REASONS`]. Reads files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

#[path = "support/folder.rs"]
mod folder;
mod support;

use folder::{cases, run};
use kompox_model::quantity::{Bytes, MilliCpu};
use kompox_testkit::golden;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Why a facet may differ. A facet that is not here must be equal.
const REASONS: &[(&str, &str)] = &[
    (
        "livenessProbe",
        "Docker restarts no unhealthy container; a startup and a readiness probe take its place",
    ),
    (
        "capabilities.add",
        "what Pod Security level baseline refuses is left out with a note, or needs an allowance",
    ),
    ("image", "x-kompox.image replaces it"),
    ("args", "Kompose turns every dollar into a reference to a variable; Compose's `$$` is one dollar"),
    (
        "environment",
        "`environment` wins over `env_file`, as the Compose Specification says; Kompose has it the other way",
    ),
    (
        "volumeMounts",
        "configs and secrets are single files at their targets, so that what the image has beside them stays",
    ),
    ("ports", "a port of the loopback address, or one that is exposed only, is for the app itself"),
    ("runAsUser", "x-kompox.uid gives the number of a user that Kompose drops"),
];

/// One container of either side.
struct Container {
    body: Value,
    environment: BTreeMap<String, String>,
}

#[test]
fn what_kompose_makes_is_in_ours_or_stricter() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kompose");
    let (mut compared, mut unexplained) = (0, Vec::new());
    for case in cases() {
        let name = case.file_name().unwrap().to_str().unwrap();
        let Ok(recorded) = std::fs::read_to_string(root.join(format!("{name}.yaml"))) else { continue };
        let theirs = documents(&recorded);
        let conversion = run(&case).0.unwrap();
        let ours: Vec<Value> =
            conversion.resources.into_objects().iter().map(|object| object.body.clone()).collect();
        let mut differences = services(&theirs, &ours);
        let containers = ours_by_name(&ours);
        for (service, their) in by_name(&theirs) {
            let our = containers.get(&service).unwrap_or_else(|| panic!("{name}: {service} is missing"));
            for (facet, difference) in compare(&their, our) {
                match REASONS.iter().find(|(known, _)| *known == facet) {
                    Some((_, reason)) => {
                        differences.push(format!("{service}: {facet}: {difference} ({reason})"));
                    }
                    None => unexplained.push(format!("{name}: {service}: {facet}: {difference}")),
                }
            }
            compared += 1;
        }
        golden(root.join(format!("{name}.txt")), &differences.join("\n"));
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(compared > 20, "the recordings were not found");
}

fn documents(text: &str) -> Vec<Value> {
    let parts = text.split("\n---\n").map(|part| part.trim().trim_start_matches("---"));
    parts.filter(|part| !part.trim().is_empty()).map(|part| serde_saphyr::from_str(part).unwrap()).collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list(value: &Value, pointer: &str) -> Vec<Value> {
    value.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The containers of Kompose's Deployments and Pods by service, with the ConfigMaps that env files became.
fn by_name(objects: &[Value]) -> BTreeMap<String, Container> {
    let mut found = BTreeMap::new();
    for object in objects {
        let pod = match text(object, "/kind") {
            "Deployment" => &object["spec"]["template"]["spec"],
            "Pod" => &object["spec"],
            _ => continue,
        };
        let containers = list(pod, "/containers");
        // A container that is alone in its Pod may have another name than its service.
        let alone = (containers.len() == 1).then(|| text(object, "/metadata/labels/io.kompose.service"));
        for body in containers {
            let name = alone.unwrap_or_else(|| text(&body, "/name")).to_owned();
            found.insert(name, container(body, objects, "configMapRef"));
        }
    }
    found
}

/// All containers of our one Pod.
fn ours_by_name(objects: &[Value]) -> BTreeMap<String, Container> {
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    let all = list(pod, "/initContainers").into_iter().chain(list(pod, "/containers"));
    all.map(|body| (text(&body, "/name").to_owned(), container(body, objects, "secretRef"))).collect()
}

fn container(body: Value, objects: &[Value], source: &str) -> Container {
    let mut environment = BTreeMap::new();
    for from in list(&body, "/envFrom") {
        let name = text(&from[source], "/name");
        let object = objects.iter().find(|object| text(object, "/metadata/name") == name).unwrap();
        for (key, value) in object["data"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap();
            let value = if source == "secretRef" { decoded(value) } else { value.to_owned() };
            environment.insert(key.clone(), value);
        }
    }
    for entry in list(&body, "/env") {
        let value = match entry.pointer("/valueFrom/secretKeyRef") {
            Some(key) => {
                let secret = objects.iter().find(|object| object["metadata"]["name"] == key["name"]).unwrap();
                decoded(secret["data"][text(key, "/key")].as_str().unwrap())
            }
            None => text(&entry, "/value").to_owned(),
        };
        environment.insert(text(&entry, "/name").to_owned(), value);
    }
    Container { body, environment }
}

/// The text of a Secret's value.
fn decoded(base64: &str) -> String {
    let object = serde_json::json!({"data": {"value": base64}});
    let secret: k8s_openapi::api::core::v1::Secret = serde_json::from_value(object).unwrap();
    String::from_utf8(secret.data.unwrap()["value"].0.clone()).unwrap()
}

/// Every port of their Services leads to the same port of the same number in ours.
fn services(theirs: &[Value], ours: &[Value]) -> Vec<String> {
    let our = ours.iter().find(|object| object["kind"] == "Service");
    let our_ports = our.map(|service| list(service, "/spec/ports")).unwrap_or_default();
    let key = |port: &Value| {
        let protocol = port["protocol"].as_str().unwrap_or("TCP").to_owned();
        (port["port"].as_i64(), port["targetPort"].as_i64(), protocol)
    };
    let ours: BTreeSet<_> = our_ports.iter().map(key).collect();
    let services = theirs.iter().filter(|object| object["kind"] == "Service");
    let mut missing = Vec::new();
    for service in services.filter(|service| service["spec"]["clusterIP"] != "None") {
        for port in list(service, "/spec/ports").iter().filter(|port| !ours.contains(&key(port))) {
            let reason = REASONS.iter().find(|(facet, _)| *facet == "ports").unwrap().1;
            let name = text(service, "/metadata/name");
            missing.push(format!("{name}: ports: no Service port {} ({reason})", port["port"]));
        }
    }
    missing
}

/// What differs, by facet.
fn compare(their: &Container, our: &Container) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let (theirs, ours) = (&their.body, &our.body);
    let mut equal = |facet: &'static str, their: Value, our: Value| {
        if !their.is_null() && their != our {
            found.push((facet, format!("{our} instead of {their}")));
        }
    };
    for (facet, pointer) in [
        ("image", "/image"),
        ("workingDir", "/workingDir"),
        ("tty", "/tty"),
        ("stdin", "/stdin"),
        ("livenessProbe", "/livenessProbe"),
        ("runAsUser", "/securityContext/runAsUser"),
        ("readOnlyRootFilesystem", "/securityContext/readOnlyRootFilesystem"),
    ] {
        let at = |side: &Value| side.pointer(pointer).cloned().unwrap_or_default();
        equal(facet, at(theirs), at(ours));
    }
    let (cpu, memory) = (limit(theirs, "cpu"), limit(theirs, "memory"));
    equal("limits.cpu", serde_json::json!(cpu.map(|text| MilliCpu::parse(&text).unwrap().0)), {
        serde_json::json!(limit(ours, "cpu").map(|text| MilliCpu::parse(&text).unwrap().0))
    });
    equal("limits.memory", serde_json::json!(memory.map(|text| Bytes::parse(&text).unwrap().0)), {
        serde_json::json!(limit(ours, "memory").map(|text| Bytes::parse(&text).unwrap().0))
    });
    for (facet, pointer) in [("command", "/command"), ("args", "/args")] {
        let their = theirs.pointer(pointer).cloned().unwrap_or_default();
        // The kubelet makes one dollar of two.
        let our: Vec<Value> = list(ours, pointer)
            .iter()
            .map(|word| Value::String(word.as_str().unwrap().replace("$$", "$")))
            .collect();
        equal(facet, their, Value::Array(our));
    }
    equal("environment", serde_json::json!(their.environment), serde_json::json!(our.environment));
    let (their_mounts, our_mounts) = (mounts(theirs), mounts(ours));
    // Read-only where Kompose lets the app write is stricter.
    let kept = |(path, read_only): &(String, bool)| {
        our_mounts.contains(&(path.clone(), true))
            || !read_only && our_mounts.contains(&(path.clone(), false))
    };
    let lost: Vec<_> = their_mounts.iter().filter(|mount| !kept(mount)).map(|(path, _)| path).collect();
    if !lost.is_empty() {
        found.push((
            "volumeMounts",
            format!("nothing at {}", lost.iter().map(|path| path.as_str()).collect::<Vec<_>>().join(", ")),
        ));
    }
    let capabilities = |side: &Value, verb: &str| -> BTreeSet<String> {
        let all = list(side, &format!("/securityContext/capabilities/{verb}"));
        all.iter().map(|name| name.as_str().unwrap().trim_start_matches("CAP_").to_owned()).collect()
    };
    let (their_adds, our_adds) = (capabilities(theirs, "add"), capabilities(ours, "add"));
    assert!(our_adds.is_subset(&their_adds), "more than Kompose grants: {our_adds:?}");
    if their_adds != our_adds {
        found.push(("capabilities.add", format!("{our_adds:?} instead of {their_adds:?}")));
    }
    assert!(capabilities(theirs, "drop").is_subset(&capabilities(ours, "drop")), "dropped less");
    assert!(ours.pointer("/securityContext/privileged").is_none(), "privileged");
    found
}

fn limit(container: &Value, resource: &str) -> Option<String> {
    container
        .pointer(&format!("/resources/limits/{resource}"))
        .map(|value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
}

/// Where something is mounted, and whether it can be written.
fn mounts(container: &Value) -> BTreeSet<(String, bool)> {
    let mounts = list(container, "/volumeMounts");
    let mount = |mount: &Value| {
        let path = text(mount, "/mountPath").trim_end_matches('/').to_owned();
        (path, mount["readOnly"] == true)
    };
    mounts.iter().map(mount).collect()
}
