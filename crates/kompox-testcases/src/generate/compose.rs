//! Whole projects. Pure.

use super::{Schema, dotenv, schema, template};
use crate::tree::{at_mut, entry, flag, list, mapping, null, places, set, text};
use crate::{Project, Random, write};
use kompox_yaml::{Node, Value};

/// Services of the main file.
const SERVICES: [&str; 3] = ["web", "worker", "db"];
/// Keys by which services refer to the first one.
const TO_DB: [&str; 5] = ["volumes_from", "links", "network_mode", "ipc", "pid"];
/// Keys of which a variable is another kind than the schema allows.
const NO_VARIABLE: [&str; 5] = ["include", "extends", "name", "context_size", "use_api_socket"];
/// What services may use, by the definition in the schema.
const RESOURCES: [(&str, &str, &[&str]); 5] = [
    ("volumes", "volume", &["data", "cache"]),
    ("networks", "network", &["back", "front"]),
    ("configs", "config", &["site", "conf"]),
    ("secrets", "secret", &["token", "other"]),
    ("models", "model", &["llm"]),
];

/// A random project, mostly one that loaders accept.
#[must_use]
pub fn project(schema: &Schema, random: &mut Random) -> Project {
    let mut maker = Maker { schema, random, project: Project::default(), variables: String::new() };
    maker.whole();
    maker.project
}

struct Maker<'a> {
    schema: &'a Schema,
    random: &'a mut Random,
    project: Project,
    /// Lines of `.env` that values were taken out into.
    variables: String,
}

