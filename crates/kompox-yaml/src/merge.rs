//! Merge keys: `<<` takes a mapping or a list of mappings, also through aliases.
//!
//! The mappings that come in have had their own `<<` applied when they were built, so one level is enough here.

use crate::{Diagnostic, Diagnostics, Entry, Kind, Mapping, Node, Span, Value};

/// Adds the entries of `<<` to a mapping. Keys written in the mapping win; of a list, the earlier one wins.
pub(crate) fn apply(mapping: &mut Mapping, key: Span, merge: Node, diagnostics: &mut Diagnostics) {
    let mut known: std::collections::HashSet<String> =
        mapping.entries.iter().map(|entry| entry.key.clone()).collect();
    let mut add = |from: Mapping, into: &mut Vec<Entry>| {
        into.extend(from.entries.into_iter().filter(|entry| known.insert(entry.key.clone())));
    };
    match merge.value {
        Value::Mapping(from) => add(from, &mut mapping.entries),
        Value::Sequence(items) => {
            for item in items {
                match item.value {
                    Value::Mapping(from) => add(from, &mut mapping.entries),
                    _ => diagnostics.push(refusal(key, &item)),
                }
            }
        }
        _ => diagnostics.push(refusal(key, &merge)),
    }
}

fn refusal(key: Span, node: &Node) -> Diagnostic {
    let found = match node.kind() {
        Kind::Sequence => "another list".to_owned(),
        kind => kind.phrase().to_owned(),
    };
    Diagnostic::error("yaml.merge-key", format!("`<<` takes a mapping or a list of mappings, found {found}"))
        .at(key)
        .label(node.span, "this is merged")
        .help("write `<<: *name` or `<<: [*first, *second]`, where each anchor stands before a mapping")
}
