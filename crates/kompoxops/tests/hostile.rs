//! Class A of the known failings: shell metacharacters, line breaks, quotes, control characters and over-long text in
//! every key and every string of the configuration and the compose file. Each gives a finding with its place, or objects
//! in which the text is data and nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

use kompox_compose::{ComposeFile, DotEnv, MemoryFiles};
use kompox_engine::app::{self, Loaded, Nouns, Source};
use kompox_model::name::check_label;
use kompox_yaml::{Diagnostics, Severity, Sources};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Is part of every hostile text, so that it is found again.
const MARK: &str = "kpx9";

fn hostile() -> Vec<String> {
    let mut all: Vec<String> = [
        "kpx9;reboot && x | y > z",
        "kpx9$(reboot)`reboot`${HOME}",
        "kpx9'\"\\",
        "kpx9\nkpx9: true",
        "kpx9\r\n127.0.0.1\tkpx9",
        "kpx9\u{0}",
        "kpx9\u{1b}[31m\u{202e}\u{fc}\u{1f980}",
        "--kpx9=1",
        "../../kpx9",
        "/kpx9/../../etc",
        "~/kpx9",
        "{{*&!kpx9}}",
        "kpx9:kpx9:rw",
        "KPX9.kpx9_",
    ]
    .map(ToOwned::to_owned)
    .into();
    all.push(MARK.repeat(100));
    all.push(MARK.repeat(20_000));
    all
}

fn configuration() -> Value {
    json!({
        "version": 1,
        "workspace": {"name": "ops", "domain": "ops.example.com"},
        "provider": {"name": "k3s", "driver": "k3s", "settings": {"K3S_DISK_STORE": "/var/lib/kompox/disks"}},
        "cluster": {
            "name": "c1",
            "existing": true,
            "auth": {"type": "kubectl", "kubeconfig": "~/.kube/config", "context": "admin"},
            "ingress": {"controller": "traefik", "namespace": "traefik", "class": "traefik", "certResolver": "production", "domain": "apps.example.com"},
            "security": {
                "privileged": false,
                "hostNamespaces": ["ipc"],
                "capabilities": ["NET_ADMIN"],
                "sysctls": ["net.core.somaxconn"],
                "unconfined": ["seccomp"],
                "hostPaths": ["/srv/media", {"path": "/srv/fonts", "readOnly": true}],
                "devices": {"/dev/ttyUSB0": "example.com/serial"},
            },
            "network": {"nodeCIDRs": ["10.0.0.0/16"], "podCIDRs": ["10.42.0.0/16"], "serviceCIDRs": ["10.43.0.0/16"]},
            "images": {"node": "registry.example.com/kompox-node:1"},
            "settings": {"K3S_ALLOW_EPHEMERAL_NODES": "true"},
        },
        "app": {
            "name": "shop",
            "compose": "compose.yml",
            "ingress": {"http_80": "www.example.com"},
            "resources": {"cpu": "2", "memory": "2Gi"},
            "network": {"egress": {"allow": [{"cidr": "10.0.7.7", "ports": ["389"]}], "deny": ["192.168.0.0/16"]}},
            "profiles": ["mail"],
            "env": {"IMAGE": "example/web:1", "GREETING": "hello"},
            "volumes": [{"name": "default", "size": "10Gi"}, {"name": "db", "compose": "dbdata", "options": {"sku": "x"}}],
        },
    })
}

