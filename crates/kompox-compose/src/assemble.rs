//! Several files and documents become one tree: interpolated, with `extends` and `include` followed and everything
//! merged (Compose Specification, "Merge", "Include", "Extends"). Reads files through the caller's [`ProjectFiles`].

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use kompox_yaml::{Diagnostic, Diagnostics, Limits, Located, Node, Sources, Span, Value};

use crate::ProjectFiles;
use crate::budget::Budget;
use crate::place::Place;

mod extends;
pub(crate) mod identity;
mod include;
mod merge;
mod rebase;
mod rule;

use merge::Merge;
pub(crate) use merge::takes_away;

/// A file that was parsed.
#[derive(Clone)]
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
    budget: Budget,
    /// Files that were read, by path; nothing where that failed.
    parsed: HashMap<String, Option<Rc<Parsed>>>,
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
    /// What is left for everything that comes after.
    pub(crate) budget: Budget,
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
            budget: Budget::default(),
            parsed: HashMap::new(),
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
            budget: self.budget,
        }
    }

    /// Merges files in order. None if there is nothing in them, or nothing that can be read.
    pub(crate) fn model(&mut self, files: Vec<Rc<Parsed>>, scope: &Scope<'_>) -> Option<Node> {
        let mut model = None;
        for file in files {
            if self.budget.is_over() {
                return None;
            }
            let file = Rc::unwrap_or_clone(file);
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
        model.filter(|_| !self.budget.is_over())
    }

    fn document(
        &mut self,
        model: Option<Node>,
        mut document: Node,
        path: &str,
        scope: &Scope<'_>,
    ) -> Option<Node> {
        if !self.prepare(&mut document, scope.environment) {
            return model;
        }
        let folder = scope.folder;
        self.extend_services(&mut document, path, folder, scope.environment);
        document = self.include(document, path, scope);
        let mut merge = self.merge(false);
        match model {
            Some(model) => Some(merge.node(model, document, rule::FILE, &Place::Root)),
            None => merge.alone(document),
        }
    }

    /// Makes a document as it was parsed ready to be merged; false if it is too much.
    fn prepare(&mut self, document: &mut Node, environment: &BTreeMap<String, String>) -> bool {
        if !self.budget.tree(document, 1, &mut self.diagnostics) {
            return false;
        }
        self.refuse_tags(document);
        merge::drop_idle_tags(document);
        let (budget, diagnostics) = (&mut self.budget, &mut self.diagnostics);
        crate::substitute::substitute(document, environment, self.sources, budget, diagnostics);
        true
    }

    fn merge(&mut self, keep_tags: bool) -> Merge<'_> {
        Merge { diagnostics: &mut self.diagnostics, budget: &mut self.budget, keep_tags }
    }

    /// Parses a file that another one names, once.
    fn parse(&mut self, path: &str, named: Span, what: &str) -> Option<Rc<Parsed>> {
        if let Some(parsed) = self.parsed.get(path) {
            return parsed.clone();
        }
        let parsed = self.parse_new(path, named, what).map(Rc::new);
        self.parsed.insert(path.to_owned(), parsed.clone());
        parsed
    }

    fn parse_new(&mut self, path: &str, named: Span, what: &str) -> Option<Parsed> {
        if !self.budget.file(named, &mut self.diagnostics) {
            return None;
        }
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
        let id = self.sources.add(self.files.shown(path), text);
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
}
