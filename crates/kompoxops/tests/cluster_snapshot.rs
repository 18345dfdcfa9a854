//! Snapshots on a real cluster: what a database had is there again, and nothing is copied from under it.

mod bed;

use bed::{App, WEB, bed};
use kompox_testbed::Image;
use std::time::{Duration, Instant};

const DATABASE: &str = "
services:
  db:
    image: localhost/postgres:15
    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: secret, POSTGRES_DB: shop}
    volumes: [data:/var/lib/postgresql/data]
    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1, -U, shop], interval: 1s, timeout: 5s, retries: 60}
    stop_grace_period: 10s
volumes:
  data:
";

/// Runs SQL and returns the unadorned result.
fn sql(app: &App, text: &str) -> String {
    let line = ["psql", "-h", "127.0.0.1", "-U", "shop", "-qtAX", "-v", "ON_ERROR_STOP=1", "-c", text];
    app.exec(
        "db",
        &["sh", "-c", "PGPASSWORD=secret exec \"$@\"", "sh"].iter().chain(&line).copied().collect::<Vec<_>>(),
    )
    .trim()
    .to_owned()
}

/// Writes rows until it is killed, as a busy app does.
fn load(app: &App) -> std::process::Child {
    let script = "export PGPASSWORD=secret; while :; do psql -h 127.0.0.1 -U shop -qtAXc \
                  \"insert into orders select max(n)+1 from orders\" || exit; done";
    app.command(&["app", "exec", "-s", "db", "--", "sh", "-c", script])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("kompoxops runs")
}

#[test]
fn a_database_under_load_is_kept_and_brought_back() {
    let testbed = &bed().testbed;
    bed().cluster.load(&testbed.ensure_images(&[Image::Postgres]).unwrap()).unwrap();
    let app = App::new("keep", DATABASE);
    app.deploy();
    sql(&app, "create table orders (n bigint primary key); insert into orders values (1)");
    let mut writer = load(&app);
    let rows = || sql(&app, "select count(*) from orders").parse::<u64>().unwrap();
    let begun = rows();
    let late = Instant::now() + Duration::from_secs(120);
    while rows() < begun + 20 {
        assert!(Instant::now() < late, "nothing is written");
    }

    // Plain folders have no copies of one moment: not without consent, and nothing is stopped for the question.
    let refused = app.fails(&["snapshot", "create", "before"], 5);
    assert!(refused.contains("--stop"), "{refused}");
    assert!(rows() > begun);
    let made = app.json(&["snapshot", "create", "before", "--stop"]);
    let _ = (writer.kill(), writer.wait());
    assert!(made["stopped"] == true && made["outage_seconds"].as_f64().unwrap() > 0.0, "{made}");
    assert_eq!(made["snapshots"][0]["state"], "ready");
    let kept = rows();
    assert!(kept >= begun + 20);

    sql(&app, "drop table orders");
    let restored = app.json(&["snapshot", "restore", "before", "--disk", "again", "--attach"]);
    assert_eq!(restored["disk"]["name"], "again");
    assert_eq!(rows(), kept, "what was written before the snapshot is there");
    assert_eq!(sql(&app, "select max(n) = count(*) from orders"), "t");
    let dump = "pg_dump -h 127.0.0.1 -U shop shop | wc -c";
    app.exec("db", &["sh", "-c", &format!("PGPASSWORD=secret; export PGPASSWORD; {dump}")]);

    // What is done to the new disk changes neither the snapshot nor the old disk.
    sql(&app, "delete from orders");
    app.ok(&["disk", "attach", "--previous"]);
    assert_eq!(sql(&app, "select count(*) from pg_tables where tablename = 'orders'"), "0");
    app.ok(&["snapshot", "restore", "before", "--disk", "third", "--attach"]);
    assert_eq!(rows(), kept);
}

#[test]
fn snapshots_are_listed_deleted_and_outlive_the_app() {
    let app = App::new("shelf", WEB);
    app.deploy();
    app.exec("web", &["sh", "-c", "echo kept > /www/page"]);
    let planned = app.json(&["snapshot", "create", "one", "--stop", "--dry-run"]);
    assert!(planned["stopped"] == true && planned["snapshots"][0]["state"] == "creating", "{planned}");
    assert_eq!(app.json(&["snapshot", "list"])["snapshots"], serde_json::json!([]));
    app.ok(&["app", "stop"]);
    app.ok(&["snapshot", "create", "one"]);
    let taken = app.fails(&["snapshot", "create", "one"], 5);
    assert!(taken.contains("exists already"), "{taken}");
    app.ok(&["snapshot", "create", "one", "--if-not-exists"]);
    app.ok(&["snapshot", "create", "two"]);
    assert_eq!(app.ok(&["-o", "name", "snapshot", "list"]), "two\none\n");
    let unknown = app.fails(&["snapshot", "restore", "nine"], 4);
    assert!(unknown.contains("has no snapshot nine"), "{unknown}");
    let small = app.fails(&["snapshot", "restore", "one", "--size", "1Mi"], 3);
    assert!(small.contains("does not fit"), "{small}");
    app.ok(&["app", "start"]);

    // Another app's snapshots are not seen, and a destroy touches none.
    app.ok(&["--yes", "app", "destroy", "--delete-namespace"]);
    assert_eq!(app.ok(&["-o", "name", "snapshot", "list"]), "two\none\n");
    app.deploy();
    app.exec("web", &["sh", "-c", "echo damaged > /www/page"]);
    app.ok(&["snapshot", "restore", "one", "--disk", "mended", "--attach"]);
    assert_eq!(app.exec("web", &["cat", "/www/page"]), "kept\n");
    let question = app.fails(&["snapshot", "delete", "one"], 2);
    assert!(question.contains("--yes"), "{question}");
    for expected in [true, false] {
        let deleted = app.json(&["--yes", "snapshot", "delete", "one"]);
        assert_eq!(deleted["deleted"], expected);
    }
    assert_eq!(app.exec("web", &["cat", "/www/page"]), "kept\n", "a disk made from it stays");
}