impl Maker<'_> {
    fn whole(&mut self) {
        for name in ["a.env", "b.env", "sub/c.env", "common/a.env", "common/b.env", "common/sub/c.env"] {
            if !self.random.one_in(40) {
                let text = dotenv(self.random);
                self.file(name, &text);
            }
        }
        for name in ["l.labels", "common/l.labels", "inc/l.labels"] {
            self.file(name, "from=file\ncom.x=2\n");
        }
        let mut main = self.main();
        if self.random.one_in(3) {
            self.include(&mut main);
        }
        self.document("compose.yaml", main);
        match self.random.below(4) {
            0 => {
                let over = self.over();
                self.document("compose.override.yaml", over);
            }
            1 => {
                let over = self.over();
                self.document("over.yaml", over);
                self.option("file", "compose.yaml");
                self.option("file", "over.yaml");
            }
            _ => {}
        }
        if self.random.one_in(4) {
            let profile = self.random.pick(&["p", "q", "*"]);
            self.option("profile", profile);
        }
        for line in ["A=from process", "B=", "COMPOSE_PROFILES=q,p", "N1=12"] {
            if self.random.one_in(5) {
                self.option("env", line);
            }
        }
        let lines = if self.random.one_in(3) { dotenv(self.random) } else { "A=a\nEMPTY=\n".to_owned() };
        let text = format!("{}{lines}", self.variables);
        self.file(".env", &text);
    }

    fn main(&mut self) -> Node {
        let mut services = Vec::new();
        let count = self.random.between(1, 3);
        for name in SERVICES.iter().rev().take(count) {
            let mut service = self.service(true);
            if *name == "db" {
                // It would wait for itself.
                let known = service.as_mapping_mut();
                known
                    .into_iter()
                    .for_each(|known| known.entries.retain(|entry| !TO_DB.contains(&&*entry.key)));
            }
            self.relations(&mut service, name, count);
            services.push(entry(*name, service));
        }
        let mut main = mapping(vec![entry("services", mapping(services))]);
        if self.random.one_in(6) {
            set(&mut main, "name", text("named"));
        }
        if self.random.one_in(6) {
            let extension = schema::extension(self.random);
            set(&mut main, &extension.key, extension.value);
        }
        self.resources(&mut main);
        main
    }

    /// A service that may stand alone, or one that is merged into another.
    fn service(&mut self, alone: bool) -> Node {
        let count = self.random.between(1, 5);
        let mut service = mapping(self.schema.keys("service", "service", count, self.random));
        if alone && service.get("build").is_none() {
            set(&mut service, "image", text("x"));
        }
        if self.random.one_in(12) {
            let extension = schema::extension(self.random);
            set(&mut service, &extension.key, extension.value);
        }
        service
    }

    /// What binds a service to others.
    fn relations(&mut self, service: &mut Node, name: &str, count: usize) {
        let earlier: Vec<_> =
            SERVICES.iter().rev().take(count).take_while(|other| **other != name).copied().collect();
        if let Some(other) = self.random.item(&earlier).copied() {
            match self.random.below(8) {
                0 => set(service, "depends_on", list(vec![text(other)])),
                1 => {
                    let mut how = mapping(vec![entry("condition", text("service_healthy"))]);
                    if self.random.one_in(2) {
                        set(&mut how, "required", flag(false));
                    }
                    set(service, "depends_on", mapping(vec![entry(other, how)]));
                }
                2 => set(service, "extends", text(other)),
                3 => set(service, "extends", mapping(vec![entry("service", text(other))])),
                _ => {}
            }
        } else if self.random.one_in(4) {
            let mut base = self.service(false);
            if self.random.one_in(3) {
                set(&mut base, "profiles", list(vec![text("p")]));
            }
            let services = mapping(vec![entry("base", base)]);
            self.document("common/base.yaml", mapping(vec![entry("services", services)]));
            let from = [entry("file", text("common/base.yaml")), entry("service", text("base"))];
            set(service, "extends", mapping(from.into()));
        }
        if self.random.one_in(8) {
            set(service, "profiles", list(vec![text(self.random.pick(&["p", "q"]))]));
        }
    }

    /// Everything that services may use is there.
    fn resources(&mut self, main: &mut Node) {
        for (kind, definition, names) in RESOURCES {
            let mut all = Vec::new();
            for name in names {
                let count = self.random.below(3);
                let mut resource = mapping(self.schema.keys(definition, definition, count, self.random));
                match kind {
                    "models" => set(&mut resource, "model", text("ai/m")),
                    _ if resource.get("external").is_some() && !self.random.one_in(40) => {
                        resource = mapping(vec![entry("external", flag(true))]);
                    }
                    "configs" | "secrets" => self.source(kind, &mut resource),
                    _ if resource.as_mapping().is_some_and(|all| all.is_empty()) && self.random.one_in(2) => {
                        resource = null();
                    }
                    _ => {}
                }
                all.push(entry(*name, resource));
            }
            set(main, kind, mapping(all));
        }
    }

    /// Leaves one source of a config or secret.
    fn source(&mut self, kind: &str, resource: &mut Node) {
        if self.random.one_in(60) {
            return;
        }
        let sources = ["content", "environment", "external", "file"];
        let known = resource.as_mapping_mut();
        known.into_iter().for_each(|known| known.entries.retain(|entry| !sources.contains(&&*entry.key)));
        let source = match self.random.below(4) {
            0 => ("environment", "A".to_owned()),
            1 if kind == "configs" => ("content", template(self.random)),
            _ => ("file", "./f".to_owned()),
        };
        set(resource, source.0, text(source.1));
    }

    /// A file that is merged into the main one.
    fn over(&mut self) -> Node {
        let mut services = Vec::new();
        for (at, name) in SERVICES.iter().rev().take(self.random.between(1, 2)).enumerate() {
            // The first one is in the main file for sure.
            let alone = at > 0 || self.random.one_in(3);
            let mut service = self.service(alone);
            self.tags(&mut service);
            services.push(entry(*name, service));
        }
        let mut over = mapping(vec![entry("services", mapping(services))]);
        if self.random.one_in(8) {
            self.resources(&mut over);
        }
        over
    }

    fn tags(&mut self, service: &mut Node) {
        if !self.random.one_in(4) {
            return;
        }
        let all = places(service);
        let Some((steps, keys)) = self.random.item(&all).cloned() else { return };
        if keys.is_empty() {
            return;
        }
        if let Some(node) = at_mut(service, &steps) {
            let tag = self.random.pick(&["!reset", "!override"]);
            node.tag = Some(tag.to_owned());
            if tag == "!reset" && self.random.one_in(2) {
                node.value = Value::Null;
                node.raw = None;
            }
        }
    }

    fn include(&mut self, main: &mut Node) {
        let mut service = self.service(true);
        if self.random.one_in(3) {
            set(&mut service, "extends", text("inc2"));
        }
        let second = self.service(true);
        let services = mapping(vec![entry("inc1", service), entry("inc2", second)]);
        let mut file = mapping(vec![entry("services", services)]);
        if self.random.one_in(8) {
            for (kind, _, names) in RESOURCES.iter().take(2) {
                set(&mut file, kind, mapping(names.iter().map(|name| entry(*name, null())).collect()));
            }
        }
        let before = std::mem::take(&mut self.variables);
        self.document("inc/compose.yaml", file);
        let lines = format!("{}{}", self.variables, dotenv(self.random));
        self.variables = before;
        self.file("inc/.env", &lines);
        let path = text("inc/compose.yaml");
        let item = match self.random.below(3) {
            0 => path,
            1 => mapping(vec![entry("path", path)]),
            _ => mapping(vec![entry("path", list(vec![path])), entry("project_directory", text("."))]),
        };
        set(main, "include", list(vec![item]));
    }

    /// Writes a document after some of its values were taken out into variables.
    fn document(&mut self, name: &str, mut document: Node) {
        for (steps, keys) in places(&document) {
            let Some(node) = at_mut(&mut document, &steps) else { continue };
            // What refers to something is found before variables are known, or is no place for one.
            if keys.iter().any(|key| NO_VARIABLE.contains(&key.as_str())) {
                continue;
            }
            let Some(value) = node.text().map(str::to_owned) else { continue };
            let simple = |c: char| c.is_ascii_alphanumeric() || "/:.-_=,".contains(c);
            if node.is_null() || value.is_empty() || !value.chars().all(simple) || !self.random.one_in(12) {
                continue;
            }
            let variable = format!("V{}", self.random.below(1000));
            let written = match self.random.below(5) {
                0 => format!("${{UNSET:-{value}}}"),
                1 => format!("${{EMPTY:-{value}}}"),
                2 => format!("${{A:+{value}}}"),
                3 if !self.variables.contains(&format!("{variable}=")) => {
                    self.variables.push_str(&format!("{variable}={value}\n"));
                    format!("${variable}")
                }
                _ => format!("${{UNSET-{value}}}"),
            };
            *node = text(written);
        }
        if self.random.one_in(10) {
            set(&mut document, "x-text", text(template(self.random)));
        }
        let written = write(&[document], self.random);
        self.file(name, &written);
    }

    fn file(&mut self, name: &str, text: &str) {
        self.project.files.insert(format!("/project/{name}"), text.as_bytes().to_vec());
    }

    fn option(&mut self, key: &str, value: &str) {
        self.project.request.push((key.to_owned(), value.to_owned()));
    }
}