fn compose() -> Value {
    json!({
        "name": "written",
        "x-kompox": {"binds": {"/srv/data": "disk", "/srv/tmp": "empty"}, "allow": ["privileged"]},
        "services": {
            "db": {
                "image": "example/db:1",
                "restart": "always",
                "container_name": "database",
                "user": "999:999",
                "environment": {"PASSWORD": "secret", "GREETING": "${GREETING}"},
                "env_file": ["app.env"],
                "healthcheck": {"test": ["CMD-SHELL", "db-ready"], "interval": "5s"},
                "stop_grace_period": "30s",
                "volumes": ["dbdata:/var/lib/db", {"type": "volume", "source": "data", "target": "/data", "volume": {"subpath": "a"}}],
                "tmpfs": ["/run"],
                "post_start": [{"command": ["db-hello", "x"]}],
                "labels": {"com.example.a": "b"},
                "annotations": {"c": "d"},
                "sysctls": {"net.ipv4.tcp_syncookies": "1"},
                "x-kompox": {"resources": {"cpu": "500m", "memory": "256Mi"}, "quiesce": {"freeze": ["a"], "thaw": ["b"]}},
            },
            "web": {
                "image": "${IMAGE}",
                "restart": "always",
                "depends_on": {"db": {"condition": "service_healthy"}},
                "command": ["serve", "--port", "80"],
                "entrypoint": ["/entry"],
                "working_dir": "/app",
                "hostname": "web1",
                "domainname": "example.test",
                "ports": ["80:8080", {"target": 9000, "published": "9000", "protocol": "udp", "name": "n", "app_protocol": "http"}],
                "expose": ["7000"],
                "extra_hosts": {"ldap.example.com": "10.0.7.7"},
                "dns": ["10.0.0.10"],
                "dns_search": ["example.com"],
                "dns_opt": ["ndots:2"],
                "networks": {"front": {"aliases": ["www"]}},
                "volumes": [
                    "./conf:/conf:ro",
                    "./file.txt:/file.txt:ro",
                    "./upload:/upload",
                    "/anonymous",
                    "/srv/data/a:/a",
                    "/srv/tmp/a:/tmp-a",
                    "/srv/media/films:/films",
                    {"type": "bind", "source": "/srv/fonts", "target": "/fonts", "read_only": true},
                    {"type": "tmpfs", "target": "/cache", "tmpfs": {"size": "64m"}},
                ],
                "configs": [{"source": "site", "target": "/site.conf", "mode": "0440", "uid": "1000"}],
                "secrets": ["token"],
                "cap_add": ["NET_ADMIN"],
                "cap_drop": ["ALL"],
                "security_opt": ["seccomp:unconfined"],
                "ipc": "host",
                "group_add": ["1000"],
                "platform": "linux/amd64",
                "pull_policy": "missing",
                "stop_signal": "SIGQUIT",
                "logging": {"driver": "json-file", "options": {"a": "b"}},
                "links": ["db:dbalias"],
                "profiles": [],
                "deploy": {"resources": {"limits": {"cpus": "1", "memory": "512m"}}},
            },
            "job": {"image": "example/job:1", "restart": "no", "command": "job --once"},
            "mail": {"image": "example/mail:1", "restart": "always", "profiles": ["mail"]},
        },
        "volumes": {"dbdata": null, "data": {"name": "written", "labels": {"a": "b"}}},
        "networks": {"front": {"name": "n", "driver": "bridge"}},
        "configs": {"site": {"content": "site=1"}},
        "secrets": {"token": {"environment": "GREETING"}},
    })
}

struct Outcome {
    objects: Vec<Value>,
    found: Diagnostics,
    sources: Sources,
}

/// Everything that happens without a cluster.
fn run(configuration: &Value, compose: &Value) -> Outcome {
    let mut sources = Sources::new();
    let id = sources.add("kompoxops.yml", configuration.to_string());
    let (configuration, mut found) = kompox_manifest::load(&sources, id);
    let Some(configuration) = configuration else { return Outcome { objects: Vec::new(), found, sources } };
    let Some(app) = &configuration.app else { return Outcome { objects: Vec::new(), found, sources } };
    let files = MemoryFiles::new()
        .with("app.env", "LEVEL=1\n")
        .with("conf/a.conf", "a")
        .with("file.txt", "text")
        .with("upload/b", "b");
    let source = Source {
        app,
        compose: &[ComposeFile { name: "compose.yml", path: "compose.yml", text: &compose.to_string() }],
        dot_env: DotEnv::Read,
        files: &files,
        environment: &BTreeMap::new(),
        profiles: &app.profiles,
    };
    let (loaded, more): (Option<Loaded>, _) = app::load(&source, &mut sources);
    found.extend(more);
    let Some(loaded) = loaded else { return Outcome { objects: Vec::new(), found, sources } };
    let nouns = Nouns {
        workspace: &configuration.workspace,
        provider: &configuration.provider,
        cluster: &configuration.cluster,
        app,
    };
    let (conversion, more) = app::validate(&nouns, None, &loaded);
    found.extend(more);
    let objects = conversion.map(|conversion| {
        let claims = conversion.host_claims.iter().map(|claim| claim.object().body).collect::<Vec<_>>();
        let set = conversion.resources.into_objects();
        set.iter().map(|object| object.body.clone()).chain(claims).collect()
    });
    Outcome { objects: objects.unwrap_or_default(), found, sources }
}

