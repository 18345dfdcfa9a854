//! The JSON Schemas agree with the loader, and those in `docs/schema` are what the loader's tables give.
//! `KOMPOX_BLESS=1` writes them.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

use jsonschema::{Validator, draft202012};
use kompox_manifest::{Text, TextForm, configuration_schema, document_schema, load_all};
use kompox_yaml::{Limits, Node, Sources, Value as Yaml, parse};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Findings that a schema can make too: keys, kinds of values and words out of a list.
const STRUCTURAL: [&str; 13] = [
    "kom.document",
    "kom.kind",
    "kom.version",
    "manifest.auth.environment",
    "manifest.auth.type",
    "manifest.driver",
    "manifest.ingress.controller",
    "manifest.key.later",
    "manifest.key.missing",
    "manifest.key.unknown",
    "manifest.value.kind",
    "manifest.version",
    "manifest.workspace.twice",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The value as a JSON Schema validator sees it.
fn json(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => (*value).into(),
        Yaml::Int(value) => (*value).into(),
        Yaml::Float(value) => (*value).into(),
        Yaml::String(value) => value.as_str().into(),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(mapping) => {
            mapping.iter().map(|entry| (entry.key.clone(), json(&entry.value))).collect()
        }
    }
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(yaml_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The documents of a file, those that are there; none when it is no YAML.
fn documents(path: &Path) -> Vec<Value> {
    let mut sources = Sources::new();
    let id = sources.add("a.yml", fs::read_to_string(path).unwrap());
    let (documents, found) = parse(&sources, id, Limits::default());
    if found.has_errors() {
        Vec::new()
    } else {
        documents.iter().filter(|node| !node.is_null()).map(json).collect()
    }
}

/// Codes of the errors that the loader finds in a file.
fn errors(path: &Path, form: TextForm) -> Vec<&'static str> {
    let mut sources = Sources::new();
    let source = sources.add("a.yml", fs::read_to_string(path).unwrap());
    let (_, found) = load_all(&sources, &[Text { source, form }]);
    found
        .iter()
        .filter(|found| found.severity == kompox_yaml::Severity::Error)
        .map(|found| found.code)
        .collect()
}

fn refusals(validator: &Validator, documents: &[Value]) -> Vec<String> {
    let errors = documents.iter().flat_map(|document| validator.iter_errors(document));
    errors.map(|error| error.to_string()).collect()
}

/// Both folders of fixtures, and the schema and the form of each file.
fn check(accepted: &str, refused: &str, validator: &Validator, form: TextForm) -> (usize, usize) {
    let tests = root().join("tests");
    let mut counts = (0, 0);
    for path in yaml_files(&tests.join(accepted)) {
        let documents = documents(&path);
        // Beside documents lie files in other forms.
        if form == TextForm::Kom && documents.iter().all(|document| document.get("apiVersion").is_none()) {
            continue;
        }
        assert_eq!(refusals(validator, &documents), [""; 0], "{} is accepted by the loader", path.display());
        counts.0 += 1;
    }
    for path in yaml_files(&tests.join(refused)) {
        // To JSON, 1.0 is the number 1.
        let is_one = |document: &Value| document.get("version").is_some_and(|version| *version == json!(1.0));
        let structural = errors(&path, form).into_iter().any(|code| STRUCTURAL.contains(&code));
        let documents = documents(&path);
        if structural && !documents.is_empty() && !documents.iter().any(is_one) {
            assert!(
                !refusals(validator, &documents).is_empty(),
                "{} is refused by the loader",
                path.display()
            );
            counts.1 += 1;
        }
    }
    counts
}

#[test]
fn version_1_and_its_schema_agree() {
    let validator = draft202012::new(&configuration_schema()).unwrap();
    let (accepted, refused) = check("golden/accepted", "golden/refused", &validator, TextForm::Either);
    assert!(accepted >= 15 && refused >= 25, "only {accepted} accepted and {refused} refused files");
}

#[test]
fn documents_and_their_schema_agree() {
    let validator = draft202012::new(&document_schema()).unwrap();
    let (accepted, refused) = check("kom/accepted", "kom/refused", &validator, TextForm::Kom);
    assert!(accepted >= 7 && refused >= 5, "only {accepted} accepted and {refused} refused files");
}

/// A key of a table without a schema would be refused always.
#[test]
fn every_key_has_a_schema() {
    fn look(value: &Value, path: &str) {
        match value {
            Value::Object(object) => {
                let legal = path.ends_with("/then/properties");
                for (key, value) in object {
                    let is_key = path.ends_with("/properties") && !legal;
                    assert!(!is_key || *value != json!(false), "{path}/{key}");
                    look(value, &format!("{path}/{key}"));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| look(item, path)),
            _ => {}
        }
    }
    look(&configuration_schema(), "");
    look(&document_schema(), "");
}

#[test]
fn the_schemas_in_docs_are_these() {
    for (name, schema) in [("kompoxops", configuration_schema()), ("kom", document_schema())] {
        draft202012::meta::validate(&schema).unwrap();
        let path = root().join("../../docs/schema").join(format!("{name}.schema.json"));
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("KOMPOX_BLESS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap_or_default(),
            text,
            "KOMPOX_BLESS=1 writes {}",
            path.display()
        );
    }
}
