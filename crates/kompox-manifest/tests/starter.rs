//! The file that `kompoxops init` writes loads, and says what was put into it.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

use kompox_manifest::{StarterFacts, StarterHost, StarterVolume, load, starter};
use kompox_model::{ComposeSource, Configuration, driver};
use kompox_yaml::{Diagnostics, Sources};
use proptest::prelude::*;

fn facts() -> StarterFacts {
    StarterFacts {
        workspace: "ops".parse().unwrap(),
        domain: "ops.example.com".to_owned(),
        cluster: "my-cluster".parse().unwrap(),
        driver: "k3s".to_owned(),
        kubeconfig: None,
        context: Some("admin@my-cluster".to_owned()),
        node_image: None,
        app: "my-app".parse().unwrap(),
        compose: "compose.yml".to_owned(),
        findings: vec!["Port 80 of web: https://my-app.my-cluster.ops.example.com".to_owned()],
        volumes: Vec::new(),
        hosts: Vec::new(),
        hints: Vec::new(),
        decisions: Vec::new(),
    }
}

fn loaded(text: &str) -> (Option<Configuration>, Diagnostics, String) {
    let mut sources = Sources::new();
    let id = sources.add("kompoxops.yml", text);
    let (configuration, diagnostics) = load(&sources, id);
    let rendered = diagnostics.render(&sources);
    (configuration, diagnostics, rendered)
}

/// Takes every example out of its comment; comments that are prose stay.
fn with_examples(text: &str) -> String {
    let uncommented = |line: &str| {
        let (indent, comment) = line.split_once("# ")?;
        let key = comment.trim_start().trim_start_matches("- ").split_once(':')?.0;
        let is_key = indent.trim().is_empty() && !key.is_empty() && !key.contains(' ');
        is_key.then(|| format!("{indent}{comment}"))
    };
    text.lines().map(|line| uncommented(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

#[test]
fn the_file_is_the_one_checked_in() {
    let expected = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/starter.yml");
    let text = starter(&facts());
    if std::env::var_os("KOMPOX_BLESS").is_some() {
        std::fs::write(expected, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(expected).unwrap());
}

#[test]
fn every_example_in_it_is_legal() {
    let plain = starter(&facts());
    let text = with_examples(&plain);
    assert!(text.matches('#').count() + 12 < plain.matches('#').count(), "{text}");
    let (configuration, diagnostics, rendered) = loaded(&text);
    assert!(diagnostics.is_empty(), "{rendered}\n{text}");
    let configuration = configuration.unwrap();
    assert!(configuration.cluster.node_image.is_some());
    assert_eq!(configuration.app.unwrap().ingress.len(), 1);
}

proptest! {
    #[test]
    fn any_facts_load(
        names in ["[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", "[a-z]{1,5}|null|true|no|on|y|1e3|0", "[0-9]{1,9}"],
        domain in "[a-z0-9]{1,9}(\\.[a-z0-9-]{0,4}[a-z]){1,3}".prop_filter("label", |d| !d.contains(".-")),
        driver in 0..driver::KNOWN.len(),
        kubeconfig in proptest::option::of("\\PC{1,30}|~/[a-z. ]{0,9}"),
        context in proptest::option::of("\\PC{1,30}|null|~|arn:aws:eks:x:1:cluster/y"),
        node_image in proptest::option::of("[a-z0-9./:@-]{1,40}"),
        compose in "\\PC{1,30}|[a-z/]{1,9}\\.ya?ml",
        lines in proptest::collection::vec("[ -~\\n\\r\u{85}\u{2028}]{0,30}", 0..3),
        ports in proptest::collection::btree_map(1u16.., any::<bool>(), 0..4),
        keys in proptest::collection::btree_map("[a-zA-Z0-9._-]{1,12}", any::<bool>(), 0..4),
        findings in proptest::collection::vec("[ -~\\n\\r\u{85}\u{2028}]{0,30}", 0..3),
    ) {
        let [workspace, cluster, app] = names.each_ref().map(String::as_str);
        let facts = StarterFacts {
            workspace: workspace.parse().unwrap(),
            domain,
            cluster: cluster.parse().unwrap(),
            driver: driver::KNOWN[driver].id.to_owned(),
            kubeconfig,
            context,
            node_image,
            app: app.parse().unwrap(),
            compose,
            findings,
            volumes: keys.into_iter().map(|(compose, needed)| StarterVolume { compose, needed }).collect(),
            hosts: ports
                .into_iter()
                .map(|(port, host)| StarterHost { port, host: host.then(|| format!("p{port}.example.org")) })
                .collect(),
            hints: lines.clone(),
            decisions: lines,
        };
        let text = starter(&facts);
        let (configuration, diagnostics, rendered) = loaded(&text);
        prop_assert!(diagnostics.is_empty(), "{}\n{}", rendered, text);
        let Configuration { workspace, cluster, app, .. } = configuration.unwrap();
        let (app, auth) = (app.unwrap(), cluster.auth.unwrap());
        prop_assert_eq!(workspace.domain, facts.domain);
        prop_assert_eq!(
            (workspace.name, cluster.name, app.name),
            (facts.workspace, facts.cluster, facts.app)
        );
        prop_assert_eq!((auth.kubeconfig, auth.context), (facts.kubeconfig, facts.context));
        prop_assert_eq!(cluster.node_image, facts.node_image);
        prop_assert_eq!(app.compose, ComposeSource::Path(facts.compose));
    }
}
