//! A stop or a failure before every single change of the file system, then the same request again.

use crate::filesystem::{On, on_each, quick};
use crate::program::{run, run_with_fault, store_arguments};
use crate::requests::{
    copy_request, create_request, disks, fence, list, made, set_holder, snapshot, snapshot_request, volume,
};
use crate::{copy_up, fill, shown};
use kompox_node_protocol::{
    AssignDisk, CreateDisk, CreateSnapshot, DeleteDisk, DeleteSnapshot, DiskState, Fence, Holder, Operation,
    Request, SetHolder, UnassignDisk, VolumeRef,
};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

/// More steps than any request has.
const MANY: usize = 400;

/// One thing to do, again and again, with a fault at each of its steps.
pub(crate) struct Case<'a> {
    pub(crate) name: &'a str,
    /// Where it is done, each time in a folder of its own.
    pub(crate) base: &'a Path,
    /// What is there before, beneath a folder.
    pub(crate) before: &'a dyn Fn(&Path),
    pub(crate) arguments: &'a dyn Fn(&Path) -> Vec<String>,
    pub(crate) input: &'a [u8],
    /// What must hold after a fault, before the repetition.
    pub(crate) holds: &'a dyn Fn(&Path),
}

/// Read-only subvolumes are in the way of an ordinary removal; what is here goes with all of the base.
pub(crate) fn place(base: &Path) -> PathBuf {
    tempfile::tempdir_in(base).unwrap().keep()
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
    output.status.success() && !output.stdout.starts_with(br#"{"version":5,"outcome":{"error""#)
}

/// Runs the case without a fault, then with one at every step; each time the repetition must end in the same state.
/// Returns the number of steps.
pub(crate) fn check(case: &Case<'_>) -> usize {
    let name = case.name;
    let reference = place(case.base);
    (case.before)(&reference);
    let output = run_case(case, &reference, None);
    assert!(is_done(&output), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    let expected = shown::tree(&reference);
    for step in 1..MANY {
        let mut reached = false;
        for how in ["abort", "fail"] {
            let root = place(case.base);
            (case.before)(&root);
            let output = run_case(case, &root, Some(&format!("{how}:{step}")));
            reached |= how == "abort" && !output.status.success();
            (case.holds)(&root);
            let output = run_case(case, &root, None);
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(is_done(&output), "{name}, {how} at step {step}: {said}");
            assert_eq!(shown::tree(&root), expected, "{name}, {how} at step {step}");
        }
        if !reached {
            return step - 1;
        }
    }
    panic!("{name} has more than {MANY} steps");
}

/// Written past the test runner, which keeps what passing tests print to itself.
pub(crate) fn tell(points: usize) {
    let line = format!("kill points: {points}, lost: 0\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn check_request(name: &str, before: &dyn Fn(&Path), operation: Operation, holds: &dyn Fn(&Path)) -> usize {
    check_request_on(quick().path(), name, before, operation, holds)
}

fn check_request_on(
    base: &Path,
    name: &str,
    before: &dyn Fn(&Path),
    operation: Operation,
    holds: &dyn Fn(&Path),
) -> usize {
    let input = Request::new(operation).encode();
    let arguments = |root: &Path| store_arguments(&root.join("disks")).map(str::to_owned).to_vec();
    let before = |root: &Path| before(&root.join("disks"));
    let holds = |root: &Path| holds(&root.join("disks"));
    check(&Case {
        name,
        base,
        before: &before,
        arguments: &arguments,
        input: input.as_bytes(),
        holds: &holds,
    })
}

fn create(disk: &str, generation: u64) -> Operation {
    let mut request = create_request(volume("db"), disk, generation);
    request.if_not_exists = true;
    Operation::Create(request)
}

/// Disk d1 with content, assigned, and an unassigned d2.
pub(crate) fn two_disks(root: &Path) {
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
        let listing = list(root, None).unwrap();
        for disk in listing.volumes.iter().flat_map(|volume| &volume.disks) {
            let ready = disk.record.state == DiskState::Ready;
            assert!(disk.assigned || !ready, "{disk:?}");
        }
    });
    let assign = AssignDisk { volume: volume("db"), generation: 1, disk: "d2".into(), at: None };
    points += check_request("assign", &two_disks, Operation::Assign(assign), &nothing_is_lost);
    let unassign = UnassignDisk { volume: volume("db"), generation: 1, disk: "d1".into(), at: None };
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
        base: quick().path(),
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
        base: quick().path(),
        before: &before,
        arguments: &arguments,
        input: b"",
        holds: &holds,
    });
    tell(points);
}

/// A disk d1 with a folder and links, and a snapshot s1 of it; few steps, as they are made for each step of a case.
fn with_snapshot(root: &Path) {
    let data = root.join(made(root, "d1", 0).disk.path);
    fs::write(data.join("mine"), "mine").unwrap();
    fs::create_dir(data.join("sub")).unwrap();
    fs::write(data.join("sub/one"), "1").unwrap();
    fs::hard_link(data.join("sub/one"), data.join("two")).unwrap();
    snapshot(root, snapshot_request("d1", "s1")).unwrap();
}

