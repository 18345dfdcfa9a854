//! Compose text without any file beside it, as a server loads it.

use kompox_compose::{ComposeFile, DotEnv, NoFiles, ProjectName, Request, Severity, Sources, load};
use std::collections::BTreeMap;

/// The codes and messages of the errors.
fn errors(text: &str) -> Vec<String> {
    let request = Request {
        name: ProjectName::Given("app"),
        compose: &[ComposeFile { name: "compose.yml", path: "compose.yml", text }],
        environment: &BTreeMap::new(),
        dot_env: DotEnv::Read,
        profiles: &[],
        files: &NoFiles,
    };
    let (project, found) = load(&mut Sources::new(), &request);
    assert_eq!(project.is_none(), found.has_errors());
    let errors = found.iter().filter(|one| one.severity == Severity::Error);
    errors.map(|one| format!("{}: {}", one.code, one.message)).collect()
}

#[test]
fn text_that_needs_no_file_is_loaded() {
    let text = "services:\n  web:\n    extends: base\n    image: x\n    environment: {A: \"${B:-c}\"}\n  base: {image: y}\n---\n\
                services: {web: {configs: [c]}}\nconfigs: {c: {content: text}}\n";
    assert_eq!(errors(text), Vec::<String>::new());
}

#[test]
fn whatever_needs_a_file_is_refused() {
    let service = |keys: &str| format!("services:\n  web: {{image: x, {keys}}}\n");
    for (text, expected) in [
        (service("env_file: a.env"), "compose.file: env file a.env: files cannot be read here"),
        (
            service("env_file: [{path: a.env, required: false}]"),
            "compose.file: env file a.env: files cannot be read here",
        ),
        (service("label_file: a"), "compose.file: label file a: files cannot be read here"),
        (
            service("extends: {service: b, file: b.yml}"),
            "compose.file: the extended file b.yml: files cannot be read here",
        ),
        (
            service("secrets: [s]") + "secrets: {s: {file: f}}\n",
            "compose.file: secret s f: files cannot be read here",
        ),
        (
            "include: [b.yml]\n".to_owned() + &service(""),
            "compose.file: the included file b.yml: files cannot be read here",
        ),
    ] {
        assert_eq!(errors(&text), [expected], "{text}");
    }
}
