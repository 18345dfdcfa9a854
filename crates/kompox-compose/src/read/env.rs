//! `environment` and `env_file` of a service.
//!
//! The files themselves are read later, and only for services that are switched on.

use kompox_yaml::{Diagnostic, Located, Node, Value};

use super::Reader;
use super::list::{Pair, last_of_each};
use crate::place::Place;
use crate::{EnvFile, EnvFormat, EnvOrigin, EnvValue, Service};

impl Reader<'_> {
    /// Reads `environment`: a name without a value takes the project environment's, or is unset.
    pub(super) fn service_environment(&mut self, node: &Node, place: &Place<'_>, service: &mut Service) {
        for Pair { name, value } in self.pairs(node, place) {
            if name.value.is_empty() || name.value.ends_with(char::is_whitespace) {
                let what = if name.value.is_empty() { "has no name" } else { "has a blank behind its name" };
                self.error(
                    Diagnostic::error("compose.environment.name", format!("{place}: this variable {what}"))
                        .at(name.span)
                        .help("write NAME=value without blanks around `=`"),
                );
                continue;
            }
            let entry = match value {
                Some(Located { value, span }) => EnvValue { value, span, origin: EnvOrigin::Written },
                None => match self.environment.get(&name.value) {
                    Some(value) => {
                        EnvValue { value: value.clone(), span: name.span, origin: EnvOrigin::Inherited }
                    }
                    None => {
                        service.unset.push(name);
                        continue;
                    }
                },
            };
            service.environment.insert(name.value, entry);
        }
    }

    pub(super) fn env_files(&mut self, node: &Node, place: &Place<'_>) -> Vec<EnvFile> {
        let files = match &node.value {
            Value::Sequence(items) => items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| self.env_file(item, &place.item(index)))
                .collect(),
            _ => self.env_file(node, place).into_iter().collect(),
        };
        last_of_each(files, |file| file.path.value.clone())
    }

    fn env_file(&mut self, node: &Node, place: &Place<'_>) -> Option<EnvFile> {
        let Value::Mapping(_) = node.value else {
            let path = self.filled_text(node, place)?;
            return Some(EnvFile { path, required: true, format: EnvFormat::Compose });
        };
        let mapping = self.mapping(node, place, &["format", "path", "required"])?;
        let required = mapping.get("required").and_then(|node| self.boolean(node, &place.key("required")));
        let format = mapping.get("format").and_then(|node| self.text(node, &place.key("format")));
        let format = match format.as_ref().map(|format| format.value.as_str()) {
            None | Some("") => EnvFormat::Compose,
            Some("raw") => EnvFormat::Raw,
            Some(other) => {
                let message = format!("{place}: `{other}` is no format of env files");
                let span = format.map_or(node.span, |format| format.span);
                self.error(
                    Diagnostic::error("compose.env-file", message).at(span).help("remove it, or write `raw`"),
                );
                EnvFormat::Compose
            }
        };
        let Some(path) = mapping.get("path") else {
            self.error(
                Diagnostic::error("compose.env-file", format!("{place}: `path` is missing"))
                    .at(node.span)
                    .help("add the path of the file"),
            );
            return None;
        };
        let path = self.filled_text(path, &place.key("path"))?;
        Some(EnvFile { path, required: required.is_none_or(|flag| flag.value), format })
    }
}
