//! Names and ports: every name of a service leads to it, hosts of others have their address, tcp and udp share a number.

use super::shell;
use crate::bed::{App, kubectl};
use serde_json::Value;

/// With the aliases of `web`, and more names for it.
fn compose(aliases: &str, extra: &str) -> String {
    format!(
        r#"
services:
  web:
    image: localhost/busybox:1
    command: [httpd, -f, -p, '8080', -h, /etc]
    ports: ['80:8080']
    hostname: front
    domainname: shop.test
    container_name: shop-front
    networks: {{default: {{aliases: {aliases}}}}}
    extra_hosts: ['one.example.test:10.9.8.7', 'two.example.test=10.9.8.7', 'six.example.test:[2001:db8::1]']
    stop_grace_period: 1s
  probe:
    image: localhost/testserver:1
    command: [--port, '8081']
    links: ['web:linked{extra}']
    stop_grace_period: 1s
  dns:
    image: localhost/coredns:1
    command: [-conf, /Corefile]
    configs: [{{source: corefile, target: /Corefile}}]
    ports: ['5353:5353/udp', '5353:5353/tcp']
    stop_grace_period: 1s
configs:
  corefile:
    content: |
      .:5353 {{
        hosts {{
          10.1.2.3 name.example.test
        }}
      }}
"#
    )
}

/// Names lead to the Pod itself, from every container.
fn check(app: &App, local: &[&str]) {
    for name in local {
        assert_eq!(
            app.exec("probe", &["/testserver", "get", &format!("http://{name}:8080/hostname")]),
            "front\n"
        );
    }
    let hosts = shell(app, "web", "hostname; cat /etc/hosts");
    assert!(hosts.starts_with("front\n"), "{hosts}");
    let of = |address: &str| -> Vec<&str> {
        let lines = hosts.lines().filter_map(|line| line.strip_prefix(address));
        lines.flat_map(str::split_whitespace).collect()
    };
    assert_eq!(of("10.9.8.7"), ["one.example.test", "two.example.test"], "{hosts}");
    assert_eq!(of("2001:db8::1"), ["six.example.test"], "{hosts}");
    assert!(of("127.0.0.1").contains(&"localhost") && of("::1").contains(&"localhost"), "{hosts}");
}

#[test]
fn every_name_and_every_port_leads_to_its_service() {
    let plain = ["web", "front", "front.shop.test", "shop-front", "site", "linked", "localhost"];
    let app = App::new("names", &compose("[site]", ""));
    app.deploy();
    check(&app, &plain);
    let places = ["tcp://app:80", "dns://app:5353/name.example.test", "dns+tcp://app:5353/name.example.test"];
    let reached = app.exec("probe", &[&["/testserver", "reach"], &places[..]].concat());
    assert_eq!(reached, places.map(|place| format!("{place} open\n")).concat());

    // Names that Kubernetes takes for none.
    app.write("compose.yml", &compose("[site, My_Site]", "_name"));
    app.deploy();
    let odd: Vec<_> =
        plain.into_iter().filter(|name| *name != "linked").chain(["My_Site", "linked_name"]).collect();
    check(&app, &odd);
    fields_of_others_stay_and_are_told(&app);
    the_server_accepts_many_services(&app);
}

fn fields_of_others_stay_and_are_told(app: &App) {
    let patch = "{\"spec\":{\"sessionAffinity\":\"ClientIP\"}}";
    kubectl(&["--namespace", &app.namespace(), "patch", "service", "app", "--type=merge", "--patch", patch]);
    app.deploy();
    assert_eq!(app.objects(&["service", "app"])["spec"]["sessionAffinity"], "ClientIP");
    let told = app.json(&["app", "status"])["foreign_fields"].clone();
    assert!(told.to_string().contains("spec.sessionAffinity"), "{told}");
}

/// As many services as the largest compose file that is known: asked of the server, which would make them.
fn the_server_accepts_many_services(app: &App) {
    const MANY: usize = 57;
    let service = |number: usize| {
        let port = 9000 + number;
        let first = format!(
            "  service-{number:02}:\n    image: localhost/busybox:1\n    command: [httpd, -f, -p, '{port}', -h, /etc]\n    \
             environment: {{NUMBER: '{number}', odd name: $$(NUMBER)}}\n    volumes: ['volume_{number}:/data']\n    \
             configs: [settings]\n    healthcheck: {{test: [CMD, 'true'], interval: 5s}}\n    mem_limit: 64m\n"
        );
        let more = match number % 3 {
            0 => format!("    ports: ['{port}:{port}', '{port}:{port}/udp']\n"),
            1 => format!("    depends_on: {{service-{:02}: {{condition: service_healthy}}}}\n", number - 1),
            _ => format!("    depends_on: [service-{:02}]\n    user: '1000'\n", number - 1),
        };
        first + &more
    };
    let services: String = (0..MANY).map(service).collect();
    let volumes: String = (0..MANY).map(|number| format!("  volume_{number}:\n")).collect();
    app.write(
        "compose.yml",
        &format!("services:\n{services}volumes:\n{volumes}configs: {{settings: {{content: one}}}}\n"),
    );
    let planned = app.json(&["app", "deploy", "--dry-run"]);
    let planned = planned["changes"].as_array().unwrap();
    let of = |kind: &str, action: &str| {
        let is = |change: &&Value| change["kind"] == kind && change["action"] == action;
        planned.iter().filter(is).count()
    };
    assert_eq!((of("Deployment", "update"), of("Service", "update")), (1, 1), "{planned:?}");
    // Two for the variables of each, since one name is none for a key.
    assert_eq!(of("Secret", "create"), 2 * MANY, "{planned:?}");
}
