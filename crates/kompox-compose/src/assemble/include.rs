//! `include`: the services, volumes, networks, configs, secrets and models of another project (Compose Specification,
//! "Include").

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use kompox_yaml::{Diagnostic, Entry, Located, Mapping, Node, Span, Value};

use super::{Assembler, Parsed, Scope, rebase};
use crate::budget::{INHERITED, VARIABLE};
use crate::path;
use crate::{FileErrorKind, environment};

/// What is taken from an included project.
const KINDS: [&str; 6] = ["services", "volumes", "networks", "secrets", "configs", "models"];
/// Files within files.
const DEPTH: usize = 50;

/// One entry of `include`.
struct Wanted {
    paths: Vec<Located<String>>,
    project_directory: Option<Located<String>>,
    env_files: Vec<Located<String>>,
}

impl Assembler<'_> {
    /// Takes in what `include` names; the key is gone then.
    pub(super) fn include(&mut self, mut document: Node, path: &str, scope: &Scope<'_>) -> Node {
        let Some(include) = document.as_mapping_mut().and_then(|top| top.remove("include")) else {
            return document;
        };
        self.followed.push(Located::new("include".to_owned(), include.key_span));
        let Some(value) = self.merge(false).alone(include.value) else { return document };
        let entries = match &value.value {
            Value::Sequence(entries) => entries.as_slice(),
            Value::Null => &[],
            _ => {
                self.diagnostics.push(
                    wrong(format!("`include` must be a list, found {}", value.kind().phrase()))
                        .at(value.span),
                );
                self.incomplete = true;
                &[]
            }
        };
        for entry in entries {
            let model = self.wanted(entry).and_then(|wanted| self.included(&wanted, path, scope));
            match model {
                Some(model) => self.import(&mut document, model, entry.span),
                None => self.incomplete = true,
            }
        }
        document
    }

    /// The model of one entry, with its paths as they are from `scope`.
    fn included(&mut self, wanted: &Wanted, path: &str, scope: &Scope<'_>) -> Option<Node> {
        let mut open = scope.open.clone();
        open.push(path.to_owned());
        let main = wanted.paths.first()?;
        let first = path::join(scope.folder, &main.value);
        if open.contains(&first) || open.len() > DEPTH {
            let circle = [&open[..], &[first]].concat().join(" includes ");
            self.diagnostics.push(
                Diagnostic::error("compose.include.cycle", format!("a file includes itself: {circle}"))
                    .at(main.span)
                    .help("remove one `include` of the circle"),
            );
            return None;
        }
        let folder = match &wanted.project_directory {
            Some(folder) => {
                let path = path::join(scope.folder, &folder.value);
                match self.files.read(&path) {
                    // A file stands for its folder.
                    Ok(_) => path::parent(&path).to_owned(),
                    Err(error) if error.kind == FileErrorKind::NotFound => {
                        let message = format!("the project directory {path} is not there");
                        let diagnostic = Diagnostic::error("compose.file", message).at(folder.span);
                        let help = "create it; it is relative to the folder of the file that includes";
                        self.diagnostics.push(diagnostic.help(help));
                        return None;
                    }
                    Err(error) if error.kind == FileErrorKind::Outside => {
                        let message = format!("the project directory {path}: {error}");
                        let diagnostic = Diagnostic::error("compose.file", message).at(folder.span);
                        self.diagnostics.push(diagnostic.help(error.kind.way_out()));
                        return None;
                    }
                    // A folder, or one that cannot be looked at: what is needed of it is reported when it is read.
                    Err(_) => path,
                }
            }
            None => path::parent(&first).to_owned(),
        };
        let mut files = Vec::new();
        for written in &wanted.paths {
            let path = path::join(scope.folder, &written.value);
            files.push(self.parse(&path, written.span, "the included file")?);
        }
        let environment = self.environment(wanted, &folder, scope)?;
        let inner = Scope { environment: &environment, folder: &folder, open };
        let mut model = self.model_of(files, &inner, main)?;
        if !self.budget.tree(&model, 1, &mut self.diagnostics) {
            return None;
        }
        self.resolve(&mut model, &environment, scope.environment);
        rebase::model(&mut model, &path::relative(scope.folder, &folder));
        Some(model)
    }

    fn model_of(
        &mut self,
        files: Vec<Rc<Parsed>>,
        scope: &Scope<'_>,
        main: &Located<String>,
    ) -> Option<Node> {
        let model = self.model(files, scope);
        if model.is_none() && !self.budget.is_over() {
            let message = format!("the included file {} is empty", main.value);
            self.diagnostics
                .push(Diagnostic::error("compose.empty", message).at(main.span).help("remove the entry"));
        }
        model
    }

    /// The variables of an included project: those of the including one win over its own files.
    fn environment(
        &mut self,
        wanted: &Wanted,
        folder: &str,
        scope: &Scope<'_>,
    ) -> Option<BTreeMap<String, String>> {
        let nothing = BTreeMap::new();
        if !self.afford(scope.environment, &nothing, INHERITED, wanted) {
            return None;
        }
        let mut environment = scope.environment.clone();
        if wanted.env_files.is_empty() {
            let path = path::join(folder, ".env");
            let found = environment::read(&path, self.files, &mut self.diagnostics);
            if let Some(text) = found {
                self.add_variables(&mut environment, &path, text);
            }
            return self.afford(&environment, scope.environment, VARIABLE, wanted).then_some(environment);
        }
        let mut whole = true;
        // What a later file says counts.
        for file in wanted.env_files.iter().rev() {
            let path = path::join(scope.folder, &file.value);
            match self.files.read(&path) {
                Ok(text) => {
                    let text = String::from_utf8_lossy(&text.bytes).into_owned();
                    self.add_variables(&mut environment, &path, text);
                }
                Err(error) => {
                    whole = false;
                    let help = if error.kind == FileErrorKind::NotFound {
                        "create it, or remove it here"
                    } else {
                        "name a readable file of the project"
                    };
                    let message = format!("the env file {path}: {error}");
                    self.diagnostics
                        .push(Diagnostic::error("compose.file", message).at(file.span).help(help));
                }
            }
        }
        (whole && self.afford(&environment, scope.environment, VARIABLE, wanted)).then_some(environment)
    }

    /// Adds what the env file at `path` says and nobody said before.
    fn add_variables(&mut self, environment: &mut BTreeMap<String, String>, path: &str, text: String) {
        environment::add(environment, self.files.shown(path), text, self.sources, &mut self.diagnostics);
    }

    /// Counts the variables that an environment has more than another one, each for so many values; false if it is too much.
    fn afford(
        &mut self,
        environment: &BTreeMap<String, String>,
        known: &BTreeMap<String, String>,
        weight: usize,
        wanted: &Wanted,
    ) -> bool {
        let text = |all: &BTreeMap<String, String>| -> usize {
            all.iter().map(|(name, value)| name.len() + value.len()).sum()
        };
        if self.budget.is_over() {
            return false;
        }
        let Some(at) = wanted.paths.first().map(|path| path.span) else { return true };
        let values = weight * environment.len().saturating_sub(known.len());
        let text = text(environment).saturating_sub(text(known));
        self.budget.take(values, text, at, &mut self.diagnostics)
    }

    /// Gives names without a value the values of the included project's environment, which is not known outside.
    fn resolve(
        &mut self,
        model: &mut Node,
        own: &BTreeMap<String, String>,
        outer: &BTreeMap<String, String>,
    ) {
        let only_here = |name: &str| own.get(name).filter(|_| !outer.contains_key(name));
        for service in entries(model.get_mut("services")) {
            match service.value.get_mut("environment").map(|node| &mut node.value) {
                Some(Value::Mapping(all)) => {
                    // As in Docker Compose only what was in a list: such a name and its value have one place.
                    let listed = |variable: &Entry| variable.key_span == variable.value.span;
                    for variable in all.entries.iter_mut().filter(|variable| listed(variable)) {
                        if !variable.value.is_null() {
                            continue;
                        }
                        if let Some(value) = only_here(&variable.key) {
                            variable.value.value = Value::String(value.clone());
                        }
                    }
                }
                Some(Value::Sequence(items)) => {
                    for item in items {
                        if let Value::String(text) = &mut item.value
                            && let Some(value) = only_here(text)
                        {
                            *text = format!("{text}={value}");
                        }
                    }
                }
                _ => {}
            }
        }
        for kind in ["configs", "secrets"] {
            for entry in entries(model.get_mut(kind)) {
                let named = entry.value.get("environment").filter(|node| node.as_str().is_some());
                if let Some((value, span)) =
                    named.and_then(|node| Some((only_here(node.as_str()?)?, node.span)))
                {
                    self.variables.insert(span, value.clone());
                }
            }
        }
    }

    /// Adds what is new; the same name with other content is refused.
    fn import(&mut self, document: &mut Node, model: Node, named: Span) {
        let Value::Mapping(model) = model.value else { return };
        let Some(top) = document.as_mapping_mut() else { return };
        for Entry { key: kind, key_span, value } in model.entries {
            if !KINDS.contains(&kind.as_str()) {
                continue;
            }
            let found = match value.value {
                Value::Mapping(found) => found,
                Value::Null => continue,
                _ => {
                    let message = format!("{kind} must be a mapping, found {}", value.kind().phrase());
                    let diagnostic = Diagnostic::error("compose.type", message).at(value.span);
                    self.diagnostics.push(diagnostic.label(named, "included here"));
                    continue;
                }
            };
            if top.get(&kind).is_none_or(Node::is_null) {
                top.remove(&kind);
                let value = Node::new(Value::Mapping(Mapping::default()), value.span);
                top.entries.push(Entry { key: kind.clone(), key_span, value });
            }
            let Some(known) = top.entries.iter_mut().find(|entry| entry.key == kind) else { continue };
            let Some(known) = known.value.as_mapping_mut() else { continue };
            // A few are looked for faster than all that is there is put into an index.
            let few = found.entries.len() <= 8;
            let cost = if few { found.entries.len() * known.len() / 32 } else { known.len() };
            if !self.budget.take(cost, 0, named, &mut self.diagnostics) {
                return;
            }
            let indexed = known.iter().map(|entry| entry.key.clone()).zip(0..).filter(|_| !few);
            let places: HashMap<String, usize> = indexed.collect();
            for entry in found.entries {
                let place = match few {
                    true => known.iter().position(|own| own.key == entry.key),
                    false => places.get(&entry.key).copied(),
                };
                match place.map(|at| &known.entries[at]) {
                    Some(own) if own.value.same(&entry.value) => {}
                    Some(own) => self.diagnostics.push(
                        Diagnostic::error(
                            "compose.include.conflict",
                            format!("{kind}.{} is there already, with other content", entry.key),
                        )
                        .at(own.key_span)
                        .label(entry.key_span, "the included one")
                        .label(named, "included here")
                        .help("rename one of them, or put your changes into an override file: list both files below `path` of the include"),
                    ),
                    None => known.entries.push(entry),
                }
            }
        }
    }

    fn wanted(&mut self, entry: &Node) -> Option<Wanted> {
        if let Some(path) = entry.as_str() {
            let paths = vec![Located::new(path.to_owned(), entry.span)];
            return Some(Wanted { paths, project_directory: None, env_files: Vec::new() });
        }
        let Some(mapping) = entry.as_mapping() else {
            let found = entry.kind().phrase();
            self.diagnostics.push(
                wrong(format!("an entry of `include` must be text or a mapping, found {found}"))
                    .at(entry.span),
            );
            return None;
        };
        for entry in mapping {
            if !matches!(entry.key.as_str(), "path" | "project_directory" | "env_file") {
                let diagnostic = wrong(format!("unknown key `{}` in an entry of `include`", entry.key));
                self.diagnostics.push(diagnostic.at(entry.key_span));
            }
        }
        let paths = self.texts(mapping.get("path"), "path")?;
        if paths.is_empty() {
            self.diagnostics.push(wrong("this entry of `include` has no `path`".to_owned()).at(entry.span));
            return None;
        }
        let project_directory =
            self.texts(mapping.get("project_directory"), "project_directory")?.into_iter().next();
        let env_files = self.texts(mapping.get("env_file"), "env_file")?;
        Some(Wanted { paths, project_directory, env_files })
    }

    /// One text or several; nothing if one of them is something else.
    fn texts(&mut self, node: Option<&Node>, key: &str) -> Option<Vec<Located<String>>> {
        let Some(node) = node else { return Some(Vec::new()) };
        let items = match &node.value {
            Value::Sequence(items) if key != "project_directory" => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            let Some(text) = item.as_str().filter(|text| !text.is_empty()) else {
                self.diagnostics
                    .push(wrong(format!("`{key}` of an include must be the path of a file")).at(item.span));
                return None;
            };
            texts.push(Located::new(text.to_owned(), item.span));
        }
        Some(texts)
    }
}

fn entries(node: Option<&mut Node>) -> impl Iterator<Item = &mut Entry> {
    node.and_then(Node::as_mapping_mut).into_iter().flat_map(|all| all.entries.iter_mut())
}

fn wrong(message: String) -> Diagnostic {
    Diagnostic::error("compose.include", message)
        .help("write `include:` with a list of files, or of mappings with `path`, `project_directory` and `env_file`")
}
