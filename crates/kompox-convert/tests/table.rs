//! The table of fates against the fixtures, and the page printed from it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

use kompox_compose::{Node, Sources};
use kompox_convert::fate::{Section, TABLE, compose_support};
use kompox_testkit::golden;
use kompox_yaml::{Limits, parse};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

type Seen = BTreeSet<(Section, String)>;

/// Rows that no compose file reaches: the loader refuses the key first, with the same words.
const OF_THE_LOADER: [&str; 1] = ["pre_start"];

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folders = std::fs::read_dir(root.join("golden")).unwrap();
    let cases = folders.map(|folder| folder.unwrap().path().join("compose.yml"));
    let refused = std::fs::read_dir(root.join("refused")).unwrap().map(|file| file.unwrap().path());
    cases.chain(refused.filter(|path| path.extension().is_some_and(|e| e == "yml"))).collect()
}

fn keys(node: Option<&Node>, section: Section, seen: &mut Seen) {
    for entry in node.and_then(Node::as_mapping).into_iter().flatten() {
        seen.insert((section, entry.key.clone()));
        for nested in entry.value.as_mapping().into_iter().flatten() {
            seen.insert((section, format!("{}.{}", entry.key, nested.key)));
        }
    }
}

fn items<'a>(node: &'a Node, key: &str) -> Vec<&'a Node> {
    let Some(value) = node.get(key) else { return Vec::new() };
    let listed = value.as_sequence().into_iter().flatten();
    listed.chain(value.as_mapping().into_iter().flatten().map(|entry| &entry.value)).collect()
}

fn collect(root: &Node, seen: &mut Seen) {
    keys(Some(root), Section::Top, seen);
    keys(root.get("x-kompox"), Section::TopExtension, seen);
    for service in items(root, "services") {
        keys(Some(service), Section::Service, seen);
        keys(service.get("deploy"), Section::Deploy, seen);
        keys(service.get("healthcheck"), Section::Healthcheck, seen);
        keys(service.get("x-kompox"), Section::ServiceExtension, seen);
        for (key, section) in [
            ("depends_on", Section::DependsOn),
            ("ports", Section::Port),
            ("volumes", Section::Mount),
            ("networks", Section::Attachment),
            ("secrets", Section::FileMount),
            ("configs", Section::FileMount),
        ] {
            items(service, key).into_iter().for_each(|item| keys(Some(item), section, seen));
        }
    }
    for (key, section) in [
        ("volumes", Section::Volume),
        ("networks", Section::Network),
        ("secrets", Section::FileSource),
        ("configs", Section::FileSource),
    ] {
        items(root, key).into_iter().for_each(|item| keys(Some(item), section, seen));
    }
}

#[test]
fn every_row_has_a_fixture() {
    let mut seen = Seen::new();
    for path in fixtures() {
        let mut sources = Sources::new();
        let id = sources.add("compose.yml", std::fs::read_to_string(&path).unwrap());
        let (documents, diagnostics) = parse(&sources, id, Limits::default());
        assert!(!diagnostics.has_errors(), "{}: {}", path.display(), diagnostics.render(&sources));
        documents.iter().for_each(|document| collect(document, &mut seen));
    }
    let missing: Vec<_> = TABLE
        .iter()
        .filter(|row| !OF_THE_LOADER.contains(&row.key))
        .filter(|row| !seen.contains(&(row.section, row.key.to_owned())))
        .map(|row| (row.section, row.key))
        .collect();
    assert!(missing.is_empty(), "no fixture has {missing:?}");
}

#[test]
fn every_key_has_one_row() {
    let keys: BTreeSet<_> = TABLE.iter().map(|row| (row.section, row.key)).collect();
    assert_eq!(keys.len(), TABLE.len());
    assert!(TABLE.windows(2).all(|pair| pair[0].section <= pair[1].section), "sections are scattered");
}

#[test]
fn the_page_is_printed_from_the_table() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compose-support.md");
    golden(page, &compose_support());
}
