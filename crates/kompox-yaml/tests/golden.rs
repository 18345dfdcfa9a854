//! Each `cases/<name>.yml` is parsed; its tree and diagnostics must be the text in `<name>.txt`.
//! `KOMPOX_BLESS=1` writes the texts anew.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]
use std::fmt::Write as _;
use std::path::Path;

use kompox_yaml::{Limits, Node, Sources, Value, parse};
use proptest::prelude::*;

#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        count += 1;
        let name = path.file_name().unwrap().to_str().unwrap();
        let actual = print(name, &std::fs::read_to_string(&path).unwrap());
        let expected = path.with_extension("txt");
        if std::env::var_os("KOMPOX_BLESS").is_some() {
            std::fs::write(expected, actual).unwrap();
        } else if std::fs::read_to_string(expected).unwrap_or_default() != actual {
            wrong.push(format!("--- {name}\n{actual}"));
        }
    }
    assert!(count > 10, "only {count} cases found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn print(name: &str, text: &str) -> String {
    let mut sources = Sources::new();
    let id = sources.add(name, text);
    let (documents, diagnostics) = parse(&sources, id, Limits { nodes: 1000, depth: 12 });
    let mut out = String::new();
    for node in &documents {
        out.push_str("document ");
        tree(node, 0, &mut out);
    }
    out + &diagnostics.render(&sources)
}

fn tree(node: &Node, level: usize, out: &mut String) {
    let place = node.span.start;
    write!(out, "{}:{} ", place.line, place.column).unwrap();
    if let Some(tag) = &node.tag {
        write!(out, "{tag} ").unwrap();
    }
    let indent = "  ".repeat(level + 1);
    match &node.value {
        Value::Sequence(items) => {
            writeln!(out, "sequence").unwrap();
            for item in items {
                write!(out, "{indent}- ").unwrap();
                tree(item, level + 1, out);
            }
        }
        Value::Mapping(mapping) => {
            writeln!(out, "mapping").unwrap();
            for entry in mapping {
                let at = entry.key_span.start;
                write!(out, "{indent}{}:{} {:?}: ", at.line, at.column, entry.key).unwrap();
                tree(&entry.value, level + 1, out);
            }
        }
        value => {
            let raw = node.raw.as_ref().map(|raw| format!(" written {raw:?}")).unwrap_or_default();
            writeln!(out, "{value:?}{raw}").unwrap();
        }
    }
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    let mut text = "a0: &a0 [x, x]\n".to_owned();
    for level in 1..60 {
        writeln!(text, "a{level}: &a{level} [*a{0}, *a{0}, *a{0}, *a{0}]", level - 1).unwrap();
    }
    let mut sources = Sources::new();
    let id = sources.add("bomb.yml", text);
    let (_, diagnostics) = parse(&sources, id, Limits::default());
    assert_eq!(diagnostics.iter().map(|diagnostic| diagnostic.code).collect::<Vec<_>>(), ["yaml.too-large"]);
}

#[test]
fn a_part_of_a_scalar_is_located() {
    let mut sources = Sources::new();
    let id = sources.add("a.yml", "key: \"a ${x}\"\nother: \"a\\t${x}\"\n");
    let (documents, _) = parse(&sources, id, Limits::default());
    let at = |key: &str| {
        let node = documents[0].get(key).unwrap();
        sources.within(node.span, node.as_str().unwrap(), 2..6).start
    };
    assert_eq!((at("key").line, at("key").column), (1, 9));
    assert_eq!((at("other").line, at("other").column), (2, 8), "escapes: the whole scalar");
}

proptest! {
    #[test]
    fn never_panics(text in "[ \\t\\n:&*a-c<{}\\[\\]'\"|>#!,0-9.-]{0,80}") {
        let mut sources = Sources::new();
        let id = sources.add("any.yml", text);
        let (_, diagnostics) = parse(&sources, id, Limits::default());
        let _ = diagnostics.render(&sources);
    }

    #[test]
    fn positions_and_spans_agree(text in "(\\PC|\\n){0,60}", start in 0usize..80, length in 0usize..80) {
        let mut sources = Sources::new();
        let id = sources.add("any.yml", text.clone());
        let span = sources.span(id, start..start + length);
        prop_assert!(text.contains(sources.slice(span)));
        prop_assert!(span.start <= span.end);
    }
}
