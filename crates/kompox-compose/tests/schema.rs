//! The Compose Specification's own schema as a cross-check: what it refuses we refuse, and what it accepts we accept, or
//! `schema/differences.txt` says why not.
//!
//! Every place that the schema describes gets values of every kind, one at a time, in a project that is right otherwise.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use kompox_compose::{
    ComposeFile, DotEnv, MemoryFiles, ProjectName, Request, SERVICE_KEYS, Severity, Sources, load,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Item,
}

type Steps = Vec<Step>;

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema/compose-spec.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn differences() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema/differences.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap()).collect()
}

/// Every place below a part of the schema.
fn places(root: &Value, part: &Value, at: &Steps, all: &mut BTreeSet<Steps>) {
    if let Some(reference) = part["$ref"].as_str() {
        return places(root, root.pointer(&reference[1..]).unwrap(), at, all);
    }
    all.insert(at.clone());
    for key in ["oneOf", "anyOf"] {
        for part in part[key].as_array().into_iter().flatten() {
            places(root, part, at, all);
        }
    }
    let below = |step: Step| at.iter().cloned().chain([step]).collect::<Steps>();
    for (key, part) in part["properties"].as_object().into_iter().flatten() {
        places(root, part, &below(Step::Key(key.clone())), all);
    }
    for (pattern, part) in part["patternProperties"].as_object().into_iter().flatten() {
        if !pattern.starts_with("^x-") {
            places(root, part, &below(Step::Key(name(at).to_owned())), all);
        }
    }
    if part["additionalProperties"].is_object() {
        places(root, &part["additionalProperties"], &below(Step::Key("name".to_owned())), all);
    }
    if part["items"].is_object() {
        places(root, &part["items"], &below(Step::Item), all);
    }
}

/// The name that stands for any name in a place.
fn name(at: &Steps) -> &'static str {
    match at.last() {
        Some(Step::Key(key)) => match (key.as_str(), at.len()) {
            ("services", 1) => "web",
            ("volumes", 1) => "data",
            ("networks", _) => "back",
            ("secrets", 1) => "token",
            ("configs", 1) => "site",
            ("models", _) => "llm",
            ("depends_on", _) => "db",
            ("ulimits", _) => "nofile",
            _ => "name",
        },
        _ => "name",
    }
}

/// What must stand beside a value, so that the rest is right.
fn beside(at: &Steps) -> Map<String, Value> {
    let key = |back: usize| match at.len().checked_sub(back + 1).map(|index| &at[index]) {
        Some(Step::Key(key)) => key.as_str(),
        _ => "",
    };
    let value = match (key(1), key(0)) {
        ("services", "web") => json!({"image": "x"}),
        ("depends_on", _) => json!({"condition": "service_started"}),
        ("networks", "back") | ("", "") => json!({}),
        ("secrets" | "configs", "token" | "site") => json!({"file": "f"}),
        ("models", "llm") if at.len() == 2 => json!({"model": "m"}),
        ("ulimits", _) => json!({"soft": 1, "hard": 2}),
        (_, "provider") => json!({"type": "t"}),
        (_, "extends") => json!({"service": "db"}),
        (_, "exec") => json!({"command": "c"}),
        (_, "build") => json!({"context": "."}),
        _ => json!({}),
    };
    let item = at.last() == Some(&Step::Item);
    let value = match key(1) {
        _ if !item => value,
        "volumes" => json!({"type": "volume", "target": "/t"}),
        "ports" => json!({"target": 80}),
        "devices" if at.len() > 5 => json!({"capabilities": ["gpu"]}),
        "devices" => json!({"source": "/dev/a", "target": "/dev/a"}),
        "secrets" => json!({"source": "token"}),
        "configs" => json!({"source": "site"}),
        "env_file" => json!({"path": "f"}),
        "include" => json!({"path": "other.yaml"}),
        "watch" => json!({"path": ".", "action": "rebuild"}),
        "post_start" | "pre_stop" => json!({"command": "c"}),
        _ => value,
    };
    value.as_object().unwrap().clone()
}

/// A project with a value in one place.
fn project(at: &Steps, value: Value) -> Value {
    let mut value = value;
    for index in (0..at.len()).rev() {
        let above: Steps = at[..index].to_vec();
        value = match &at[index] {
            Step::Item => json!([value]),
            Step::Key(key) => {
                let mut object = if index == 0 { Map::new() } else { beside(&above) };
                if matches!(key.as_str(), "content" | "environment" | "external") && index == 2 {
                    object.remove("file");
                }
                object.insert(key.clone(), value);
                Value::Object(object)
            }
        };
    }
    let mut whole = json!({
        "services": {"web": {"image": "x"}, "db": {"image": "x"}},
        "volumes": {"data": {}},
        "networks": {"back": {}, "text": {}, "default": {}},
        "secrets": {"token": {"file": "f"}},
        "configs": {"site": {"file": "f"}},
        "models": {"llm": {"model": "m"}},
    });
    overlay(&mut whole, value, 0);
    whole
}

