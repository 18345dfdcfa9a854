//! Class B of the known failings: what a hostile compose file asks for is let through by the one allowance that names
//! it, and by no other.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod support;

use kompox_compose::{MemoryFiles, Severity, Sources};
use kompox_convert::Conversion;
use serde_json::{Value, json};
use support::{Case, load};

/// What an app asks for, the allowance for it, and where the Pod then has it.
fn wishes() -> Vec<(Value, Value, &'static str, Value)> {
    let container = "/spec/template/spec/containers/0/securityContext";
    let pod = "/spec/template/spec";
    let at = |base: &str, rest: &str| -> &'static str { format!("{base}{rest}").leak() };
    vec![
        (json!({"privileged": true}), json!({"privileged": true}), at(container, "/privileged"), json!(true)),
        (
            json!({"cap_add": ["SYS_ADMIN"]}),
            json!({"capabilities": ["SYS_ADMIN"]}),
            at(container, "/capabilities/add"),
            json!(["SYS_ADMIN"]),
        ),
        (
            json!({"cap_add": ["ALL"]}),
            json!({"capabilities": ["ALL"]}),
            at(container, "/capabilities/add"),
            json!(["ALL"]),
        ),
        (json!({"pid": "host"}), json!({"hostNamespaces": ["pid"]}), at(pod, "/hostPID"), json!(true)),
        (json!({"ipc": "host"}), json!({"hostNamespaces": ["ipc"]}), at(pod, "/hostIPC"), json!(true)),
        (
            json!({"network_mode": "host"}),
            json!({"hostNamespaces": ["network"]}),
            at(pod, "/hostNetwork"),
            json!(true),
        ),
        (
            json!({"userns_mode": "host"}),
            json!({"hostNamespaces": ["user"]}),
            at(pod, "/hostUsers"),
            json!(true),
        ),
        (
            json!({"sysctls": {"kernel.msgmax": "1"}}),
            json!({"sysctls": ["kernel.msgmax"]}),
            at(pod, "/securityContext/sysctls/0/name"),
            json!("kernel.msgmax"),
        ),
        (
            json!({"security_opt": ["seccomp=unconfined"]}),
            json!({"unconfined": ["seccomp"]}),
            at(container, "/seccompProfile/type"),
            json!("Unconfined"),
        ),
        (
            json!({"security_opt": ["apparmor:unconfined"]}),
            json!({"unconfined": ["apparmor"]}),
            at(container, "/appArmorProfile/type"),
            json!("Unconfined"),
        ),
        (
            json!({"volumes": ["/srv/a/b:/b"]}),
            json!({"hostPaths": {"/srv/a": "rw"}}),
            at(pod, "/volumes/0/hostPath/path"),
            json!("/srv/a"),
        ),
        (
            json!({"devices": ["/dev/ttyUSB0"]}),
            json!({"devices": {"/dev/ttyUSB0": "example.com/serial"}}),
            at(pod, "/containers/0/resources/limits/example.com~1serial"),
            json!("1"),
        ),
    ]
}

/// The conversion, and whether something was left out with a warning.
fn convert(wish: &Value, security: &Value, allow: Option<&str>) -> (Option<Conversion>, bool) {
    let mut service = json!({"image": "example/app:1", "restart": "always"});
    service.as_object_mut().unwrap().extend(wish.as_object().unwrap().clone());
    let mut text = json!({"services": {"app": service}});
    if let Some(key) = allow {
        text["x-kompox"] = json!({"allow": [key]});
    }
    let (mut sources, files) = (Sources::new(), MemoryFiles::new());
    let (project, found) = load("compose.yml", &text.to_string(), &files, &mut sources);
    assert!(!found.has_errors(), "{}", found.render(&sources));
    let case = Case::new(&json!({"security": security, "device_resources": ["example.com/serial"]}));
    let (conversion, found) = case.convert(&project.unwrap(), &files);
    (conversion, found.iter().any(|one| one.severity == Severity::Warning))
}

fn deployment(conversion: &Conversion) -> Value {
    serde_json::to_value(&conversion.resources.deployment).unwrap()
}

fn level(conversion: &Conversion) -> &str {
    let labels = conversion.resources.namespace.metadata.labels.as_ref().unwrap();
    &labels["pod-security.kubernetes.io/enforce"]
}

#[test]
fn each_allowance_lets_exactly_its_own_wish_through() {
    let all = wishes();
    for (index, (wish, own, pointer, value)) in all.iter().enumerate() {
        let (refused, _) = convert(wish, &Value::Null, None);
        assert!(refused.is_none(), "{wish} without any allowance");
        for (other, (_, allowance, ..)) in all.iter().enumerate() {
            let (conversion, _) = convert(wish, allowance, None);
            // A privileged container has every capability and device of its node anyway, but this one is not privileged.
            assert_eq!(conversion.is_some(), other == index, "{wish} with {allowance}");
        }
        let (conversion, warned) = convert(wish, own, None);
        let conversion = conversion.unwrap();
        assert_eq!(deployment(&conversion).pointer(pointer), Some(value), "{wish}");
        let harmless = wish.get("devices").is_some() || wish.get("userns_mode").is_some();
        assert_eq!(level(&conversion), if harmless { "baseline" } else { "privileged" }, "{wish}");
        assert_eq!(warned, wish.get("network_mode").is_some(), "{wish}");
    }
}

/// `x-kompox.allow` is the app's own word, so it gives nothing.
#[test]
fn an_app_cannot_allow_itself_anything() {
    let plain = convert(&json!({}), &Value::Null, None).0.unwrap();
    let mut count = 0;
    for (wish, own, pointer, value) in wishes() {
        let key = wish.as_object().unwrap().keys().next().unwrap().clone();
        let (conversion, warned) = convert(&wish, &Value::Null, Some(&key));
        if key == "volumes" {
            assert!(conversion.is_none(), "data are never left out");
            continue;
        }
        let conversion = conversion.unwrap();
        assert_eq!(deployment(&conversion), deployment(&plain), "{wish}");
        assert!(warned && level(&conversion) == "baseline", "{wish}");
        let granted = convert(&wish, &own, Some(&key)).0.unwrap();
        assert_eq!(deployment(&granted).pointer(pointer), Some(&value), "{wish}");
        count += 1;
    }
    assert!(count > 8);
}

/// The volume is the path that the administrator named: the kubelet follows no symlink out of it.
#[test]
fn what_lies_below_an_allowed_path_is_a_sub_path() {
    let security = json!({"hostPaths": {"/srv/a": "rw"}});
    let wish = json!({"volumes": ["/srv/a/../a/b//c:/c", "/srv/a:/a"]});
    let deployment = deployment(&convert(&wish, &security, None).0.unwrap());
    let mounts = deployment.pointer("/spec/template/spec/containers/0/volumeMounts").unwrap();
    assert_eq!(mounts[1]["subPath"], "b/c");
    assert_eq!(mounts[0]["name"], mounts[1]["name"]);
    for path in ["/srv/a/../b", "/srv", "/srv/ab", "/srv/a/../../etc"] {
        assert!(convert(&json!({"volumes": [format!("{path}:/x")]}), &security, None).0.is_none(), "{path}");
    }
}
