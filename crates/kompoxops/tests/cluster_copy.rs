//! `app cp` with a real kubelet and container runtime (GEN-19).

mod bed;

use bed::{App, text};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long the cluster may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// An image with a shell that has a volume, and one without a shell.
const COMPOSE: &str = "
services:
  web: {image: 'localhost/busybox:1', command: [sleep, infinity], stop_grace_period: 1s, volumes: ['data:/data']}
  bare: {image: 'localhost/testserver:1', stop_grace_period: 1s, volumes: ['data:/data', 'bare:/own']}
volumes: {data: {}, bare: {}}
";

/// 100 MB that no compression and no page of zeros makes smaller.
fn noise(path: &Path) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(100_000_000);
    while bytes.len() < 100_000_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    fs::write(path, bytes).expect("a file");
}

fn sum(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().expect("sha256sum runs");
    text(&output.stdout).split(' ').next().expect("a sum").to_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    names
}

/// Runs kompoxops with this on its standard input.
fn piped(app: &App, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = app.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    // It may refuse before it has read everything.
    let _ = child.stdin.take().expect("its input").write_all(input);
    child.wait_with_output().expect("an end")
}

fn interrupt(pid: u32) {
    assert!(Command::new("kill").args(["-INT", &pid.to_string()]).status().expect("kill runs").success());
}

#[test]
fn files_and_folders_go_both_ways_whole_or_not_at_all() {
    let app = App::new("copy", COMPOSE);
    app.deploy();
    let at = |path: &str| app.folder().join(path);
    hundred_megabytes(&app);
    folders(&app);
    streams(&app);
    refusals(&app);
    cut(&app);
    assert!(names(app.folder()).iter().all(|name| !name.starts_with(".kompox-copy")), "{:?}", names(&at("")));
}

fn hundred_megabytes(app: &App) {
    let at = |path: &str| app.folder().join(path);
    noise(&at("big"));
    // Into the image without a shell, seen by the one that has one: they share the volume.
    app.ok(&["app", "cp", "big", "bare:/data/big"]);
    let there = app.exec("web", &["sha256sum", "/data/big"]);
    assert_eq!(there.split(' ').next(), Some(sum(&at("big")).as_str()));
    app.ok(&["app", "cp", "bare:/data/big", "back"]);
    assert_eq!(sum(&at("back")), sum(&at("big")));
    fs::remove_file(at("back")).expect("it was there");
}

fn folders(app: &App) {
    let at = |path: &str| app.folder().join(path);
    app.write("site/index.html", "hello\n");
    app.write("site/deep/\u{fc}ber.txt", "\u{0}\n");
    fs::set_permissions(at("site/index.html"), fs::Permissions::from_mode(0o640)).expect("a mode");
    symlink("../../../etc/passwd", at("site/link")).expect("a link");
    app.ok(&["app", "cp", "site", "bare:/own"]);
    app.ok(&["app", "cp", "site/.", "bare:/own/content"]);
    app.ok(&["app", "cp", "bare:/own/site", "got"]);
    assert_eq!(names(&at("got")), ["deep", "index.html", "link"]);
    assert_eq!(fs::read(at("got/deep/\u{fc}ber.txt")).expect("a file"), b"\0\n");
    assert_eq!(fs::metadata(at("got/index.html")).expect("a file").permissions().mode() & 0o7777, 0o640);
    assert_eq!(fs::read_link(at("got/link")).expect("a link"), Path::new("../../../etc/passwd"));
    // Into a folder that is there, under its own name; the content alone beside what it holds.
    app.ok(&["app", "cp", "bare:/own/content", "got"]);
    app.ok(&["app", "cp", "bare:/own/site/.", "got"]);
    assert_eq!(names(&at("got")), ["content", "deep", "index.html", "link"]);
    // The link inside leads out of the folder; what comes later under its name replaces it.
    let before = fs::read("/etc/passwd").expect("a file");
    app.ok(&["app", "cp", "bare:/own/site/index.html", "got/link"]);
    assert_eq!(fs::read(at("got/link")).expect("a file"), b"hello\n");
    assert_eq!(fs::read("/etc/passwd").expect("a file"), before);
}

