//! KOM documents. Each folder of `kom/{accepted,refused}` is loaded whole, the expected text of what that gives is in its
//! file `expected`; a file `folder` says that other files may lie beside the documents. With `KOMPOX_BLESS=1` the
//! expected files are written.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

use kompox_manifest::{Detail, Loaded, Text, TextForm, kom_document, load, load_all};
use kompox_model::{Inventory, Settings};
use kompox_yaml::{Diagnostics, Severity, Sources, write_documents};
use std::fs;
use std::path::{Path, PathBuf};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml")
}

fn kom(inventory: &Inventory, detail: Detail) -> String {
    let documents: Vec<_> = inventory.iter().map(|(_, noun)| kom_document(noun, inventory, detail)).collect();
    write_documents(&documents)
}

fn load_texts(texts: &[(String, String, TextForm)]) -> (Option<Loaded>, Diagnostics, Sources) {
    let mut sources = Sources::new();
    let texts: Vec<_> = texts
        .iter()
        .map(|(name, text, form)| Text { source: sources.add(name, text), form: *form })
        .collect();
    let (loaded, diagnostics) = load_all(&sources, &texts);
    (loaded, diagnostics, sources)
}

fn load_kom(text: &str) -> (Option<Loaded>, String) {
    let (loaded, found, sources) = load_texts(&[("kom.yml".to_owned(), text.to_owned(), TextForm::Kom)]);
    (loaded, found.render(&sources))
}