/// Each disk keeps what was written while it was the one in use, and nothing of the other's.
#[test]
fn a_database_is_switched_between_two_disks_ten_times() {
    let testbed = &bed().testbed;
    bed().cluster.load(&testbed.ensure_images(&[Image::Postgres]).unwrap()).unwrap();
    let app = App::new("switch", DATABASE);
    app.deploy();
    sql(&app, "create table visits (n bigint primary key); insert into visits values (0)");
    let first = app.json(&["disk", "list"])["disks"][0]["name"].as_str().unwrap().to_owned();
    app.ok(&["snapshot", "create", "start", "--stop"]);
    app.ok(&["snapshot", "restore", "start", "--disk", "second"]);
    for visit in 1..=10_u64 {
        let disk = if visit % 2 == 1 { "second" } else { first.as_str() };
        let mut writer = load_visits(&app);
        let switched = app.json(&["disk", "attach", disk]);
        let _ = (writer.kill(), writer.wait());
        assert_eq!(switched["disk"]["name"], disk, "visit {visit}");
        // Of this disk's own visits, no row is missing between the first and the last.
        let whole = sql(&app, "select count(*) = max(n) + 1 from visits");
        assert_eq!(whole, "t", "visit {visit}");
        let assigned = app.json(&["disk", "list"])["disks"].clone();
        let assigned = assigned.as_array().unwrap().iter().filter(|disk| disk["assigned"] == true).count();
        assert_eq!(assigned, 1, "visit {visit}");
    }
}

/// Writes rows until the Pod goes.
fn load_visits(app: &App) -> std::process::Child {
    let script = "export PGPASSWORD=secret; while :; do psql -h 127.0.0.1 -U shop -qtAXc \
                  \"insert into visits select max(n)+1 from visits\" || exit; done";
    app.command(&["app", "exec", "-s", "db", "--", "sh", "-c", script])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("kompoxops runs")
}

/// The services say how they hold still: nothing is stopped, and nothing is torn.
#[test]
fn a_database_that_holds_still_is_copied_while_it_runs() {
    let testbed = &bed().testbed;
    bed().cluster.load(&testbed.ensure_images(&[Image::Postgres]).unwrap()).unwrap();
    // Every process of the server is stopped, so that no byte of its files changes until they go on.
    // A session that ends between the list and the signal fails the first try; then nobody begins another.
    let hook = "
    x-kompox:
      quiesce:
        freeze: [sh, -c, 'PGPASSWORD=secret psql -h 127.0.0.1 -U shop -qc checkpoint && touch /tmp/held && (kill -STOP $(pidof postgres) || kill -STOP $(pidof postgres))']
        thaw: [sh, -c, 'kill -CONT $(pidof postgres); rm -f /tmp/held']
        timeout: 60s
volumes:";
    let app = App::new("still", &DATABASE.replace("\nvolumes:", hook));
    app.deploy();
    sql(&app, "create table orders (n bigint primary key); insert into orders values (1)");
    let mut writer = load(&app);
    let rows = || sql(&app, "select count(*) from orders").parse::<u64>().unwrap();
    let pod = app.pod()["metadata"]["uid"].clone();
    let made = app.json(&["snapshot", "create", "alive"]);
    assert!(made["stopped"] == false && made["outage_seconds"].is_null(), "{made}");
    assert_eq!(app.pod()["metadata"]["uid"], pod, "the same Pod");
    assert_eq!(app.exec("db", &["sh", "-c", "ls /tmp/held 2>/dev/null; exit 0"]), "", "let go");
    let after = rows();
    let late = Instant::now() + Duration::from_secs(60);
    while rows() <= after {
        assert!(Instant::now() < late, "the database goes on");
    }
    let _ = (writer.kill(), writer.wait());
    app.ok(&["snapshot", "restore", "alive", "--disk", "copy", "--attach"]);
    let restored = rows();
    assert!((1..=after).contains(&restored), "{restored} of {after}");
    assert_eq!(sql(&app, "select max(n) = count(*) from orders"), "t");

    // Killed while the data are held: they are let go, and the repeat makes the snapshot.
    let mut child = app
        .command(&["snapshot", "create", "second"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let told = std::io::BufReader::new(child.stderr.take().unwrap());
    let held = std::io::BufRead::lines(told).map_while(Result::ok).any(|line| line.contains("held still"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(held);
    let late = Instant::now() + Duration::from_secs(70);
    while !app.exec("db", &["sh", "-c", "ls /tmp/held 2>/dev/null; exit 0"]).is_empty() {
        assert!(Instant::now() < late, "nobody let go");
    }
    assert_eq!(rows(), restored);
    bed::kubectl(&[
        "--namespace",
        &app.namespace(),
        "delete",
        "lease",
        "kompox-operation",
        "--ignore-not-found",
    ]);
    app.ok(&["snapshot", "create", "second", "--if-not-exists"]);

    // A hook that fails makes no snapshot and leaves nothing held.
    let broken = DATABASE.replace("\nvolumes:", &hook.replace("psql", "no-such-program"));
    app.write("compose.yml", &broken);
    app.deploy();
    let refused = app.fails(&["snapshot", "create", "third"], 5);
    assert!(refused.contains("could not be held still"), "{refused}");
    assert_eq!(app.ok(&["-o", "name", "snapshot", "list"]), "second\nalive\n");
}
