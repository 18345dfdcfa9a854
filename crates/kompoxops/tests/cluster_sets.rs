//! All volumes of an app at once on a real cluster: as a set of snapshots that comes back whole, and as the data of another
//! app.

mod bed;

use bed::App;
use serde_json::Value;
use std::collections::BTreeSet;

/// A service with two volumes, the second of which has disks of its own.
const COMPOSE: &str = "
services:
  web:
    image: localhost/busybox:1
    command: [sleep, infinity]
    volumes: ['www:/www', 'db:/db']
    stop_grace_period: 1s
volumes: {www: , db: }
";
const OWN: &str = "  volumes:\n    - name: default\n    - name: db\n";

/// Writes the same to both volumes.
fn write(app: &App, what: &str) {
    let script =
        format!("echo {what} > /www/file; echo {what} > /db/file; chown 77 /db/file; chmod 640 /db/file");
    app.exec("web", &["sh", "-c", &script]);
}

/// What both volumes hold.
fn held(app: &App) -> String {
    app.exec("web", &["sh", "-c", "cat /www/file /db/file; stat -c %a%u /db/file; ls /www /db | wc -l"])
}

fn holds(what: &str) -> String {
    // Two names, two headings, and the empty line between.
    format!("{what}\n{what}\n64077\n5\n")
}

fn disks(app: &App) -> Vec<Value> {
    app.json(&["disk", "list"])["disks"].as_array().expect("a list").clone()
}

/// Volume and name of each assigned disk.
fn assigned(app: &App) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let assigned = disks(app).into_iter().filter(|disk| disk["assigned"] == true);
    assigned.map(|disk| (text(&disk["volume"]), text(&disk["name"]))).collect()
}

#[test]
fn a_set_comes_back_whole_and_all_volumes_are_switched_at_once() {
    let app = App::with("set", COMPOSE, OWN);
    app.deploy();
    write(&app, "first");
    let made = app.json(&["snapshot", "create", "s1", "--all", "--stop"]);
    assert_eq!(made["snapshots"].as_array().expect("a list").len(), 2, "{made}");
    for volume in ["default", "db"] {
        let own = app.json(&["snapshot", "list", "--volume", volume])["snapshots"].clone();
        assert_eq!((own[0]["volume"].clone(), own[1].clone()), (volume.into(), Value::Null), "{own}");
        let own = app.json(&["disk", "list", "--volume", volume])["disks"].clone();
        assert_eq!((own[0]["volume"].clone(), own[1].clone()), (volume.into(), Value::Null), "{own}");
    }
    write(&app, "second");
    app.ok(&["snapshot", "create", "s2", "--all", "--stop"]);
    write(&app, "third");
    let former = assigned(&app);
    let pod = app.pod()["metadata"]["uid"].clone();

    // Without --attach the app goes on, and nothing of what it uses changes.
    app.ok(&["snapshot", "restore", "s2", "--all", "--disk", "beside"]);
    assert_eq!((assigned(&app), held(&app)), (former.clone(), holds("third")));
    assert_eq!(app.pod()["metadata"]["uid"], pod);

    let switched = app.json(&["snapshot", "restore", "s1", "--all", "--disk", "again", "--attach"]);
    let again = ["db", "default"].map(|volume| (volume.to_owned(), "again".to_owned()));
    assert_eq!(assigned(&app), BTreeSet::from(again), "{switched}");
    assert_eq!(held(&app), holds("first"));
    write(&app, "fourth");

    // Half a set is none: nothing is made, and the app runs on.
    app.ok(&["--yes", "snapshot", "delete", "s2", "--volume", "db"]);
    let (before, pod) = (disks(&app), app.pod()["metadata"]["uid"].clone());
    let refused = app.fails(&["snapshot", "restore", "s2", "--all", "--disk", "never", "--attach"], 4);
    assert!(refused.contains("no whole set"), "{refused}");
    assert_eq!((disks(&app), app.pod()["metadata"]["uid"].clone()), (before, pod));

    // The disks there were are as they were left, and neither restore has changed a snapshot.
    for (volume, disk) in former {
        app.ok(&["disk", "attach", &disk, "--volume", &volume]);
    }
    assert_eq!(held(&app), holds("third"));
    app.ok(&["snapshot", "restore", "s1", "--all", "--disk", "last", "--attach"]);
    assert_eq!(held(&app), holds("first"));
}