/// Compares each case of a folder with its expectation and returns how many there were.
fn run(kind: &str, accepted: bool) -> usize {
    let cases = entries(&tests().join("kom").join(kind));
    let mut failures = Vec::new();
    for case in &cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        let files = entries(case).into_iter().filter(|path| is_yaml(path));
        let in_folder = case.join("folder").exists();
        let texts: Vec<_> = files
            .map(|path| {
                let file = path.file_name().unwrap().to_str().unwrap().to_owned();
                let form = match file.as_str() {
                    _ if in_folder => TextForm::KomOrOther,
                    "kompoxops.yml" => TextForm::Either,
                    _ => TextForm::Kom,
                };
                (file, fs::read_to_string(&path).unwrap(), form)
            })
            .collect();
        let (loaded, found, sources) = load_texts(&texts);
        let mut actual = found.render(&sources);
        if let Some(loaded) = &loaded {
            for (key, place) in &loaded.places {
                let start = place.start;
                actual.push_str(&format!(
                    "{key} at {}:{}:{}\n",
                    sources.name(place.source),
                    start.line,
                    start.column
                ));
            }
            actual.push_str(&kom(&loaded.inventory, Detail::EXACT));
        }
        if loaded.is_some() != accepted {
            failures.push(format!("{name}: accepted is {}\n{actual}", !accepted));
        }
        if found.iter().any(|diagnostic| diagnostic.span().is_none()) {
            failures.push(format!("{name}: a finding without a place\n{actual}"));
        }
        let expected = case.join("expected");
        if std::env::var_os("KOMPOX_BLESS").is_some() {
            fs::write(&expected, &actual).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != actual {
            failures.push(format!("{name}: differs from its expectation; it gave\n{actual}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    cases.len()
}

#[test]
fn accepted_documents() {
    assert!(run("accepted", true) >= 6);
}

#[test]
fn refused_documents() {
    assert!(run("refused", false) >= 14);
}

/// What version 1 says, KOM says (C-07): also without the findings that only version 1 can cause.
#[test]
fn every_accepted_file_of_version_1_is_the_same_as_documents() {
    let files = entries(&tests().join("golden/accepted"));
    let mut count = 0;
    for path in files.iter().filter(|path| is_yaml(path)) {
        let mut sources = Sources::new();
        let id = sources.add("kompoxops.yml", fs::read_to_string(path).unwrap());
        let (configuration, before) = load(&sources, id);
        let (inventory, before) = (Inventory::from(configuration.unwrap()), before.render(&sources));
        for detail in [Detail::EXACT, Detail { defaults: true, secrets: true }] {
            let text = kom(&inventory, detail);
            let (loaded, found) = load_kom(&text);
            let loaded = loaded.unwrap_or_else(|| panic!("{}\n{text}\n{found}", path.display()));
            assert_eq!(loaded.inventory, inventory, "{}\n{text}", path.display());
            if detail == Detail::EXACT {
                assert_eq!(kom(&loaded.inventory, detail), text, "{}", path.display());
                let code = "manifest.volume.setting";
                assert_eq!(found.contains(code), before.contains(code), "{}\n{found}", path.display());
            }
        }
        count += 1;
    }
    assert!(count >= 10);
}

/// Settings given either way have the same effect (CFG-26 … CFG-28).
#[test]
fn settings_of_both_inputs_are_the_same() {
    let version_1 = "
version: 1
workspace: {name: ops, domain: ops.example.com}
provider: {name: p, driver: aks, settings: {AZURE_LOCATION: japaneast, AZURE_SUBSCRIPTION_ID: abc}}
cluster: {name: c, settings: {AZURE_RESOURCE_GROUP_NAME: rg1, AZURE_TENANT_ID: t1}}
app: {name: a, compose: compose.yml, settings: {AZURE_DISK_SIZE: 50, AZURE_DISK_TYPE: Standard_LRS}}
";
    let kom = "
apiVersion: ops.kompox.dev/v1alpha1
kind: Workspace
metadata: {name: ops}
spec: {domain: ops.example.com}
---
apiVersion: ops.kompox.dev/v1alpha1
kind: Provider
metadata: {name: p}
spec:
  workspace: ops
  driver: aks
  settings: {AZURE_LOCATION: japaneast, AZURE_SUBSCRIPTION_ID: abc, AZURE_TENANT_ID: t1}
---
apiVersion: ops.kompox.dev/v1alpha1
kind: Cluster
metadata: {name: c}
spec: {provider: p, settings: {AZURE_RESOURCE_GROUP_NAME: rg1}}
---
apiVersion: ops.kompox.dev/v1alpha1
kind: App
metadata: {name: a}
spec: {cluster: c, compose: compose.yml, settings: {AZURE_DISK_SIZE: 50, AZURE_DISK_TYPE: Standard_LRS}}
";
    let mut sources = Sources::new();
    let id = sources.add("kompoxops.yml", version_1);
    let configuration = load(&sources, id).0.unwrap();
    let (loaded, found) = load_kom(kom);
    assert_eq!(found, "");
    let inventory = loaded.unwrap().inventory;
    assert_eq!(inventory.of_app(&"ops/p/a".parse().unwrap()).unwrap(), configuration);
    let settings: Settings = configuration.provider.settings;
    assert_eq!(settings.get("AZURE_TENANT_ID"), Some("t1"));
}

#[test]
fn what_people_see_has_no_secret_and_every_default() {
    let text = fs::read_to_string(tests().join("kom/accepted/several-of-everything/one.yml")).unwrap();
    let more = fs::read_to_string(tests().join("kom/accepted/several-of-everything/two.yaml")).unwrap();
    let (loaded, _) = load_kom(&format!("{text}---\n{more}"));
    let shown = kom(&loaded.unwrap().inventory, Detail::EFFECTIVE);
    assert!(!shown.contains("canary") && shown.contains("AZURE_CLIENT_SECRET: \"********\""), "{shown}");
    assert!(!shown.contains("image: nginx") && shown.contains("compose: \"(3 lines of text)\""), "{shown}");
    for default in ["certResolver: production", "existing: false", "size: \"50Gi\"", "name: default"] {
        assert!(shown.contains(default), "{default}\n{shown}");
    }
}

/// Loading is all or nothing, whatever else is said.
#[test]
fn nothing_is_loaded_beside_an_error() {
    for case in entries(&tests().join("kom/refused")) {
        let texts: Vec<_> = entries(&case)
            .into_iter()
            .filter(|path| is_yaml(path))
            .map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap(), TextForm::Kom))
            .collect();
        let (loaded, found, _) = load_texts(&texts);
        assert!(loaded.is_none() && found.iter().any(|found| found.severity == Severity::Error));
    }
}

#[test]
fn the_example_of_the_documentation_loads() {
    let text = fs::read_to_string(tests().join("../../../docs/kom.md")).unwrap();
    let example = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let (loaded, found) = load_kom(example);
    assert_eq!(found, "");
    assert!(loaded.unwrap().inventory.of_app(&"ops/k3s/wiki".parse().unwrap()).is_some());
}
