//! `kill -9` of the program while an archive is written or read, after so many bytes: half an archive is never taken for a
//! whole one, half a disk never counts, and the same command again finishes the work.

mod bed;

use bed::{App, WEB};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How much the disk of these tests holds, which no compression makes smaller: more than fits into all the buffers on the way.
const MIB: u64 = 96;
/// After how many MiB of an export the program dies.
const EXPORTS: [u64; 4] = [0, 9, 30, 70];
/// After how many MiB of an import, of an export and of a tar archive from elsewhere.
const IMPORTS: [(&str, u64); 5] =
    [("disk.kx", 0), ("disk.kx", 20), ("disk.kx", 60), ("plain.tar", 0), ("plain.tar", 60)];
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until `ready`, while `child` runs.
fn wait_for(child: &mut Child, what: &str, ready: impl Fn() -> bool) {
    let late = Instant::now() + PATIENCE;
    while !ready() {
        assert!(child.try_wait().expect("a state").is_none(), "it ended before {what}");
        assert!(Instant::now() < late, "it never came to {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs a command and kills it as soon as `ready`.
fn killed(app: &App, arguments: &[&str], what: &str, ready: impl Fn() -> bool) {
    let mut child =
        app.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
    wait_for(&mut child, what, ready);
    child.kill().expect("it is killed");
    assert!(!child.wait().expect("it ended").success(), "{arguments:?} ended before {what}");
    // The Lease of the dead one would expire within 35 seconds.
    let namespace = app.namespace();
    bed::kubectl(&["--namespace", &namespace, "delete", "lease", "kompox-operation", "--ignore-not-found"]);
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

/// Bytes of all files below a folder that others work in.
fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => bytes_below(&entry.path()),
        Ok(_) => length(&entry.path()),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

fn disk(app: &App, name: &str) -> Option<Value> {
    let disks = app.json(&["disk", "list"])["disks"].clone();
    disks.as_array().expect("a list").iter().find(|disk| disk["name"] == name).cloned()
}

/// What the app's disk holds.
fn held(app: &App) -> String {
    app.exec("web", &["sh", "-c", "cd /www && sha256sum noise page | cut -c 1-64; ls -A | wc -l"])
}

/// An app that is stopped, the name of its disk, and what that holds.
fn stopped(name: &str) -> (App, String, String) {
    let app = App::new(name, WEB);
    app.deploy();
    let fill = format!(
        "echo kept > /www/page; dd if=/dev/urandom of=/www/noise bs=1M count={MIB} 2>/dev/null; sync"
    );
    app.exec("web", &["sh", "-c", &fill]);
    let holds = held(&app);
    let disk = app.json(&["disk", "list"])["disks"][0]["name"].as_str().expect("a name").to_owned();
    app.ok(&["app", "stop"]);
    (app, disk, holds)
}

/// Past the test runner, which keeps what passing tests print to itself.
fn tell(what: &str, points: usize) {
    let line = format!("kill points of {what}: {points}, lost: 0\n");
    std::io::stderr().write_all(line.as_bytes()).expect("standard error");
}

#[test]
fn an_export_that_was_killed_goes_on_and_is_never_taken_for_a_whole_one() {
    let (app, name, holds) = stopped("cutoff");
    let path = |file: &str| app.folder().join(file);
    let export = ["disk", "export", &name, "disk.kx"];
    for mib in EXPORTS {
        let partial = path("disk.kx.partial");
        killed(&app, &export, &format!("{mib} MiB of the file"), || length(&partial) > mib << 20);
        assert!(!path("disk.kx").exists(), "{mib} MiB: half a file under the name of a whole one");
        // Even under that name nothing is made of it.
        fs::copy(&partial, path("half.kx")).expect("a copy");
        let refused = app.fails(&["disk", "import", "half.kx", "half"], 3);
        assert!(refused.contains("archive."), "{mib} MiB: {refused}");
        assert_eq!(disk(&app, "half"), None);
    }
    let arrived = length(&path("disk.kx.partial"));
    let output = app.run(&export);
    let said = bed::text(&output.stderr);
    assert!(output.status.success() && said.contains("goes on after"), "{said}");
    assert!(!path("disk.kx.partial").exists() && length(&path("disk.kx")) > arrived);
    app.ok(&["disk", "import", "disk.kx", "whole"]);
    // Nobody holds the disk for the dead commands.
    app.ok(&["app", "start"]);
    app.ok(&["disk", "attach", "whole"]);
    assert_eq!(held(&app), holds);
    tell("exports", EXPORTS.len());
}

#[test]
fn an_import_that_was_killed_leaves_no_disk_that_counts() {
    let (app, name, holds) = stopped("halfway");
    app.ok(&["disk", "export", &name, "disk.kx"]);
    let data = app.on_disk("");
    let tar = app.folder().join("plain.tar");
    let packed =
        std::process::Command::new("tar").arg("-C").arg(&data).arg("-cf").arg(&tar).arg("volumes").status();
    assert!(packed.expect("tar runs").success());
    app.ok(&["app", "start"]);
    let volume = data.ancestors().nth(3).expect("the volume's folder").to_owned();
    for (file, mib) in IMPORTS {
        let import = ["disk", "import", file, "new"];
        let what = format!("{mib} MiB of {file}");
        let before = bytes_below(&volume);
        killed(&app, &import, &what, || bytes_below(&volume) > before + (mib << 20));
        if let Some(half) = disk(&app, "new") {
            assert_eq!(half["assigned"], false, "{what}: {half}");
            if half["state"] == "ready" {
                // What was on its way was all the rest: then nothing may be missing before it is repeated.
                app.ok(&["disk", "attach", "new"]);
                assert_eq!(held(&app), holds, "{what}: {half}");
                app.ok(&["disk", "attach", &name]);
            } else {
                app.fails(&["disk", "assign", "new"], 5);
            }
        }
        app.ok(&import);
        app.ok(&["disk", "attach", "new"]);
        assert_eq!(held(&app), holds, "{what}");
        app.ok(&["disk", "attach", &name]);
        app.ok(&["--yes", "disk", "delete", "new"]);
    }
    tell("imports", IMPORTS.len());
}

/// Where there was no disk before, half a one must not become the first.
#[test]
fn a_first_disk_that_was_half_imported_is_not_started_on() {
    let (app, name, holds) = stopped("origin");
    app.ok(&["disk", "export", &name, "disk.kx"]);
    let other = App::new("first", WEB);
    fs::copy(app.folder().join("disk.kx"), other.folder().join("disk.kx")).expect("a copy");
    let store = app.on_disk("").ancestors().nth(5).expect("the store").to_owned();
    let namespace = other.namespace();
    let hash = namespace.rsplit('-').next().expect("the app's hash");
    let import = ["disk", "import", "disk.kx", "new"];
    killed(&other, &import, "a quarter of it", || bytes_below(&store.join(hash)) > (MIB / 4) << 20);
    // What was on its way may have been all the rest.
    if disk(&other, "new").is_some_and(|half| half["state"] != "ready") {
        // It is neither used nor made an empty one.
        other.fails(&["app", "deploy"], 5);
    }
    other.ok(&import);
    other.deploy();
    assert_eq!(
        (held(&other), disk(&other, "new").expect("the disk")["assigned"].clone()),
        (holds, true.into())
    );
    tell("imports of a first disk", 1);
}
