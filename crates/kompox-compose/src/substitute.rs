//! Interpolation of a located tree: every value, never a key.

use std::collections::BTreeMap;

use kompox_yaml::{Diagnostic, Diagnostics, Node, Sources, Value};

use crate::budget::Budget;
use crate::environment::{DOLLAR, explain, unset, unset_help};
use crate::interpolation::{InterpolationErrorKind, interpolate};
use crate::place::Place;

/// Replaces the variables in all text of the tree; what is wrong or unset is reported at its place.
pub(crate) fn substitute(
    root: &mut Node,
    environment: &BTreeMap<String, String>,
    sources: &Sources,
    budget: &mut Budget,
    diagnostics: &mut Diagnostics,
) {
    Substitution { environment, sources, budget, diagnostics }.node(root, &Place::Root);
}

struct Substitution<'a> {
    environment: &'a BTreeMap<String, String>,
    sources: &'a Sources,
    budget: &'a mut Budget,
    diagnostics: &'a mut Diagnostics,
}

impl Substitution<'_> {
    fn node(&mut self, node: &mut Node, place: &Place<'_>) {
        if crate::assemble::takes_away(node) {
            return;
        }
        match &mut node.value {
            Value::Sequence(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.node(item, &place.item(index));
                }
            }
            Value::Mapping(mapping) => {
                for entry in &mut mapping.entries {
                    self.node(&mut entry.value, &place.key(&entry.key));
                }
            }
            Value::String(text) if text.contains('$') => {
                if let Some(done) = self.text(text, node.span, place) {
                    node.value = Value::String(done);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, span: kompox_yaml::Span, place: &Place<'_>) -> Option<String> {
        match interpolate(text, &|name| self.environment.get(name).cloned()) {
            Ok(done) => {
                for (name, range) in done.unset {
                    let span = self.sources.within(span, text, range);
                    let diagnostic = Diagnostic::warning("compose.variable.unset", unset(&name)).at(span);
                    self.diagnostics.push(diagnostic.help(unset_help(&name)));
                }
                let grown = done.text.len().saturating_sub(text.len());
                if self.budget.take(0, grown, span, self.diagnostics) {
                    return Some(done.text);
                }
            }
            Err(error) => {
                let message = format!("{place}: {}", explain(&error.kind));
                let diagnostic = match &error.kind {
                    InterpolationErrorKind::Required { name, .. } => {
                        Diagnostic::error("compose.variable.required", message)
                            .help(format!("set {name} in the environment or in .env"))
                    }
                    InterpolationErrorKind::TooLarge => {
                        Diagnostic::error("compose.variable.too-large", message)
                            .help("use fewer or shorter variables")
                    }
                    _ => Diagnostic::error("compose.variable.syntax", message).help(DOLLAR),
                };
                self.diagnostics.push(diagnostic.at(self.sources.within(span, text, error.range)));
            }
        }
        None
    }
}
