//! Apps apart from each other, from the cluster and from the cloud below it, on a real cluster that enforces policies.
//!
//! Every place that a policy must keep an app from is reachable once the policy is gone: what is closed is closed by the
//! policy and by nothing else.

mod bed;
mod policy;

use bed::{App, bed, kubectl, text};
use kompox_testbed::https;
use policy::Under::{Both, Egress, Open};
use policy::{Place, Targets, Under, address, expect, place};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One test at a time: they change what the whole cluster shares.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A published server, one that is not published, and a shell.
const SERVERS: &str = "
services:
  web:
    image: localhost/testserver:1
    ports: ['80:8080']
  admin:
    image: localhost/testserver:1
    command: [--port, '9000']
  shell:
    image: localhost/busybox:1
    command: [sleep, infinity]
    stop_grace_period: 1s
";

const NAME: &str = "kubernetes.default.svc.cluster.local";

fn host(app: &App) -> String {
    format!("{}.local.kompox.test", app.name)
}

fn pod_address(app: &App) -> String {
    app.pod()["status"]["podIP"].as_str().expect("an address").to_owned()
}

/// What an app tries that has another app beside it.
fn places(app: &App, other: &App) -> Vec<Place> {
    let node = bed().cluster.node_address();
    let (own, neighbour) = (pod_address(app), pod_address(other));
    let service =
        other.objects(&["service", "app"])["spec"]["clusterIP"].as_str().expect("an address").to_owned();
    let of_service = |name: &str, namespace: &str| {
        kubectl(&["--namespace", namespace, "get", "service", name, "--output", "jsonpath={.spec.clusterIP}"])
    };
    let (api, dns) = (of_service("kubernetes", "default"), of_service("kube-dns", "kube-system"));
    let dns_pod = address("kube-system", &["--selector", "k8s-app=kube-dns"]);
    let ingress = address("traefik", &["--selector", "app=traefik"]);
    let impostor = address("policy-targets", &["impostor"]);
    let system = address("kube-system", &["policy-neighbour"]);
    vec![
        place("its own Pod", Open, format!("tcp://{own}:8080")),
        place("its own Pod, an unpublished port", Open, format!("tcp://{own}:9000")),
        place("its own Service", Open, format!("tcp://app.{}.svc.cluster.local:80", app.namespace())),
        place("another app's Pod", Both, format!("tcp://{neighbour}:8080")),
        place("another app's Pod, an unpublished port", Both, format!("tcp://{neighbour}:9000")),
        place("another app's Service", Both, format!("tcp://{service}:80")),
        place("its own public host", Open, format!("tcp://{}:80", host(app))),
        place("its own public host by TLS", Open, format!("tcp://{}:443", host(app))),
        place("another app's public host", Open, format!("tcp://{}:443", host(other))),
        place("the ingress controller's own port", Egress, format!("tcp://{ingress}:9000")),
        place("the metadata service", Egress, "tcp://169.254.169.254:80"),
        place("a link-local name service", Open, "tcp://169.254.169.254:53"),
        place("Azure's host address", Egress, "tcp://168.63.129.16:80"),
        place("Azure's host address, port 53", Egress, "tcp://168.63.129.16:53"),
        place("the API server's Service", Egress, format!("tcp://{api}:443")),
        place("the API server", Egress, format!("tcp://{node}:6443")),
        place("the kubelet", Egress, format!("tcp://{node}:10250")),
        place("kube-proxy's health port", Egress, format!("tcp://{node}:10256")),
        place("a host-network Pod", Egress, format!("tcp://{node}:8099")),
        place("the name service", Open, format!("dns://{dns}:53/{NAME}")),
        place("the name service by TCP", Open, format!("dns+tcp://{dns}:53/{NAME}")),
        place("the name service's Pod", Open, format!("dns://{dns_pod}:53/{NAME}")),
        place("another port of the name service", Egress, format!("tcp://{dns_pod}:8181")),
        place("a Pod that looks like the name service", Egress, format!("tcp://{impostor}:53")),
        place("another Pod of kube-system", Egress, format!("tcp://{system}:8080")),
        place("the Internet", Open, "tcp://198.51.100.7:443"),
    ]
}

