//! Routes: the table of specification 004, and hosts that two apps would share.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod support;

use kompox_compose::{MemoryFiles, Sources};
use kompox_convert::{Conversion, HostClaim};
use kompox_model::{AppName, IngressRule};
use proptest::prelude::*;
use serde_json::json;
use support::{Case, load};

/// An app that publishes these ports.
fn app(name: &str, ports: &[u16], ingress: &[(u16, &str)]) -> Conversion {
    let ports: Vec<_> =
        ports.iter().map(|port| json!({"target": 3000, "published": port.to_string()})).collect();
    let text = json!({"services": {"web": {"image": "example/web:1", "restart": "always", "ports": ports}}});
    let mut sources = Sources::new();
    let files = MemoryFiles::new();
    let (project, _) = load("compose.yml", &text.to_string(), &files, &mut sources);
    let mut case = Case::new(&json!({"provider": "aks", "cluster": "my-aks"}));
    case.app.name = AppName::new(name).unwrap();
    case.app.ingress =
        ingress.iter().map(|(port, host)| IngressRule { port: *port, host: (*host).to_owned() }).collect();
    let (conversion, diagnostics) = case.convert(&project.unwrap(), &files);
    conversion.unwrap_or_else(|| panic!("{}", diagnostics.render(&sources)))
}

#[test]
fn the_example_of_specification_004_has_its_four_routes() {
    let custom = [(80, "www.my-app.kompox.dev"), (8080, "admin.my-app.kompox.dev")];
    let conversion = app("my-app", &[80, 8080], &custom);
    let routes: Vec<_> =
        conversion.summary.hosts.iter().map(|host| (host.host.as_str(), host.port, host.custom)).collect();
    assert_eq!(
        routes,
        [
            ("my-app.my-aks.ops.kompox.dev", 80, false),
            ("my-app-8080.my-aks.ops.kompox.dev", 8080, false),
            ("www.my-app.kompox.dev", 80, true),
            ("admin.my-app.kompox.dev", 8080, true),
        ]
    );
    let resolvers: Vec<_> = conversion
        .resources
        .ingresses
        .iter()
        .map(|ingress| {
            let annotations = ingress.metadata.annotations.as_ref().unwrap();
            assert_eq!(annotations["traefik.ingress.kubernetes.io/router.entrypoints"], "websecure");
            assert_eq!(annotations["traefik.ingress.kubernetes.io/router.tls"], "true");
            annotations.get("traefik.ingress.kubernetes.io/router.tls.certresolver").map(String::as_str)
        })
        .collect();
    assert_eq!(resolvers, [None, Some("production"), Some("production")]);
}

/// Claims that only one of two apps can create.
fn shared<'a>(one: &'a Conversion, other: &'a Conversion) -> Vec<&'a HostClaim> {
    one.host_claims.iter().filter(|claim| other.host_claims.iter().any(|o| o.name == claim.name)).collect()
}

#[test]
fn two_apps_that_would_share_a_host_claim_one_object() {
    let (one, other) = (app("x-8080", &[80], &[]), app("x", &[8080], &[]));
    let shared = shared(&one, &other);
    assert_eq!(shared.len(), 1);
    let body = shared[0].object().body;
    assert_eq!(HostClaim::owner_of(&body), Some("ops/aks/x-8080"));
    assert_eq!(body["data"]["host"], "x-8080.my-aks.ops.kompox.dev");
}

proptest! {
    #[test]
    fn no_two_apps_share_a_host_silently(
        names in ("[a-z]{1,3}(-[0-9]{1,3})?", "[a-z]{1,3}(-[0-9]{1,3})?"),
        ports in (1u16..200, 1u16..200),
    ) {
        prop_assume!(names.0 != names.1);
        let (one, other) = (app(&names.0, &[ports.0], &[]), app(&names.1, &[ports.1], &[]));
        let same = one.summary.hosts[0].host == other.summary.hosts[0].host;
        prop_assert_eq!(same, !shared(&one, &other).is_empty());
    }

    #[test]
    fn labels_of_default_hosts_are_legal(name in "[a-z][a-z0-9]{0,44}", port in 1u16..=u16::MAX) {
        let conversion = app(&name, &[port], &[]);
        let label = conversion.summary.hosts[0].host.split('.').next().unwrap();
        prop_assert!(kompox_model::name::check_label("host", label, 63).is_ok(), "{}", label);
    }
}