/// Puts the keys of one value over those of another, as deep as names go.
fn overlay(whole: &mut Value, value: Value, depth: usize) {
    match (whole, value) {
        (Value::Object(whole), Value::Object(value)) if depth < 2 => {
            for (key, value) in value {
                match whole.get_mut(&key) {
                    Some(known) => overlay(known, value, depth + 1),
                    None => drop(whole.insert(key, value)),
                }
            }
        }
        (whole, value) => *whole = value,
    }
}

/// Values of one kind each; of the first kinds one must be right.
fn kinds() -> Vec<(&'static str, Vec<Value>)> {
    let texts = [
        "text",
        "10s",
        "64m",
        "1",
        "0.5",
        "80",
        "/abs",
        "true",
        "db",
        "data",
        "back",
        "token",
        "site",
        "llm",
        "service_started",
        "volume",
        "bind",
        "a=b",
        "a=1.2.3.4",
        "1.2.3.4",
        "10.0.0.0/24",
        "02:42:ac:11:65:43",
        "SIGTERM",
        "always",
        "rwm",
        "host",
        "all",
        "z",
        "enabled",
        "start-first",
        "rebuild",
        "0440",
        "missing",
        "raw",
        "other.yaml",
        "f",
        "default",
        "tcp",
        "ingress",
        "any",
        "1h",
        "replicated",
        "c",
        "rshared",
    ];
    vec![
        ("text", texts.iter().map(|text| json!(text)).collect()),
        ("whole number", [0, 1, 80, 1000].map(|number| json!(number)).to_vec()),
        ("number", vec![json!(0.5)]),
        ("boolean", vec![json!(true), json!(false)]),
        ("nothing", vec![Value::Null]),
        ("empty list", vec![json!([])]),
        ("empty mapping", vec![json!({})]),
        ("list of lists", vec![json!([[]])]),
        ("list of nothing", vec![json!([null])]),
        ("unknown key", vec![json!({"unknown key": 1})]),
        ("mapping of lists", vec![json!({"back": ["a"]})]),
        ("mapping of mappings", vec![json!({"back": {"unknown key": 1}})]),
    ]
}

/// Our errors; none if the project is accepted.
fn refusal(project: &Value) -> Option<String> {
    let files = MemoryFiles::new().with("f", "A=1\n").with("other.yaml", "services: {other: {image: x}}\n");
    let mut sources = Sources::new();
    let text = project.to_string();
    let request = Request {
        name: ProjectName::Given("app"),
        compose: &[ComposeFile { name: "compose.yaml", path: "compose.yaml", text: &text }],
        environment: &BTreeMap::new(),
        dot_env: DotEnv::Off,
        profiles: &["*".to_owned()],
        files: &files,
    };
    let (loaded, diagnostics) = load(&mut sources, &request);
    let error = diagnostics.iter().find(|one| one.severity == Severity::Error).map(|one| one.message.clone());
    assert_eq!(loaded.is_none(), error.is_some());
    error
}

fn show(at: &Steps) -> String {
    let mut text = String::new();
    for step in at {
        match step {
            Step::Item => text.push_str("[]"),
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.extend([".", key]),
        }
    }
    text
}

#[test]
fn the_schema_and_we_agree() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut all = BTreeSet::new();
    places(&schema, &schema, &Steps::new(), &mut all);
    all.remove(&Steps::new());
    assert!(all.len() > 300, "only {} places found", all.len());
    assert!(validator.is_valid(&project(&vec![Step::Key("x-a".to_owned())], json!(1))));
    let (mut values, mut found) = (0, BTreeMap::new());
    for at in &all {
        for (kind, candidates) in kinds() {
            let projects: Vec<_> = candidates.into_iter().map(|value| project(at, value)).collect();
            values += projects.len();
            let (valid, wrong): (Vec<_>, Vec<_>) =
                projects.into_iter().partition(|project| validator.is_valid(project));
            if let Some(refused) =
                valid.iter().map(refusal).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
            {
                found.insert(format!("{} {kind}", show(at)), format!("we refuse: {}", refused[0]));
            }
            if wrong.iter().any(|project| refusal(project).is_none()) {
                found.insert(format!("{} {kind}", show(at)), "we accept".to_owned());
            }
        }
    }
    let known = differences();
    println!("schema: {} places, {values} values, {} answers differ for a reason", all.len(), known.len());
    let new: Vec<_> = found
        .iter()
        .filter(|(place, _)| !known.contains_key(*place))
        .map(|(place, what)| format!("{place}: {what}"))
        .collect();
    let gone: Vec<_> = known.keys().filter(|place| !found.contains_key(*place)).collect();
    assert!(new.is_empty() && gone.is_empty(), "{}\nno difference any more: {gone:?}", new.join("\n"));
}

#[test]
fn every_key_of_a_service_is_known() {
    let schema = schema();
    let keys = schema.pointer("/definitions/service/properties").unwrap().as_object().unwrap();
    let unknown: Vec<_> = keys.keys().filter(|key| !SERVICE_KEYS.contains(&key.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let newer: Vec<_> = SERVICE_KEYS.iter().filter(|key| !keys.contains_key(**key)).collect();
    assert_eq!(newer, [&"pre_start", &"umask"], "keys that a later version of the Specification has");
}