fn drop_policy(app: &App) {
    kubectl(&["--namespace", &app.namespace(), "delete", "networkpolicy", "app"]);
}

/// From the machine, which is outside the cluster.
fn machine_reaches(address: &str) -> bool {
    let address = format!("{address}:8080").parse().expect("an address");
    TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(20), "not seen: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn an_app_reaches_itself_its_public_host_name_service_and_the_internet_only() {
    let _turn = turn();
    let (app, other) = (App::new("attacker", SERVERS), App::new("victim", SERVERS));
    let targets = Targets::start();
    std::thread::scope(|scope| {
        scope.spawn(|| other.deploy());
        app.deploy();
    });
    let cluster = &bed().cluster;
    let served = |app: &App| {
        let (address, authority) = (cluster.node_address().into(), cluster.ingress_authority());
        https::get_until(address, &host(app), "/", &authority, 200, Duration::from_secs(30))
            .expect("an answer");
    };
    served(&app);
    served(&other);
    let places = places(&app, &other);
    let enforced = |under: Under| under == Open;
    expect(&app, &places, enforced);
    let victim = format!("tcp://{}:8080", pod_address(&other));
    assert!(!targets.others_reach(&victim), "a Pod that is no app reaches an app");
    assert!(
        !machine_reaches(&pod_address(&other)),
        "an app is reached from outside, past the ingress controller"
    );

    // The controls. Either app's policy alone keeps them apart.
    drop_policy(&other);
    eventually("a Pod reaches an app without a policy", || targets.others_reach(&victim));
    eventually("the machine reaches an app without a policy", || machine_reaches(&pod_address(&other)));
    expect(&app, &places, enforced);
    drop_policy(&app);
    expect(&app, &places, |_| true);
    other.deploy();
    expect(&app, &places, |under| under != Both);
    app.deploy();
    expect(&app, &places, enforced);
}

#[test]
fn an_app_of_internal_networks_reaches_itself_and_name_service_only() {
    let _turn = turn();
    let _targets = Targets::start();
    let app = App::new("inside", &format!("{SERVERS}networks: {{default: {{internal: true}}}}\n"));
    app.deploy();
    let own = pod_address(&app);
    let places = [
        place("itself", Open, format!("tcp://{own}:9000")),
        place("the name service", Open, format!("dns://kube-dns.kube-system.svc.cluster.local:53/{NAME}")),
        place("the Internet", Egress, "tcp://198.51.100.7:443"),
        place("its own public host", Egress, format!("tcp://{}:443", host(&app))),
        place("the API server", Egress, format!("tcp://{}:6443", bed().cluster.node_address())),
    ];
    expect(&app, &places, |under| under == Open);
    drop_policy(&app);
    expect(&app, &places, |_| true);
    app.deploy();
    expect(&app, &places, |under| under == Open);
}

