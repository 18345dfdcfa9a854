//! What is told of projects that no small file can be, and of input that no loader gives.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod support;

use kompox_compose::{Condition, Dependency, Located, MemoryFiles, Project, Severity, Sources};
use kompox_convert::{Binds, Input, convert};
use support::{Case, load};

fn loaded(compose: &str) -> Project {
    let files = MemoryFiles::new();
    let mut sources = Sources::new();
    let (project, diagnostics) = load("compose.yml", compose, &files, &mut sources);
    project.unwrap_or_else(|| panic!("{}", diagnostics.render(&sources)))
}

/// Codes of what the conversion says, errors first marked with `!`.
fn told(case: &Case, project: &Project) -> Vec<String> {
    let (_, diagnostics) = case.convert(project, &MemoryFiles::new());
    let mark = |severity| if severity == Severity::Error { "!" } else { "" };
    diagnostics.iter().map(|one| format!("{}{}", mark(one.severity), one.code)).collect()
}

fn expect(case: &Case, project: &Project, code: &str) {
    let told = told(case, project);
    assert!(told.iter().any(|one| one == code), "{code}: {told:?}");
}

#[test]
fn what_is_too_large() {
    let long = "x".repeat(300 << 10);
    let labels = format!("services: {{web: {{image: 'x:1', restart: always, labels: {{a: {long}}}}}}}\n");
    expect(&Case::default(), &loaded(&labels), "!convert.labels");
    let long = "x".repeat(1 << 20);
    let config = format!(
        "services: {{web: {{image: 'x:1', restart: always, configs: [big]}}}}\nconfigs: {{big: {{content: {long}}}}}\n"
    );
    expect(&Case::default(), &loaded(&config), "!convert.file-size");
}

#[test]
fn what_has_no_volume() {
    let mut case = Case::default();
    let project = loaded(
        "services: {web: {image: 'x:1', restart: always, volumes: ['data:/data']}}\nvolumes: {data: }\n",
    );
    case.app.volumes.clear();
    expect(&case, &project, "!convert.no-default-volume");

    let case = Case::default();
    let input = Input {
        workspace: &case.workspace,
        provider: &case.provider,
        cluster: &case.cluster,
        app: &case.app,
        project: &project,
        volumes: &[],
        binds: &Binds::new(),
        facts: &case.facts,
    };
    let codes =
        |input: &Input<'_>| convert(input).1.iter().map(|one| one.code.to_owned()).collect::<Vec<_>>();
    assert!(codes(&input).iter().any(|code| code == "convert.volume-unbound"), "{:?}", codes(&input));
    let project = loaded("services: {web: {image: 'x:1', restart: always, volumes: ['./conf:/conf:ro']}}\n");
    let input = Input { project: &project, ..input };
    assert!(codes(&input).iter().any(|code| code == "convert.bind-unread"), "{:?}", codes(&input));
}

#[test]
fn what_no_loader_lets_through() {
    let mut project = loaded(
        "services: {a: {image: 'x:1', restart: always, depends_on: [b]}, b: {image: 'x:1', restart: always}}\n",
    );
    let span = project.services["b"].name.span;
    let back = Dependency {
        service: Located::new("a".to_owned(), span),
        condition: Condition::Started,
        ..project.services["a"].depends_on[0].clone()
    };
    project.services.get_mut("b").unwrap().depends_on.push(back);
    expect(&Case::default(), &project, "!convert.cycle");

    let mut project = loaded("services: {web: {image: 'x:1', restart: always}}\n");
    let web = project.services.get_mut("web").unwrap();
    web.keys.insert("brand_new".to_owned(), span);
    expect(&Case::default(), &project, "!convert.unsupported");
}

#[test]
fn a_limit_of_processes_is_noted() {
    let project = loaded(
        "services: {web: {image: 'x:1', restart: always, deploy: {resources: {limits: {pids: 50}}}}}\n",
    );
    expect(&Case::default(), &project, "convert.pids");
}
