//! `configs` and `secrets` of a service.

use kompox_yaml::{Diagnostic, Located, Node, Value};

use super::Reader;
use super::list::last_of_each;
use crate::FileReference;
use crate::path::clean;
use crate::place::Place;

const KEYS: &[&str] = &["gid", "mode", "source", "target", "uid"];

impl Reader<'_> {
    /// Reads the list; a relative target, and the source's name if there is none, is below `base`.
    pub(super) fn file_references(
        &mut self,
        node: &Node,
        place: &Place<'_>,
        base: &str,
    ) -> Vec<FileReference> {
        let mut all = Vec::new();
        for (index, item) in self.sequence(node, place).unwrap_or_default().iter().enumerate() {
            let at = place.item(index);
            match &item.value {
                Value::String(_) => all.extend(self.filled_text(item, &at).map(|source| FileReference {
                    target: below(base, &source.value),
                    span: source.span,
                    source,
                    uid: None,
                    gid: None,
                    mode: None,
                })),
                Value::Mapping(_) => all.extend(self.long_file_reference(item, &at, base)),
                _ => self.wrong(item, &at, "a name or a mapping"),
            }
        }
        last_of_each(all, |reference| reference.target.clone())
    }

    fn long_file_reference(&mut self, node: &Node, place: &Place<'_>, base: &str) -> Option<FileReference> {
        let mapping = self.mapping(node, place, KEYS)?;
        let target = mapping.get("target").and_then(|node| self.filled_text(node, &place.key("target")));
        let uid = mapping.get("uid").and_then(|node| self.id(node, &place.key("uid")));
        let gid = mapping.get("gid").and_then(|node| self.id(node, &place.key("gid")));
        let mode = mapping.get("mode").and_then(|node| self.mode(node, &place.key("mode")));
        let Some(source) = mapping.get("source") else {
            self.error(
                Diagnostic::error("compose.reference", format!("{place}: `source` is missing"))
                    .at(node.span)
                    .help("add the key of the config or secret"),
            );
            return None;
        };
        let source = self.filled_text(source, &place.key("source"))?;
        let target = target.map_or_else(|| below(base, &source.value), |target| below(base, &target.value));
        Some(FileReference { source, target, uid, gid, mode, span: node.span })
    }

    fn id(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<String>> {
        self.text(node, place)
    }
}

fn below(base: &str, target: &str) -> String {
    if target.starts_with('/') { clean(target) } else { clean(&format!("{base}/{target}")) }
}
