//! Devices: a service gets what it asks for where a node offers it, and is refused elsewhere.

use super::eventually;
use crate::bed::{App, kubectl};
use serde_json::{Value, json};

/// What the node offers in this test: a device that no device plugin knows, so that no other app meets it.
const RESOURCE: &str = "example.com/gpu";

/// Gives the node devices as long as it lives.
struct Offered(String);

impl Offered {
    fn new(count: u32) -> Self {
        let nodes: Value = serde_json::from_str(&kubectl(&["get", "nodes", "--output", "json"])).unwrap();
        let node = nodes["items"][0]["metadata"]["name"].as_str().unwrap().to_owned();
        let offered = Self(node);
        offered.patch(&json!({RESOURCE: count.to_string()}));
        eventually("the device", || !offered.allocatable().is_null());
        offered
    }

    fn patch(&self, capacity: &Value) {
        let patch = json!({"status": {"capacity": capacity, "allocatable": capacity}}).to_string();
        kubectl(&["patch", "node", &self.0, "--subresource=status", "--type=merge", "--patch", &patch]);
    }

    fn allocatable(&self) -> Value {
        let node = kubectl(&["get", "node", &self.0, "--output", "json"]);
        serde_json::from_str::<Value>(&node).unwrap()["status"]["allocatable"][RESOURCE].clone()
    }
}

impl Drop for Offered {
    fn drop(&mut self) {
        self.patch(&json!({RESOURCE: null}));
    }
}

#[test]
fn a_service_gets_the_devices_that_a_node_offers() {
    let app = App::new(
        "device",
        r#"
services:
  web:
    image: localhost/busybox:1
    command: [sh, -c, "trap 'exit 0' TERM; sleep infinity & wait"]
    stop_grace_period: 1s
    deploy:
      resources:
        reservations:
          devices: [{driver: example, count: 1, capabilities: [gpu]}]
"#,
    );
    let stderr = app.fails(&["app", "deploy"], 3);
    assert!(
        stderr.contains("convert.device") && stderr.contains("no node is known to offer `example.com/gpu`"),
        "{stderr}"
    );
    let _offered = Offered::new(1);
    app.deploy();
    let pod = app.pod();
    let resources = &pod["spec"]["containers"][0]["resources"];
    assert_eq!(
        (&resources["limits"][RESOURCE], &resources["requests"][RESOURCE]),
        (&json!("1"), &json!("1"))
    );
}