fn streams(app: &App) {
    let output = app.run(&["app", "cp", "web:/data/../own/none/.", "-"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(4), 0), "{}", text(&output.stderr));
    let archive = app.run(&["app", "cp", "bare:/own/site", "-"]);
    assert!(archive.status.success(), "{}", text(&archive.stderr));
    let listed = {
        let mut tar = Command::new("tar");
        let mut child = tar.args(["-t"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("tar");
        child.stdin.take().expect("its input").write_all(&archive.stdout).expect("tar reads");
        text(&child.wait_with_output().expect("an end").stdout)
    };
    assert!(listed.starts_with("site/\n") && listed.contains("site/index.html\n"), "{listed}");
    let output = piped(app, &["app", "cp", "-", "web:/tmp"], &archive.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(app.exec("web", &["cat", "/tmp/site/index.html"]), "hello\n");
    let output = piped(app, &["app", "cp", "-", "web:/tmp"], &archive.stdout[..1500]);
    assert!(text(&output.stderr).contains("cut short"), "{}", text(&output.stderr));
}

fn refusals(app: &App) {
    let refused = app.fails(&["app", "cp", "bare:/no/such/file", "x"], 4);
    assert!(refused.contains("error[app.copy.failed]") && refused.contains("in bare: "), "{refused}");
    let refused = app.fails(&["app", "cp", "no-such-file", "bare:/data"], 4);
    assert!(refused.contains("error[app.copy.failed]") && refused.contains("no-such-file"), "{refused}");
    let refused = app.fails(&["app", "cp", "compose.yml", "bare:/nowhere/x"], 4);
    assert!(refused.contains("/nowhere"), "{refused}");
    let refused = app.fails(&["app", "cp", "bare:/own/site", "compose.yml"], 5);
    assert!(refused.contains("is no folder"), "{refused}");
    let refused = app.fails(&["app", "cp", "none:/data", "x"], 4);
    assert!(refused.contains("error[app.service.unknown]"), "{refused}");
    let refused = app.fails(&["app", "cp", "a", "b"], 2);
    assert!(refused.contains("neither SRC nor DEST"), "{refused}");
    // 100 MB are not sent when the other side has said no.
    let started = Instant::now();
    let refused = app.fails(&["app", "cp", "big", "bare:/nowhere/x"], 4);
    assert!(refused.contains("/nowhere") && started.elapsed() < Duration::from_secs(20), "{refused}");
}

/// Interrupts a copy of each direction in the middle: what was there before stays.
fn cut(app: &App) {
    let at = |path: &str| app.folder().join(path);
    app.exec("web", &["sh", "-c", "echo old > /data/target"]);
    let mut command = app.command(&["app", "cp", "-", "web:/data"]);
    command.stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let mut input = child.stdin.take().expect("its input");
    let mut head = tar_header("target", 1 << 30);
    head.extend(std::iter::repeat_n(7, 1 << 20));
    input.write_all(&head).expect("it reads");
    until("the copy begins", || app.exec("web", &["ls", "-A", "/data"]).contains(".kompox-copy-"));
    interrupt(child.id());
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    drop(input);
    until("the other end cleans up", || !app.exec("web", &["ls", "-A", "/data"]).contains(".kompox-copy-"));
    assert_eq!(app.exec("web", &["cat", "/data/target"]), "old\n");
    app.write("got-big", "old");
    let mut child =
        app.command(&["app", "cp", "web:/dev", "got-dev"]).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut told = String::new();
    child.stderr.take().expect("its output").read_to_string(&mut told).expect("text");
    assert!(child.wait().expect("an end").success() && told.contains("left out"), "{told}");
    app.exec("web", &["truncate", "-s", "30G", "/data/endless"]);
    let mut child = app
        .command(&["app", "cp", "web:/data/endless", "got-big"])
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    until("the copy begins", || names(app.folder()).iter().any(|name| name.starts_with(".kompox-copy-")));
    interrupt(child.id());
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert_eq!(fs::read(at("got-big")).expect("a file"), b"old");
    app.exec("web", &["rm", "/data/endless"]);
}

fn tar_header(name: &str, size: u64) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..124].copy_from_slice(b"0000000\x000000000\0");
    header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..157].copy_from_slice(b"        0");
    header[257..265].copy_from_slice(b"ustar  \0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !seen() {
        assert!(Instant::now() < deadline, "{what}: not seen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn without_the_program_it_is_said_how_to_get_it() {
    let compose = |more: &str| {
        format!(
            "services: {{web: {{image: 'localhost/busybox:1', command: [sleep, infinity], stop_grace_period: 1s{more}}}}}\n"
        )
    };
    let app = App::new("copy-without", &compose(""));
    app.deploy();
    let refused = app.fails(&["app", "cp", "web:/etc/passwd", "."], 7);
    assert!(refused.contains("error[app.copy.no-program]") && refused.contains("copy: true"), "{refused}");
    app.write("compose.yml", &compose(", x-kompox: {copy: true}"));
    app.deploy();
    app.ok(&["app", "cp", "web:/etc/passwd", "."]);
    assert!(fs::read_to_string(app.folder().join("passwd")).expect("a file").contains("root"));
}
