//! The kinds of input. Pure.

use super::SIZE;
use super::again::{AGAIN, again};
use super::bytes::{damage, text};
use super::corpus::Corpus;
use crate::mutate::is_yaml;
use crate::{Project, Random, generate, mutate, write};

/// One kind of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The bytes of compose files.
    Files,
    /// Their trees.
    Trees,
    /// Text with variables.
    Variables,
    /// `.env` and env files.
    EnvFiles,
    /// Two documents that have nothing to do with each other, merged.
    Merges,
    /// Values that have a syntax of their own: commands, ports, durations, amounts and so on.
    Values,
    /// Little that asks for much.
    Again,
}

const ALL: [Target; 7] = [
    Target::Files,
    Target::Trees,
    Target::Variables,
    Target::EnvFiles,
    Target::Merges,
    Target::Values,
    Target::Again,
];

const VARIABLES: [&str; 18] =
    ["$", "${", "{", "}", ":", "-", "+", "?", "A", "B", "_", "1", " ", "\n", "'", "é", "a:-", "$$"];
const ENV_FILE: [&str; 20] = [
    "A", "B", "=", "=", "\n", "\n", "'", "\"", "\\", "$", "${", "}", "#", " ", "export ", ":", "\r\n", "é",
    "\u{feff}", "-",
];
const VALUE: [&str; 34] = [
    "a",
    "b",
    "0",
    "1",
    "9",
    "65535",
    "-",
    "+",
    ".",
    ":",
    "/",
    ",",
    "=",
    " ",
    "'",
    "\"",
    "\\",
    "$$",
    "[",
    "]",
    "(",
    ")",
    "|",
    "&",
    "~",
    "s",
    "m",
    "h",
    "k",
    "ib",
    "udp",
    "\n",
    "é",
    "\u{1f600}",
];
/// Places of such values in a service; `@` is the value.
const PLACES: [&str; 34] = [
    "command: @",
    "entrypoint: @",
    "healthcheck: {test: @}",
    "healthcheck: {test: [@, @]}",
    "ports: [@]",
    "ports: [{target: 80, published: @}]",
    "expose: [@]",
    "volumes: [@]",
    "volumes: [{type: bind, source: @, target: @}]",
    "tmpfs: @",
    "devices: [@]",
    "stop_grace_period: @",
    "healthcheck: {interval: @}",
    "mem_limit: @",
    "shm_size: @",
    "cpus: @",
    "extra_hosts: [@]",
    "extra_hosts: {a: @}",
    "environment: [@]",
    "environment: {A: @}",
    "restart: @",
    "pull_policy: @",
    "env_file: @",
    "labels: [@]",
    "links: [@]",
    "network_mode: @",
    "depends_on: [@]",
    "secrets: [@]",
    "configs: [{source: a, target: @, mode: @}]",
    "ulimits: {nofile: @}",
    "user: @",
    "build: @",
    "deploy: {replicas: @, resources: {limits: {memory: @, cpus: @}}}",
    "gpus: @",
];

impl Target {
    /// The kind of the input with a number.
    pub(super) fn of(number: u64) -> Self {
        let at = usize::try_from(number % ALL.len() as u64).unwrap_or(0);
        ALL[at]
    }

    /// Its name in file names.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Trees => "trees",
            Self::Variables => "variables",
            Self::EnvFiles => "env-files",
            Self::Merges => "merges",
            Self::Values => "values",
            Self::Again => "again",
        }
    }

    /// A random input.
    pub(super) fn make(self, corpus: &Corpus, random: &mut Random) -> Project {
        match self {
            Self::Files => {
                let mut project = some(corpus, random);
                let files = project.files.iter_mut().filter(|(path, _)| is_yaml(path));
                let mut files: Vec<_> = files.map(|(_, bytes)| bytes).collect();
                let at = random.below(files.len().max(1));
                if let Some(bytes) = files.get_mut(at) {
                    damage(bytes, &corpus.texts, random);
                }
                project
            }
            Self::Trees => {
                let mut project = if random.one_in(4) {
                    generate::project(&corpus.schema, random)
                } else {
                    some(corpus, random)
                };
                mutate(&mut project, &corpus.donors, random);
                project
            }
            Self::Variables => {
                let value = quoted(&text(&VARIABLES, random));
                let service = format!(
                    "image: x\n    command: {value}\n    environment: {{A: {value}}}\n    labels: [{value}]"
                );
                compose(&service, &format!("x-a: [{value}]\n"), "A=1\nB=\n")
            }
            Self::EnvFiles => {
                let mut text = text(&ENV_FILE, random).into_bytes();
                if random.one_in(8) {
                    damage(&mut text, &[], random);
                }
                let mut project = compose("image: $A\n    env_file: .env", "", "");
                project.files.insert("/project/.env".to_owned(), text);
                project
            }
            Self::Merges => merged(corpus, random),
            Self::Values => {
                let place = random.pick(&PLACES);
                let mut parts = place.split('@');
                let mut service = format!("image: x\n    {}", parts.next().unwrap_or_default());
                for part in parts {
                    service.push_str(&quoted(&text(&VALUE, random)));
                    service.push_str(part);
                }
                compose(&service, "", "")
            }
            Self::Again => {
                let (_, parts) = AGAIN[random.below(AGAIN.len())];
                // Most are small, so that there is time for the other kinds.
                let most = if random.one_in(100) { SIZE - 1000 } else { 1000 };
                let large = random.below(most);
                again(parts, large, random.below(most - large))
            }
        }
    }
}

/// A project of the corpus, if it is not too large to say how long it may take.
fn some(corpus: &Corpus, random: &mut Random) -> Project {
    let project = random.item(&corpus.projects).cloned().unwrap_or_default();
    if project.size() > SIZE { Project::default() } else { project }
}

fn merged(corpus: &Corpus, random: &mut Random) -> Project {
    let mut project = Project::default();
    for name in ["a.yaml", "b.yaml"] {
        let document = random.item(&corpus.documents).cloned();
        let text = write(document.as_slice(), random);
        project.files.insert(format!("/project/{name}"), text.into_bytes());
        project.request.push(("file".to_owned(), name.to_owned()));
    }
    project
}

fn compose(service: &str, rest: &str, dot_env: &str) -> Project {
    let compose = format!("services:\n  web:\n    {service}\n{rest}");
    let files = [("/project/compose.yaml", compose), ("/project/.env", dot_env.to_owned())];
    let files = files.map(|(path, text)| (path.to_owned(), text.into_bytes()));
    Project { files: files.into(), request: Vec::new() }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
