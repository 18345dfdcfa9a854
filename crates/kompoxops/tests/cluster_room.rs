//! A disk store without room on a real cluster: commands that need some fail with a code and say why, leave nothing that takes
//! room or counts, and the app runs on.

mod bed;

use bed::{App, WEB, bed, kubectl};
use serde_json::Value;
use std::path::PathBuf;

/// How large the store's file system is, and the data of the app: room for it and one copy, and not for a second one.
const STORE_MIB: u32 = 48;
const DATA_MIB: u32 = 18;

/// A small file system in memory on the cluster's node, with a store on it. The node is known to have another store, which it
/// gets back in the end.
struct Small;

impl Small {
    fn folder() -> PathBuf {
        bed().cluster.disk_store().join("small")
    }

    fn mount() -> Self {
        let at = Self::folder().parent().expect("a folder").display().to_string();
        std::fs::create_dir_all(&at).expect("the folder of the stores");
        let script = format!(
            "mkdir -p /at/small && mount -t tmpfs -o size={STORE_MIB}m none /at/small && exec sleep infinity"
        );
        let pod = serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "small-store", "namespace": "kube-system"},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": "mount", "image": "localhost/busybox:1", "imagePullPolicy": "Never",
                    "command": ["sh", "-c", script],
                    "securityContext": {"privileged": true},
                    "volumeMounts": [{"name": "at", "mountPath": "/at", "mountPropagation": "Bidirectional"}],
                }],
                "volumes": [{"name": "at", "hostPath": {"path": at, "type": "Directory"}}],
            },
        });
        let small = Self;
        bed().cluster.kubectl().expect("kubectl").apply(&pod.to_string()).expect("a Pod");
        let pod = [
            "--namespace",
            "kube-system",
            "wait",
            "--for=condition=Ready",
            "pod/small-store",
            "--timeout=60s",
        ];
        kubectl(&pod);
        Self::forget_store();
        small
    }

    fn forget_store() {
        kubectl(&["annotate", "node", &bed().cluster.node_name(), "kompox.dev/disk-store-"]);
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let gone = |arguments: &[&str]| bed().cluster.kubectl().expect("kubectl").run(arguments);
        let inside = ["--namespace", "kube-system", "exec", "small-store", "--"];
        let unmount = [&inside[..], &["sh", "-c", "umount -l /at/small && rmdir /at/small"]].concat();
        let unmounted = gone(&unmount);
        let deleted = gone(&["--namespace", "kube-system", "delete", "pod", "small-store"]);
        Self::forget_store();
        if std::thread::panicking() {
            return;
        }
        unmounted.and(deleted).expect("the small store goes");
        // And whoever comes next finds the store that the node had.
        App::new("large", WEB).deploy();
    }
}

/// Disks or snapshots by name, with their state.
fn states(app: &App, noun: &str, list: &str) -> Vec<(String, String)> {
    let found = app.json(&[noun, "list"])[list].clone();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let found = found.as_array().expect("a list").iter();
    let mut states: Vec<_> = found.map(|one| (text(&one["name"]), text(&one["state"]))).collect();
    states.sort();
    states
}

/// KiB that the store has left, as the app sees it.
fn free(app: &App) -> u64 {
    let line = app.exec("web", &["sh", "-c", "df -k /www | tail -n 1"]);
    line.split_whitespace().nth(3).and_then(|word| word.parse().ok()).expect("a number")
}

/// Runs a command for which there is no room.
fn no_room(app: &App, arguments: &[&str], code: &str) -> String {
    let told = app.fails(arguments, 1);
    for part in [code, "No space left on device", "hint: free some space"] {
        assert!(told.contains(part), "{arguments:?}: `{part}` is missing:\n{told}");
    }
    told
}

#[test]
fn without_room_nothing_half_made_stays_in_the_way() {
    let _small = Small::mount();
    let app = App::new("room", WEB);
    let store = Small::folder().join("store").display().to_string();
    let text = std::fs::read_to_string(app.folder().join("kompoxops.yml")).expect("a file");
    app.write("kompoxops.yml", &text.replace(&bed().cluster.disk_store().display().to_string(), &store));
    app.deploy();
    let fill =
        format!("echo kept > /www/page; dd if=/dev/urandom of=/www/noise bs=1M count={DATA_MIB} 2>/dev/null");
    app.exec("web", &["sh", "-c", &fill]);
    let held = || app.exec("web", &["sh", "-c", "cat /www/page; sha256sum /www/noise; ls -A /www | wc -l"]);
    let holds = held();
    let first = app.json(&["disk", "list"])["disks"][0]["name"].as_str().expect("a name").to_owned();
    app.ok(&["snapshot", "create", "kept", "--stop"]);
    app.ok(&["snapshot", "export", "kept", "disk.kx"]);

    // There is no room for another copy.
    let (disks, before, pod) =
        (states(&app, "disk", "disks"), free(&app), app.pod()["metadata"]["uid"].clone());
    assert!(before < u64::from(DATA_MIB) << 10, "{before}");
    no_room(&app, &["disk", "import", "disk.kx", "imported"], "k3s.quota");
    assert_eq!(states(&app, "disk", "disks"), disks, "an import");
    std::fs::write(app.folder().join("large"), vec![7; 20 << 20]).expect("a file");
    no_room(&app, &["app", "cp", "large", "web:/www/large"], "app.copy.failed");
    assert_eq!(held(), holds, "a copy into the app");
    no_room(&app, &["snapshot", "restore", "kept", "--disk", "restored", "--attach"], "k3s.quota");
    no_room(&app, &["snapshot", "create", "second", "--stop"], "k3s.quota");
    app.ok(&["app", "start"]);
    assert_eq!(held(), holds);
    assert!(free(&app) + 100 > before, "{before} KiB were free and are not: {}", free(&app));
    assert_ne!(app.pod()["metadata"]["uid"], pod, "stopped for the snapshot, and started");

    // What was begun is said to be half made, is used by nothing, and is finished or deleted by name.
    let half = |name: &str| (name.to_owned(), "creating".to_owned());
    let ready = |name: &str| (name.to_owned(), "ready".to_owned());
    assert!(states(&app, "disk", "disks").contains(&half("restored")));
    assert_eq!(states(&app, "snapshot", "snapshots"), [ready("kept"), half("second")]);
    app.fails(&["disk", "attach", "restored"], 5);
    app.ok(&["--yes", "snapshot", "delete", "second"]);
    app.ok(&["--yes", "disk", "delete", "restored"]);
    assert_eq!(states(&app, "disk", "disks"), disks);

    // With room the same commands succeed.
    app.exec("web", &["rm", "/www/noise"]);
    app.ok(&["snapshot", "restore", "kept", "--disk", "restored", "--attach"]);
    assert_eq!(held(), holds);
    app.ok(&["--yes", "disk", "delete", &first]);
}