/// Disks and snapshots can be read, and what looks ready is whole.
fn ready_is_whole(root: &Path) {
    nothing_is_lost(root);
    let listing = list(root, None).unwrap();
    for volume in listing.volumes {
        let copies = volume.disks.iter().filter(|disk| disk.record.source != "empty");
        let disks = copies.map(|disk| (disk.record.state, &disk.path));
        let snapshots = volume.snapshots.iter().map(|found| (found.record.state, &found.path));
        for (state, path) in disks.chain(snapshots) {
            if state == DiskState::Ready {
                assert_eq!(fs::read_to_string(root.join(path).join("sub/one")).unwrap(), "1", "{path}");
            }
        }
    }
}

/// The same, and whether the volume is fenced, no path of a disk of an open volume leads nowhere.
fn fence_is_true(root: &Path) {
    let listing = list(root, None).unwrap();
    assert_eq!(listing.problems, []);
    let fenced = listing.volumes[0].record.fenced;
    for disk in ["d1", "d2"] {
        let folder = root.join("k9x84f/db/disks").join(disk);
        let (open, closed) = (folder.join("data").is_dir(), folder.join("data.fenced").is_dir());
        assert!(open != closed && (fenced || open), "{disk}: fenced {fenced}, open {open}");
    }
}

fn copy(disk: &str, source: &str) -> Operation {
    Operation::Create(CreateDisk { if_not_exists: true, ..copy_request(disk, source, 1) })
}

fn snapshot_cases(base: &Path) -> usize {
    let check = |name, operation| check_request_on(base, name, &with_snapshot, operation, &ready_is_whole);
    let create = CreateSnapshot { if_not_exists: true, ..snapshot_request("d1", "s2") };
    let delete = DeleteSnapshot { volume: volume("db"), snapshot: "s1".into() };
    let mut points = 0;
    points += check("snapshot", Operation::CreateSnapshot(create));
    points += check("delete snapshot", Operation::DeleteSnapshot(delete));
    points += check("from snapshot", copy("d3", "snapshot:s1"));
    points += check("from disk", copy("d3", "disk:d1"));
    let files = CreateDisk {
        volume: volume("files"),
        generation: 0,
        if_not_exists: true,
        ..copy_request("d1", "sub-path:db/sub", 0)
    };
    points += check_request_on(base, "from sub-path", &with_snapshot, Operation::Create(files), &|root| {
        let listing = list(root, None).unwrap();
        assert_eq!(listing.problems, []);
        for disk in listing.volumes.iter().filter(|v| v.record.volume == "files").flat_map(|v| &v.disks) {
            assert!(disk.assigned, "{disk:?}");
            if disk.record.state == DiskState::Ready {
                assert_eq!(fs::read_to_string(root.join(&disk.path).join("sub/one")).unwrap(), "1");
            }
        }
    });
    points
}

fn fence_cases(base: &Path) -> usize {
    let fenced = |root: &Path| {
        two_disks(root);
        fence(root, volume("db"), 1, true).unwrap();
    };
    let request =
        |generation, fenced| Operation::Fence(Fence { volume: volume("db"), generation, fenced, at: None });
    let mut points = check_request_on(base, "fence", &two_disks, request(1, true), &fence_is_true);
    points += check_request_on(base, "unfence", &fenced, request(2, false), &fence_is_true);
    points
}

#[test]
fn every_step_of_a_copy_may_be_the_last() {
    let base = quick();
    tell(snapshot_cases(base.path()));
}

#[test]
fn every_step_of_a_copy_with_shared_blocks_may_be_the_last() {
    let test = "faults::every_step_of_a_copy_with_shared_blocks_may_be_the_last";
    on_each(test, &[On::Xfs], |base, _| tell(snapshot_cases(base)));
}

#[test]
fn every_step_with_subvolumes_may_be_the_last() {
    let test = "faults::every_step_with_subvolumes_may_be_the_last";
    on_each(test, &[On::Btrfs], |base, _| tell(snapshot_cases(base) + fence_cases(base)));
}

#[test]
fn every_step_of_a_fence_may_be_the_last() {
    let base = quick();
    let other = Holder { cluster: "cls2".into(), cluster_uid: "uid-2".into() };
    let moved = VolumeRef { holder: other.clone(), ..volume("db") };
    let from = volume("db").holder;
    let request = Operation::SetHolder(SetHolder {
        volume: moved.clone(),
        generation: 2,
        from: from.clone(),
        at: None,
    });
    let fenced = |root: &Path| {
        two_disks(root);
        fence(root, volume("db"), 1, true).unwrap();
    };
    let mut points = fence_cases(base.path());
    points += check_request_on(base.path(), "set holder", &fenced, request, &|root| {
        fence_is_true(root);
        let record = list(root, None).unwrap().volumes.remove(0).record;
        assert!(record.fenced && (record.holder == from || record.holder == other), "{record:?}");
    });
    // The new holder opens it.
    let taken = |root: &Path| {
        fenced(root);
        set_holder(root, moved.clone(), 2, from.clone()).unwrap();
    };
    let open = Operation::Fence(Fence { volume: moved.clone(), generation: 3, fenced: false, at: None });
    points += check_request_on(base.path(), "open by the new holder", &taken, open, &fence_is_true);
    tell(points);
}