#[test]
fn an_app_has_no_token_no_links_and_no_power() {
    let _turn = turn();
    let app = App::new("bare", SERVERS);
    app.deploy();
    // A Pod that starts once its Namespace has a Service would get links to it.
    app.write("compose.yml", &SERVERS.replace("infinity]", "infinity]\n    environment: {SECOND: start}"));
    app.deploy();
    let variables = app.exec("shell", &["env"]);
    let links: Vec<&str> = variables
        .lines()
        .filter(|line| line.contains("_SERVICE_") || line.contains("_PORT"))
        .filter(|line| !line.starts_with("KUBERNETES_"))
        .collect();
    assert!(links.is_empty() && variables.contains("SECOND=start"), "{variables}");
    let mounts = app.exec("shell", &["cat", "/proc/mounts"]);
    assert!(!mounts.contains("serviceaccount"), "{mounts}");
    app.fails(&["app", "exec", "-s", "shell", "--", "ls", "/var/run/secrets"], 1);
    let status = app.exec("shell", &["cat", "/proc/self/status"]);
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
        line.trim_start_matches(':').trim().to_owned()
    };
    assert_eq!(field("Seccomp"), "2", "a filter is active");
    // What baseline lets a container keep: neither NET_ADMIN (12) nor SYS_ADMIN (21) nor SYS_PTRACE (19).
    let bounding = u64::from_str_radix(&field("CapBnd"), 16).expect("a number");
    assert_eq!(bounding & ((1 << 12) | (1 << 21) | (1 << 19)), 0, "{bounding:x}");

    // The Namespace lets nobody in who asks for more, whoever made the Pod.
    let namespace = app.namespace();
    let level = kubectl(&["get", "namespace", &namespace, "--output", "jsonpath={.metadata.labels}"]);
    assert!(level.contains("\"pod-security.kubernetes.io/enforce\":\"baseline\""), "{level}");
    let run = |overrides: &str| {
        let kubectl = bed().cluster.kubectl().expect("kubectl");
        let arguments = [
            "--namespace",
            &namespace,
            "run",
            "intruder",
            "--image=localhost/busybox:1",
            "--dry-run=server",
            overrides,
        ];
        kubectl.output(&arguments).expect("kubectl runs")
    };
    for overrides in [
        r#"--overrides={"spec":{"hostNetwork":true}}"#,
        r#"--overrides={"spec":{"hostPID":true}}"#,
        r#"--overrides={"spec":{"volumes":[{"name":"root","hostPath":{"path":"/"}}]}}"#,
    ] {
        let output = run(overrides);
        assert!(!output.status.success(), "{overrides}");
        let said = text(&output.stderr);
        assert!(said.contains("violates PodSecurity \"baseline"), "{said}");
    }
    assert!(run("--overrides={}").status.success(), "the control: an ordinary Pod is let in");
    app.write("compose.yml", &SERVERS.replace("['80:8080']", "['80:8080']\n    network_mode: host"));
    let refused = app.fails(&["app", "validate"], 3);
    assert!(refused.contains("network_mode `host` is refused"), "{refused}");
}

/// A node that no policy knows and no engine runs on; gone when dropped.
struct NewNode;

impl NewNode {
    fn add() -> Self {
        let node = r#"{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-new"}, "spec": {"unschedulable": true}}"#;
        bed().cluster.kubectl().expect("kubectl").apply(node).expect("a node");
        let status = r#"{"status": {"addresses": [{"type": "InternalIP", "address": "10.99.0.200"}]}}"#;
        kubectl(&["patch", "node", "node-new", "--subresource=status", "--type=merge", "--patch", status]);
        Self
    }
}

impl Drop for NewNode {
    fn drop(&mut self) {
        kubectl(&["delete", "node", "node-new"]);
    }
}

#[test]
fn a_policy_older_than_a_node_and_a_missing_engine_are_told() {
    let _turn = turn();
    let app = App::new("older", SERVERS);
    let first = app.run(&["app", "deploy"]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert!(!text(&first.stderr).contains("NetworkPolicy"), "{}", text(&first.stderr));
    let known = app.json(&["cluster", "status"]);
    assert_eq!(known["network_policy"]["by"], "testbed");
    let older = |report: &serde_json::Value| {
        let all = report["older_policies"].as_array().expect("a list").clone();
        all.into_iter().find(|policy| policy["namespace"] == app.namespace().as_str())
    };
    assert_eq!(older(&known), None);

    let node = NewNode::add();
    let output = app.run(&["cluster", "status"]);
    let (table, warned) = (text(&output.stdout), text(&output.stderr));
    assert!(table.contains("POLICY OLDER THAN A NODE") && table.contains("node-new"), "{table}");
    assert!(warned.contains("run app deploy for each"), "{warned}");
    let report = app.json(&["cluster", "status"]);
    assert_eq!(older(&report).expect("the app's policy")["nodes"], serde_json::json!(["node-new"]));
    assert!(
        report["network_policy"]["unseen"].is_string(),
        "the engine does not run on the new node: {report}"
    );
    drop(node);

    let mark = "kompox.dev/network-policy-engine";
    kubectl(&["annotate", "nodes", "--all", &format!("{mark}-")]);
    let output = app.run(&["app", "deploy"]);
    kubectl(&["annotate", "nodes", "--all", &format!("{mark}=testbed")]);
    let warned = text(&output.stderr);
    assert!(output.status.success(), "a warning is no failure: {warned}");
    assert!(
        warned.contains("no NetworkPolicy engine was seen") && warned.contains("annotate nodes --all"),
        "{warned}"
    );
    assert!(!text(&app.run(&["app", "deploy"]).stderr).contains("NetworkPolicy engine"));
}
