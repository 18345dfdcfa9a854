//! Several files and documents become one tree: interpolated, with `extends` and `include` followed and everything
//! merged (Compose Specification, "Merge", "Include", "Extends"). Reads files through the caller's [`ProjectFiles`].

use std::collections::BTreeMap;

use kompox_yaml::{Diagnostic, Diagnostics, Limits, Located, Node, Sources, Span, Value};

use crate::ProjectFiles;
use crate::place::Place;

mod extends;
mod identity;
mod include;
mod merge;
mod rebase;
mod rule;

pub(crate) use merge::takes_away;

/// Files that one load may read, the same one counted as often as it is read.
const FILES: usize = 500;
/// Values that extending services may make.
const VALUES: usize = 1_000_000;

/// A file that was parsed.
pub(crate) struct Parsed {
    /// Its path for [`ProjectFiles`].
    pub(crate) path: String,
    /// What it holds.
    pub(crate) documents: Vec<Node>,
    /// Where its text is, for what is missing in it.
    pub(crate) span: Span,
}

/// What is the same for all files of one project or of one include.
#[derive(Clone)]
pub(crate) struct Scope<'s> {
    /// What variables mean.
    pub(crate) environment: &'s BTreeMap<String, String>,
    /// The folder that relative paths start from, seen from the project directory; empty for itself.
    pub(crate) folder: &'s str,
    /// The files that are being loaded, from the outermost to this one.
    pub(crate) open: Vec<String>,
}

/// Puts files together.
pub(crate) struct Assembler<'a> {
    pub(crate) sources: &'a mut Sources,
    pub(crate) files: &'a dyn ProjectFiles,
    pub(crate) diagnostics: Diagnostics,
    variables: BTreeMap<Span, String>,
    followed: Vec<Located<String>>,
    incomplete: bool,
    files_left: usize,
    values_left: usize,
}

/// What an assembler found besides the tree.
pub(crate) struct Assembled {
    pub(crate) diagnostics: Diagnostics,
    /// Values of variables that configs and secrets of included files name, by the place of the name.
    pub(crate) variables: BTreeMap<Span, String>,
    /// Keys that were followed and are not in the tree, with their places.
    pub(crate) followed: Vec<Located<String>>,
    /// Whether an included project is missing in the tree, which was reported.
    pub(crate) incomplete: bool,
}

impl<'a> Assembler<'a> {
    pub(crate) fn new(sources: &'a mut Sources, files: &'a dyn ProjectFiles) -> Self {
        Self {
            sources,
            files,
            diagnostics: Diagnostics::new(),
            variables: BTreeMap::new(),
            followed: Vec::new(),
            incomplete: false,
            files_left: FILES,
            values_left: VALUES,
        }
    }

    /// What is left when everything is merged.
    pub(crate) fn finish(mut self) -> Assembled {
        self.followed.sort_by_key(|key| key.span);
        self.followed.dedup();
        Assembled {
            diagnostics: self.diagnostics,
            variables: self.variables,
            followed: self.followed,
            incomplete: self.incomplete,
        }
    }

    /// Merges files in order. None if there is nothing in them, or nothing that can be read.
    pub(crate) fn model(&mut self, files: Vec<Parsed>, scope: &Scope<'_>) -> Option<Node> {
        let mut model = None;
        for file in files {
            for document in file.documents {
                if document.is_null() {
                    continue;
                }
                if document.as_mapping().is_none() {
                    self.diagnostics.push(
                        Diagnostic::error(
                            "compose.type",
                            format!("a compose file is a mapping, found {}", document.kind().phrase()),
                        )
                        .at(document.span)
                        .help("start it with `services:`"),
                    );
                    continue;
                }
                model = self.document(model, document, &file.path, scope);
            }
        }
        model
    }

    fn document(
        &mut self,
        model: Option<Node>,
        mut document: Node,
        path: &str,
        scope: &Scope<'_>,
    ) -> Option<Node> {
        self.refuse_tags(&document);
        merge::drop_idle_tags(&mut document);
        crate::substitute::substitute(&mut document, scope.environment, self.sources, &mut self.diagnostics);
        let folder = scope.folder;
        self.extend_services(&mut document, path, folder, scope.environment);
        document = self.include(document, path, scope);
        let mut merge = merge::Merge { diagnostics: &mut self.diagnostics, keep_tags: false };
        match model {
            Some(model) => Some(merge.node(model, document, rule::FILE, &Place::Root)),
            None => merge.alone(document),
        }
    }

    /// Parses a file that another one names.
    fn parse(&mut self, path: &str, named: Span, what: &str) -> Option<Parsed> {
        let Some(left) = self.files_left.checked_sub(1) else {
            self.diagnostics.push(
                Diagnostic::error("compose.too-many-files", format!("more than {FILES} files")).at(named),
            );
            return None;
        };
        self.files_left = left;
        let text = match self.files.read(path) {
            Ok(file) => String::from_utf8(file.bytes)
                .map_err(|_| ("it is not UTF-8 text".to_owned(), "save it as UTF-8")),
            Err(error) => Err((error.to_string(), error.kind.way_out())),
        };
        let text = match text {
            Ok(text) => text,
            Err((why, help)) => {
                let message = format!("{what} {path}: {why}");
                self.diagnostics.push(Diagnostic::error("compose.file", message).at(named).help(help));
                return None;
            }
        };
        let id = self.sources.add(path, text);
        let (documents, found) = kompox_yaml::parse(self.sources, id, Limits::default());
        let broken = found.has_errors();
        self.diagnostics.extend(found);
        let span = self.sources.span(id, 0..0);
        (!broken).then(|| Parsed { path: path.to_owned(), documents, span })
    }

    /// A tag that is none of Compose's own.
    fn refuse_tags(&mut self, node: &Node) {
        if let Some(tag) = node.tag.as_deref().filter(|tag| !merge::is_known(tag)) {
            let known = kompox_yaml::nearest(tag, ["!reset", "!override"]);
            let help = known.map_or("remove the tag".to_owned(), |near| format!("did you mean `{near}`?"));
            let message = format!("the tag `{tag}` means nothing to Compose");
            self.diagnostics.push(Diagnostic::error("compose.tag", message).at(node.span).help(help));
        }
        match &node.value {
            Value::Sequence(items) => items.iter().for_each(|item| self.refuse_tags(item)),
            Value::Mapping(mapping) => mapping.iter().for_each(|entry| self.refuse_tags(&entry.value)),
            _ => {}
        }
    }

    /// Counts the values of a tree that is going to be copied; false if it is too much altogether.
    fn spend(&mut self, node: &Node) -> bool {
        fn count(node: &Node) -> usize {
            1 + match &node.value {
                Value::Sequence(items) => items.iter().map(count).sum(),
                Value::Mapping(mapping) => mapping.iter().map(|entry| count(&entry.value)).sum(),
                _ => 0,
            }
        }
        let left = self.values_left.checked_sub(count(node));
        if left.is_none() {
            self.diagnostics.push(
                Diagnostic::error("compose.extends.too-large", "extending services makes too many values")
                    .at(node.span),
            );
        }
        self.values_left = left.unwrap_or(0);
        left.is_some()
    }
}