/// A slip of the pen is told, and does not look like a volume that has nothing.
#[test]
fn a_volume_that_the_app_does_not_have_is_no_empty_one() {
    let app = App::with("slip", COMPOSE, OWN);
    app.deploy();
    for arguments in [
        &["disk", "list", "--volume", "bd"][..],
        &["disk", "create", "new", "--volume", "bd"],
        &["disk", "log", "new", "--volume", "bd"],
        &["snapshot", "list", "--volume", "bd"],
        &["snapshot", "create", "--volume", "bd"],
        &["snapshot", "restore", "s1", "--volume", "bd"],
    ] {
        let refused = app.fails(arguments, 4);
        assert!(
            refused.contains("disk.volume-unknown") && refused.contains("it has: default, db"),
            "{refused}"
        );
    }
    // Deleting what is not there is success, and says so.
    for noun in ["disk", "snapshot"] {
        assert_eq!(app.json(&["--yes", noun, "delete", "none", "--volume", "db"])["deleted"], false);
    }
    // One that has disks and is configured no more is shown all the same.
    app.ok(&["--yes", "app", "destroy"]);
    app.write("compose.yml", &COMPOSE.replace(", 'db:/db'", "").replace(", db: ", ""));
    app.configure("");
    let left = app.json(&["disk", "list", "--volume", "db"])["disks"].clone();
    assert_eq!(left[0]["volume"], "db", "{left}");
}

#[test]
fn a_clone_has_the_data_and_the_original_is_as_it_was() {
    let app = App::with("original", COMPOSE, OWN);
    let twin = App::with("twin", COMPOSE, OWN);
    app.write(
        "twin.yml",
        &format!(
            "apiVersion: ops.kompox.dev/v1alpha1\nkind: App\nmetadata: {{name: {}}}\nspec: {{workspace: test, provider: k3s, \
             cluster: local, compose: compose.yml, volumes: [{{name: default}}, {{name: db}}]}}\n",
            twin.name
        ),
    );
    let clone = |more: &[&'static str]| {
        [
            &["--file", "kompoxops.yml", "--kom", "twin.yml", "--app", &app.name, "app", "clone", &twin.name],
            more,
        ]
        .concat()
    };
    app.deploy();
    write(&app, "first");
    app.ok(&["disk", "create", "spare"]);
    let (before, pod) = (disks(&app), app.pod()["metadata"]["uid"].clone());

    // Plain folders are not copied in use without consent, and a dry run asks for none.
    let refused = app.fails(&clone(&[]), 5);
    assert!(refused.contains("snapshot.set-in-use"), "{refused}");
    let planned = app.json(&clone(&["--stop", "--dry-run"]));
    assert_eq!(planned["disks"].as_array().expect("a list").len(), 2, "{planned}");
    assert_eq!((disks(&twin), app.pod()["metadata"]["uid"].clone()), (vec![], pod));

    let cloned = app.json(&clone(&["--stop"]));
    assert!(cloned["outage_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{cloned}");
    assert_eq!((disks(&app), held(&app)), (before.clone(), holds("first")), "the original is as it was");
    assert_eq!(
        app.json(&["snapshot", "list"])["snapshots"],
        serde_json::json!([]),
        "nothing is left of the copy"
    );
    write(&app, "second");
    assert_eq!(assigned(&twin).len(), 2);
    twin.deploy();
    assert_eq!(held(&twin), holds("first"));

    // What one writes is not the other's.
    write(&twin, "third");
    assert_eq!((held(&app), held(&twin)), (holds("second"), holds("third")));

    // The other app has data now: refused, and nothing is stopped or made.
    let pods = || [&app, &twin].map(|app| app.pod()["metadata"]["uid"].clone());
    let (was, theirs) = (pods(), disks(&twin));
    let refused = app.fails(&clone(&["--stop"]), 5);
    assert!(refused.contains("app.clone.occupied"), "{refused}");
    assert_eq!((pods(), disks(&twin), disks(&app)), (was, theirs, before));
    assert_eq!((held(&app), held(&twin)), (holds("second"), holds("third")));
    assert_eq!(app.json(&["snapshot", "list"])["snapshots"], serde_json::json!([]));

    // A volume that the other app does not know would be left behind.
    let text = std::fs::read_to_string(app.folder().join("twin.yml")).expect("a file");
    app.write("twin.yml", &text.replace(", {name: db}", ""));
    let refused = app.fails(&clone(&["--stop"]), 3);
    assert!(refused.contains("app.clone.volume"), "{refused}");
}
