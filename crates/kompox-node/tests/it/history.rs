//! What happened to a volume is in its record, by the very write that did it.

use crate::faults::{place, two_disks};
use crate::filesystem::quick;
use crate::program::{ask, run_with_fault, store_arguments};
use crate::requests::{assign, list, made, volume};
use kompox_node_protocol::{
    AssignDisk, Fence, HISTORY_LIMIT, Holder, Kind, Operation, Request, SetHolder, UnassignDisk,
    VolumeChange, VolumeEvent, VolumeRecord, VolumeRef,
};
use std::path::Path;

fn record(root: &Path) -> VolumeRecord {
    list(root, None).unwrap().volumes.remove(0).record
}

fn at(number: u64) -> Option<String> {
    Some(format!("2026-01-31T10:00:{number:02}Z"))
}

fn assign_at(disk: &str, generation: u64, at: Option<String>) -> Operation {
    Operation::Assign(AssignDisk { volume: volume("db"), generation, disk: disk.into(), at })
}

fn unassign_at(disk: &str, generation: u64, at: Option<String>) -> Operation {
    Operation::Unassign(UnassignDisk { volume: volume("db"), generation, disk: disk.into(), at })
}

fn fence_at(volume: &VolumeRef, generation: u64, fenced: bool, at: Option<String>) -> Operation {
    Operation::Fence(Fence { volume: volume.clone(), generation, fenced, at })
}

fn moved() -> VolumeRef {
    let holder = Holder { cluster: "cls2".into(), cluster_uid: "uid-2".into() };
    VolumeRef { holder, ..volume("db") }
}

fn created() -> VolumeChange {
    VolumeChange::Created { disk: "d1".into() }
}

fn assigned(disk: &str, previous: Option<&str>) -> VolumeChange {
    VolumeChange::Assigned { disk: disk.into(), previous: previous.map(Into::into) }
}

#[test]
fn every_change_is_in_the_history_and_nothing_else() {
    let temp = quick();
    let root = temp.path();
    two_disks(root);
    let from = volume("db").holder;
    let set_holder = SetHolder { volume: moved(), generation: 5, from: from.clone(), at: at(4) };
    for operation in [
        assign_at("d2", 1, at(1)),
        // Already so: nothing happened.
        assign_at("d2", 2, at(1)),
        unassign_at("d2", 2, at(2)),
        unassign_at("d1", 3, at(2)),
        // By a caller that knows no time.
        assign_at("d1", 3, None),
        fence_at(&volume("db"), 4, true, at(3)),
        Operation::SetHolder(set_holder),
        fence_at(&moved(), 6, false, at(5)),
    ] {
        ask(root, &Request::new(operation)).unwrap();
    }
    let found = record(root);
    assert_eq!((found.generation, found.assigned.as_deref()), (7, Some("d1")));
    let event = |time: Option<String>, what, cluster: &str| VolumeEvent {
        at: time.unwrap(),
        what,
        cluster: cluster.into(),
    };
    let expected = [
        event(Some("2026-01-31T08:15:00Z".into()), created(), "cls1"),
        event(at(1), assigned("d2", Some("d1")), "cls1"),
        event(at(2), VolumeChange::Unassigned { disk: "d2".into() }, "cls1"),
        event(at(3), VolumeChange::Fenced {}, "cls1"),
        event(at(4), VolumeChange::Held { from }, "cls2"),
        event(at(5), VolumeChange::Opened {}, "cls2"),
    ];
    assert_eq!(found.history, expected);
}

#[test]
fn a_time_that_is_none_is_refused() {
    let temp = quick();
    let root = temp.path();
    two_disks(root);
    let before = record(root);
    let wrong = || Some("now".to_owned());
    let set_holder = SetHolder { volume: moved(), generation: 1, from: volume("db").holder, at: wrong() };
    for operation in [
        assign_at("d2", 1, wrong()),
        unassign_at("d1", 1, wrong()),
        fence_at(&volume("db"), 1, true, wrong()),
        Operation::SetHolder(set_holder),
    ] {
        let refused = ask(root, &Request::new(operation)).unwrap_err();
        assert_eq!((refused.kind, refused.message.contains("time `now`")), (Kind::Invalid, true));
    }
    assert_eq!(record(root), before);
}

#[test]
fn only_the_newest_events_are_kept() {
    let temp = quick();
    let root = temp.path();
    two_disks(root);
    let changes = HISTORY_LIMIT as u64 + 3;
    for number in 1..=changes {
        let disk = if number % 2 == 0 { "d1" } else { "d2" };
        ask(root, &Request::new(assign_at(disk, number, at(number % 60)))).unwrap();
    }
    let history = record(root).history;
    assert_eq!(history.len(), HISTORY_LIMIT);
    assert!(!history.iter().any(|event| event.what == created()));
    assert_eq!(history.last().unwrap().what, assigned("d2", Some("d1")));
}

#[test]
fn a_change_and_its_event_come_by_one_write() {
    let base = quick();
    for (name, operation, is_done) in [
        (
            "assign",
            assign_at("d2", 1, at(1)),
            (|now| now.assigned.as_deref() == Some("d2")) as fn(&VolumeRecord) -> bool,
        ),
        ("unassign", unassign_at("d1", 1, at(1)), |now| now.assigned.is_none()),
        ("fence", fence_at(&volume("db"), 1, true, at(1)), |now| now.fenced),
    ] {
        let input = Request::new(operation).encode();
        let mut step = 0;
        loop {
            step += 1;
            let root = place(base.path());
            two_disks(&root);
            let fault = format!("abort:{step}");
            let output = run_with_fault(&store_arguments(&root), input.as_bytes(), &fault);
            let now = record(&root);
            assert_eq!(now.history.len(), 1 + usize::from(is_done(&now)), "{name} {fault}");
            if output.status.success() {
                assert!(is_done(&now) && step > 3);
                break;
            }
        }
    }
}

#[test]
fn a_record_from_before_there_was_a_history_is_read() {
    let temp = quick();
    let root = temp.path();
    made(root, "d1", 0);
    let path = root.join("k9x84f/db/volume.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut tree: serde_json::Value = serde_json::from_str(&text).unwrap();
    tree.as_object_mut().unwrap().remove("history").unwrap();
    std::fs::write(&path, tree.to_string()).unwrap();
    assert_eq!(record(root).history, []);
    made(root, "d2", 1);
    assign(root, "d2", 1).unwrap();
    assert!(!std::fs::read_to_string(&path).unwrap().contains("history"));
}