/// Counts places of a document until the wanted one, which is made.
struct Spoiler<'a> {
    text: &'a str,
    wanted: usize,
    seen: usize,
    made: Option<(String, Value)>,
}

impl Spoiler<'_> {
    fn place(&mut self, case: impl FnOnce() -> String, make: impl FnOnce() -> Value) {
        if self.seen == self.wanted {
            self.made = Some((case(), make()));
        }
        self.seen += 1;
    }

    fn walk(&mut self, value: &Value, path: &str, whole: &dyn Fn(Value) -> Value) {
        let text = self.text;
        match value {
            Value::String(old) => {
                self.place(|| format!("{path} replaced"), || whole(json!(text)));
                self.place(|| format!("{path} appended"), || whole(json!(format!("{old}{text}"))));
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let rebuild = |new: Value| {
                        let mut items = items.clone();
                        items[index] = new;
                        whole(Value::Array(items))
                    };
                    self.walk(item, &format!("{path}/{index}"), &rebuild);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    let path = format!("{path}/{key}");
                    let renamed = || {
                        let entries = map.iter().map(|(other, item)| {
                            (if other == key { text.to_owned() } else { other.clone() }, item.clone())
                        });
                        whole(Value::Object(entries.collect()))
                    };
                    self.place(|| format!("key {path}"), renamed);
                    let rebuild = |new: Value| {
                        let mut map = map.clone();
                        map.insert(key.clone(), new);
                        whole(Value::Object(map))
                    };
                    self.walk(item, &path, &rebuild);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// A document in which one key or one string is replaced by `text`, or has it appended.
fn spoilt(document: &Value, text: &str, place: Index) -> (String, Value) {
    let mut count = Spoiler { text, wanted: usize::MAX, seen: 0, made: None };
    count.walk(document, "", &|whole| whole);
    let mut spoiler = Spoiler { wanted: place.index(count.seen), seen: 0, ..count };
    spoiler.walk(document, "", &|whole| whole);
    spoiler.made.unwrap()
}

/// What is said is one line a part, without anything that steers a terminal, and errors say where.
fn check_words(case: &str, outcome: &Outcome) {
    let shown = outcome.found.render(&outcome.sources);
    let steers = |c: char| {
        c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!shown.contains(steers), "{case}: {shown:?}");
    let lines = |text: &str| text.lines().count();
    for one in outcome.found.iter().filter(|one| one.severity == Severity::Error) {
        assert!(lines(&one.message) <= 1, "{case}: {:?}", one.message);
        assert!(one.message.len() < 2000, "{case}: {} bytes", one.message.len());
        // What only the configuration says has no place in the compose file.
        assert!(one.span().is_some() || one.message.contains("`app."), "{case}: {}", one.message);
    }
    assert!(outcome.found.has_errors() == outcome.objects.is_empty(), "{case}: {shown}");
}

fn check_object(case: &str, object: &Value) {
    let kind = object["kind"].as_str().unwrap();
    check_label("name", object["metadata"]["name"].as_str().unwrap(), 63)
        .unwrap_or_else(|error| panic!("{case}: {error}"));
    walk(case, object, &mut vec![kind.to_owned()]);
    let pod = &object["spec"]["template"]["spec"];
    for key in ["containers", "initContainers"] {
        for container in pod[key].as_array().into_iter().flatten() {
            for words in ["command", "args"] {
                let words: Vec<_> = container[words].as_array().into_iter().flatten().collect();
                assert!(words.iter().all(|word| *word != "-c"), "{case}: a shell in {container}");
            }
        }
    }
}

fn walk(case: &str, value: &Value, path: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains(MARK) => {
            assert!(is_data(text, path), "{case}: {text:.200} at {}", path.join("/"));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(index.to_string());
                walk(case, item, path);
                path.pop();
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                let plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
                assert!(key.chars().all(plain), "{case}: key {key:?} at {}", path.join("/"));
                path.push(key.clone());
                walk(case, item, path);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Whether hostile text may stand at this place: it is data there, or it is harmless.
fn is_data(text: &str, path: &[String]) -> bool {
    let path: Vec<&str> =
        path.iter().map(String::as_str).filter(|part| part.parse::<usize>().is_err()).collect();
    let no_control = !text.contains(char::is_control);
    let label = |limit| check_label("text", text, limit).is_ok();
    let legal_path = || no_control && text.split('/').all(|part| part != "..");
    let container = path.iter().position(|part| ["containers", "initContainers"].contains(part));
    if let Some(at) = container {
        return match &path[at + 1..] {
            ["command" | "args"] | ["lifecycle" | "startupProbe" | "readinessProbe", .., "command"] => true,
            ["image" | "workingDir"] => no_control,
            ["volumeMounts", "mountPath" | "subPath"] => legal_path(),
            ["env", "name"] => text.chars().all(|c| matches!(c, ' '..='~') && c != '='),
            _ => label(63),
        };
    }
    if path.contains(&"dnsConfig") {
        return text.chars().all(|c| c.is_ascii_graphic());
    }
    match path.as_slice() {
        // The whole value is the user's own text.
        ["ConfigMap", "data" | "binaryData", _] => true,
        ["Deployment", "metadata", "annotations", "kompox.dev/compose-labels" | "kompox.dev/quiesce"] => {
            serde_json::from_str::<Value>(text).is_ok()
        }
        [_, "metadata", "labels", _] | [.., "template", "metadata", "labels", _] => label(63),
        [_, "metadata", "annotations", "kompox.dev/identity" | "kompox.dev/app"] => {
            text.split('/').all(|part| check_label("part", part, 63).is_ok())
        }
        [_, "metadata", "annotations", "traefik.ingress.kubernetes.io/router.tls.certresolver"] => {
            text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        }
        [_, "metadata", "annotations", ..] => label(63),
        [.., "hostAliases", "hostnames"] | ["Ingress", .., "host" | "hosts"] => {
            text.split('.').all(|part| check_label("part", part, 63).is_ok())
        }
        [.., "securityContext", "sysctls", "value"] => no_control,
        [.., "hostPath", "path"] | ["PersistentVolume", .., "path"] => legal_path(),
        _ => label(63),
    }
}

#[test]
fn the_documents_themselves_are_fine() {
    let outcome = run(&configuration(), &compose());
    assert!(!outcome.found.has_errors(), "{}", outcome.found.render(&outcome.sources));
    assert!(outcome.objects.len() > 10);
}

/// One spoilt pair of documents, checked.
fn check(case: &str, configuration: &Value, compose: &Value) {
    let outcome = run(configuration, compose);
    check_words(case, &outcome);
    outcome.objects.iter().for_each(|object| check_object(case, object));
}

proptest! {
    // `cargo xtask conformance` runs twenty thousand.
    #![proptest_config(ProptestConfig { max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn hostile_text_in_the_configuration_is_refused_or_data(text in any::<Index>(), place in any::<Index>()) {
        let text = text.get(&hostile()).clone();
        let (case, configuration) = spoilt(&configuration(), &text, place);
        check(&format!("{case} by {text:.40?}"), &configuration, &compose());
    }

    #[test]
    fn hostile_text_in_the_compose_file_is_refused_or_data(
        text in any::<Index>(),
        place in any::<Index>(),
        // Once as variables, which are refused or expanded, and once as the text itself.
        escaped in any::<bool>(),
    ) {
        let text = text.get(&hostile()).replace('$', if escaped { "$$" } else { "$" });
        let (case, compose) = spoilt(&compose(), &text, place);
        check(&format!("{case} by {text:.40?}"), &configuration(), &compose);
    }
}
