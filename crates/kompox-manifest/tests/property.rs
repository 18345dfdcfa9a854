//! No text makes the loader panic or contradict itself, whole files with a slip in them least of all.

use kompox_manifest::{Text, TextForm, load, load_all};
use kompox_yaml::Sources;
use proptest::prelude::*;
use proptest::sample::Index;

const FILES: [&str; 5] = [
    include_str!("golden/accepted/specification.yml"),
    include_str!("golden/accepted/every-key.yml"),
    include_str!("golden/accepted/ingress-forms.yml"),
    include_str!("golden/accepted/anchors-and-merge.yml"),
    include_str!("golden/accepted/inline-compose.yml"),
];

/// Loads and checks what holds for every text.
fn check(text: &str) -> Result<(), TestCaseError> {
    let mut sources = Sources::new();
    let id = sources.add("kompoxops.yml", text);
    let (configuration, diagnostics) = load(&sources, id);
    prop_assert_eq!(configuration.is_none(), diagnostics.has_errors(), "{}", diagnostics.render(&sources));
    prop_assert!(diagnostics.iter().all(|diagnostic| diagnostic.span().is_some()));
    prop_assert!(load(&sources, id) == (configuration, diagnostics));
    Ok(())
}

const DOCUMENTS: [&str; 3] = [
    include_str!("kom/accepted/several-of-everything/one.yml"),
    include_str!("kom/accepted/several-of-everything/two.yaml"),
    include_str!("kom/accepted/one-file/all.yml"),
];

/// Loads documents and checks what holds for every text.
fn check_documents(text: &str) -> Result<(), TestCaseError> {
    let mut sources = Sources::new();
    let first = Text { source: sources.add("one.yml", DOCUMENTS[0]), form: TextForm::Kom };
    let source = sources.add("two.yml", text);
    for form in [TextForm::Either, TextForm::Kom, TextForm::KomOrOther] {
        let texts = [first, Text { source, form }];
        let (loaded, diagnostics) = load_all(&sources, &texts);
        prop_assert_eq!(loaded.is_none(), diagnostics.has_errors(), "{}", diagnostics.render(&sources));
        prop_assert!(diagnostics.iter().all(|diagnostic| diagnostic.span().is_some()));
        if let Some(loaded) = &loaded {
            prop_assert!(loaded.inventory.iter().all(|(key, _)| loaded.places.contains_key(key)));
        }
        prop_assert!(load_all(&sources, &texts) == (loaded, diagnostics));
    }
    Ok(())
}

/// One slip of the pen.
fn mutate(text: &str, kind: u8, at: Index, to: Index, insert: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (first, second) = (at.index(lines.len()), to.index(lines.len()));
    match kind {
        0 => drop(lines.remove(first)),
        1 => lines.insert(second, lines[first]),
        2 => lines.swap(first, second),
        3 => lines.truncate(first),
        _ => {
            let cut: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
            let start = cut[at.index(cut.len())];
            let end = if kind == 4 { start } else { cut[to.index(cut.len())].max(start) };
            return format!("{}{insert}{}", &text[..start], &text[end..]);
        }
    }
    lines.concat()
}

proptest! {
    #[test]
    fn arbitrary_text(text in "\\PC{0,200}") {
        check(&text)?;
    }

    #[test]
    fn text_of_yaml_characters(text in "version: 1\n[a-z0-9:{}&*!<>|\\[\\]\"'#, \n-]{0,200}") {
        check(&text)?;
    }

    #[test]
    fn mutated_files(
        file in 0..FILES.len(),
        slips in proptest::collection::vec((0u8..6, any::<Index>(), any::<Index>(), "[ -~\n]{0,6}"), 1..4),
    ) {
        let mut text = FILES[file].to_owned();
        for (kind, at, to, insert) in slips {
            if !text.is_empty() {
                text = mutate(&text, kind, at, to, &insert);
            }
        }
        check(&text)?;
    }

    #[test]
    fn mutated_documents(
        file in 0..DOCUMENTS.len(),
        slips in proptest::collection::vec((0u8..6, any::<Index>(), any::<Index>(), "[ -~\n]{0,6}"), 1..4),
    ) {
        let mut text = DOCUMENTS[file].to_owned();
        for (kind, at, to, insert) in slips {
            if !text.is_empty() {
                text = mutate(&text, kind, at, to, &insert);
            }
        }
        check_documents(&text)?;
    }
}
