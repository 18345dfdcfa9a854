//! A stop or a failure before every single change of the file system, then the same request again.

use crate::program::{run, run_with_fault, store_arguments};
use crate::requests::{create_request, disks, made, volume};
use crate::{copy_up, fill, shown};
use kompox_node_protocol::{AssignDisk, DeleteDisk, Operation, Request, UnassignDisk};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Output;
use tempfile::tempdir;

/// More steps than any request has.
const MANY: usize = 400;

/// One thing to do, again and again, with a fault at each of its steps.
struct Case<'a> {
    name: &'a str,
    /// What is there before, beneath a folder.
    before: &'a dyn Fn(&Path),
    arguments: &'a dyn Fn(&Path) -> Vec<String>,
    input: &'a [u8],
    /// What must hold after a fault, before the repetition.
    holds: &'a dyn Fn(&Path),
}

fn run_case(case: &Case<'_>, root: &Path, fault: Option<&str>) -> Output {
    let arguments = (case.arguments)(root);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match fault {
        Some(fault) => run_with_fault(&arguments, case.input, fault),
        None => run(&arguments, case.input),
    }
}

fn is_done(output: &Output) -> bool {
    output.status.success() && !output.stdout.starts_with(br#"{"version":2,"outcome":{"error""#)
}

/// Runs the case without a fault, then with one at every step; each time the repetition must end in the same state.
/// Returns the number of steps.
fn check(case: &Case<'_>) -> usize {
    let name = case.name;
    let reference = tempdir().unwrap();
    (case.before)(reference.path());
    let output = run_case(case, reference.path(), None);
    assert!(is_done(&output), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    let expected = shown::tree(reference.path());
    for step in 1..MANY {
        let mut reached = false;
        for how in ["abort", "fail"] {
            let temp = tempdir().unwrap();
            (case.before)(temp.path());
            let output = run_case(case, temp.path(), Some(&format!("{how}:{step}")));
            reached |= how == "abort" && !output.status.success();
            (case.holds)(temp.path());
            let output = run_case(case, temp.path(), None);
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(is_done(&output), "{name}, {how} at step {step}: {said}");
            assert_eq!(shown::tree(temp.path()), expected, "{name}, {how} at step {step}");
        }
        if !reached {
            return step - 1;
        }
    }
    panic!("{name} has more than {MANY} steps");
}

/// Written past the test runner, which keeps what passing tests print to itself.
fn tell(points: usize) {
    let line = format!("kill points: {points}, lost: 0\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn check_request(name: &str, before: &dyn Fn(&Path), operation: Operation, holds: &dyn Fn(&Path)) -> usize {
    let input = Request::new(operation).encode();
    let arguments = |root: &Path| store_arguments(&root.join("disks")).map(str::to_owned).to_vec();
    let before = |root: &Path| before(&root.join("disks"));
    let holds = |root: &Path| holds(&root.join("disks"));
    check(&Case { name, before: &before, arguments: &arguments, input: input.as_bytes(), holds: &holds })
}

fn create(disk: &str, generation: u64) -> Operation {
    let mut request = create_request(volume("db"), disk, generation);
    request.if_not_exists = true;
    Operation::Create(request)
}

/// Disk d1 with content, assigned, and an unassigned d2.
fn two_disks(root: &Path) {
    let data = root.join(made(root, "d1", 0).disk.path);
    fs::write(data.join("mine"), "mine").unwrap();
    let data = root.join(made(root, "d2", 1).disk.path);
    fs::create_dir_all(data.join("a/b/c")).unwrap();
    fs::write(data.join("a/b/c/file"), "1").unwrap();
}

/// Nothing is unreadable, d1 keeps its content, and exactly one disk is assigned.
fn nothing_is_lost(root: &Path) {
    assert_eq!(fs::read_to_string(root.join("k9x84f/db/disks/d1/data/mine")).unwrap(), "mine");
    let found = disks(root);
    assert_eq!(found.iter().filter(|name| name.ends_with('*')).count(), 1, "{found:?}");
}

#[test]
fn every_step_of_the_store_may_be_the_last() {
    let mut points = 0;
    points += check_request("first disk", &|_| {}, create("d1", 0), &|root| {
        // A disk that can be seen is assigned, also while it is being made.
        let found = disks(root);
        assert!(found.is_empty() || found == ["d1*"], "{found:?}");
    });
    points += check_request("later disk", &two_disks, create("d3", 1), &nothing_is_lost);
    let emptied = |root: &Path| {
        two_disks(root);
        fs::remove_dir_all(root.join("k9x84f/db/disks/d1")).unwrap();
        fs::remove_dir_all(root.join("k9x84f/db/disks/d2")).unwrap();
        let record = root.join("k9x84f/db/volume.json");
        let text = fs::read_to_string(&record).unwrap().replace("\"assigned\": \"d1\"", "\"assigned\": null");
        fs::write(record, text).unwrap();
    };
    points += check_request("first disk of a known volume", &emptied, create("d9", 1), &|root| {
        let listing = crate::requests::list(root, None).unwrap();
        for disk in listing.volumes.iter().flat_map(|volume| &volume.disks) {
            let ready = disk.record.state == kompox_node_protocol::DiskState::Ready;
            assert!(disk.assigned || !ready, "{disk:?}");
        }
    });
    let assign = AssignDisk { volume: volume("db"), generation: 1, disk: "d2".into() };
    points += check_request("assign", &two_disks, Operation::Assign(assign), &nothing_is_lost);
    let unassign = UnassignDisk { volume: volume("db"), generation: 1, disk: "d1".into() };
    points += check_request("unassign", &two_disks, Operation::Unassign(unassign), &|root| {
        assert_eq!(disks(root).len(), 2);
    });
    let delete = DeleteDisk { volume: volume("db"), generation: 1, disk: "d2".into() };
    points += check_request("delete", &two_disks, Operation::Delete(delete), &nothing_is_lost);
    points += check_request("init", &|_| {}, Operation::Init {}, &|_| {});
    tell(points);
}

#[test]
fn every_step_of_an_upload_may_be_the_last() {
    let target = "disks/k9x84f/db/disks/d1/data/binds/conf";
    let input = fill::stream(&fill::header("binds/conf"), &fill::sample());
    let points = check(&Case {
        name: "upload",
        before: &|root| two_disks(&root.join("disks")),
        arguments: &|root| fill::arguments(&root.join("disks")).map(str::to_owned).to_vec(),
        input: &input,
        holds: &|root| {
            nothing_is_lost(&root.join("disks"));
            // Either nothing or all of it.
            let whole = root.join(target).join("sub/link").is_symlink();
            assert_eq!(root.join(target).exists(), whole);
        },
    });
    tell(points);
}

#[test]
fn every_step_of_a_first_filling_may_be_the_last() {
    let before = |root: &Path| {
        copy_up::image(&root.join("image"));
        fs::create_dir(root.join("disk")).unwrap();
        fs::create_dir(root.join("mount")).unwrap();
    };
    let arguments = |root: &Path| {
        let image = root.join("image");
        let fills = vec![
            copy_up::on_disk(Some(&image), &root.join("disk"), "volumes/db", None),
            copy_up::on_mount(Some(&image), &root.join("mount")),
            copy_up::on_disk(None, &root.join("disk"), "volumes/empty", None),
        ];
        ["copy-up".into(), "--plan".into(), copy_up::plan(fills)].to_vec()
    };
    let holds = |root: &Path| {
        let volume = root.join("disk/volumes/db");
        if volume.exists() {
            assert_eq!(shown::tree(&volume), shown::tree(&root.join("image")));
        }
    };
    let points = check(&Case {
        name: "first filling",
        before: &before,
        arguments: &arguments,
        input: b"",
        holds: &holds,
    });
    tell(points);
}
