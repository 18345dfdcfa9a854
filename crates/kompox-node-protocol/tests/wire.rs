//! The JSON of every message, as files: a change of the wire format shows as a change of a file.

#![allow(clippy::unwrap_used)]

use kompox_node_protocol::{
    Answer, AppRef, AssignDisk, Assigned, Backend, CopyUp, CopyUpPlan, CreateDisk, CreateSnapshot, Created,
    DeleteDisk, DeleteSnapshot, Deleted, DiskEntry, DiskRecord, DiskState, ExportHeader, ExportManifest,
    ExportResume, ExportSource, ExportTrailer, Exported, Failure, Fence, Fenced, FileToWrite, FillHeader,
    FillTarget, Filled, FindOccupied, Holder, Identity, ImportHeader, Kind, Listing, Occupied, Operation,
    Owner, Problem, Progress, Request, SetHolder, SnapshotCreated, SnapshotEntry, SnapshotRecord, Status,
    Success, UnassignDisk, VolumeChange, VolumeEntry, VolumeEvent, VolumeRecord, VolumeRef, WriteFilesPlan,
};
use std::path::PathBuf;

fn check<T: PartialEq + std::fmt::Debug>(
    name: &str,
    value: &T,
    encode: impl Fn(&T) -> String,
    decode: impl Fn(&[u8]) -> T,
) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire").join(format!("{name}.json"));
    let tree: serde_json::Value = serde_json::from_str(&encode(value)).unwrap();
    if std::env::var_os("KOMPOX_BLESS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&tree).unwrap() + "\n").unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    // As trees: the order of keys depends on features that other crates switch on.
    assert_eq!(
        tree,
        serde_json::from_str::<serde_json::Value>(&expected).unwrap(),
        "{name}: refresh with KOMPOX_BLESS=1"
    );
    assert_eq!(&decode(expected.as_bytes()), value, "{name}");
}

fn app() -> AppRef {
    let identity = Identity { workspace: "ws1".into(), provider: "prv1".into(), app: "app1".into() };
    AppRef { identity, app_hash: "k9x84f".into() }
}

fn volume() -> VolumeRef {
    let holder =
        Holder { cluster: "cls1".into(), cluster_uid: "6f2f9b2e-0000-4000-8000-000000000001".into() };
    VolumeRef { app: app(), holder, volume: "db".into() }
}

fn volume_record() -> VolumeRecord {
    let VolumeRef { app, holder, volume } = volume();
    VolumeRecord {
        format: 1,
        identity: app.identity,
        holder,
        app_hash: app.app_hash,
        volume,
        assigned: Some("d1".into()),
        generation: 1,
        fenced: false,
        history: vec![VolumeEvent {
            at: "2026-01-31T08:15:00Z".into(),
            what: VolumeChange::Created { disk: "d1".into() },
            cluster: "cls1".into(),
        }],
    }
}

fn disk_entry() -> DiskEntry {
    let record = DiskRecord {
        format: 1,
        name: "d1".into(),
        identity: app().identity,
        volume: "db".into(),
        size_bytes: 10 << 30,
        created_at: "2026-01-31T08:15:00Z".into(),
        source: "empty".into(),
        first: true,
        state: DiskState::Ready,
        handle: "5f0c2f6d9a1b4c3e".into(),
        backend: Backend::Btrfs,
        size_enforced: true,
        imported: None,
    };
    DiskEntry { record, assigned: true, path: "k9x84f/db/disks/d1/data".into() }
}

fn manifest() -> ExportManifest {
    ExportManifest {
        format: 1,
        identity: app().identity,
        volume: "db".into(),
        disk: "d0".into(),
        snapshot: Some("nightly".into()),
        source: "disk:d0".into(),
        size_bytes: 10 << 30,
        created_at: "2026-01-31T08:15:00Z".into(),
        exported_at: "2026-02-01T08:15:00Z".into(),
        atomic: true,
        program: "0.1.0".into(),
    }
}

fn snapshot_entry() -> SnapshotEntry {
    let record = SnapshotRecord {
        format: 1,
        name: "s1".into(),
        identity: app().identity,
        volume: "db".into(),
        disk: "d1".into(),
        disk_handle: "5f0c2f6d9a1b4c3e".into(),
        size_bytes: 10 << 30,
        created_at: "2026-01-31T09:00:00Z".into(),
        state: DiskState::Ready,
        handle: "77aa2f6d9a1b4c3e".into(),
        backend: Backend::Btrfs,
        atomic: true,
    };
    SnapshotEntry { record, path: "k9x84f/db/snapshots/s1/data".into() }
}

#[test]
fn requests() {
    let create = CreateDisk {
        volume: volume(),
        generation: 0,
        disk: "d1".into(),
        size_bytes: 10 << 30,
        created_at: "2026-01-31T08:15:00Z".into(),
        source: "empty".into(),
        if_not_exists: false,
        at_rest: false,
    };
    assert_eq!(create.check(), Ok(()));
    let snapshot = CreateSnapshot {
        volume: volume(),
        disk: "d1".into(),
        snapshot: "s1".into(),
        created_at: "2026-01-31T09:00:00Z".into(),
        at_rest: true,
        if_not_exists: false,
    };
    assert_eq!(snapshot.check(), Ok(()));
    let delete_snapshot = DeleteSnapshot { volume: volume(), snapshot: "s1".into() };
    assert_eq!(delete_snapshot.check(), Ok(()));
    let from = Holder { cluster: "cls0".into(), cluster_uid: "uid-0".into() };
    let set_holder =
        SetHolder { volume: volume(), generation: 3, from, at: Some("2026-01-31T11:00:00Z".into()) };
    assert_eq!(set_holder.check(), Ok(()));
    let occupied = FindOccupied {
        volume: volume(),
        disk: "d1".into(),
        paths: vec!["volumes/db".into(), "binds/conf".into()],
    };
    for (name, request) in [
        ("request-status", Request::new(Operation::Status {})),
        ("request-init", Request::new(Operation::Init {})),
        ("request-list", Request::new(Operation::List { app: None }).on_store("3f")),
        ("request-list-app", Request::new(Operation::List { app: Some(app()) })),
        ("request-create", Request::new(Operation::Create(create))),
        (
            "request-unassign",
            Request::new(Operation::Unassign(UnassignDisk {
                volume: volume(),
                generation: 2,
                disk: "d1".into(),
                at: None,
            })),
        ),
        (
            "request-assign",
            Request::new(Operation::Assign(AssignDisk {
                volume: volume(),
                generation: 1,
                disk: "d1".into(),
                at: Some("2026-01-31T10:00:00Z".into()),
            })),
        ),
        (
            "request-delete",
            Request::new(Operation::Delete(DeleteDisk {
                volume: volume(),
                generation: 1,
                disk: "d1".into(),
            })),
        ),
        ("request-find-occupied", Request::new(Operation::FindOccupied(occupied))),
        ("request-create-snapshot", Request::new(Operation::CreateSnapshot(snapshot))),
        ("request-delete-snapshot", Request::new(Operation::DeleteSnapshot(delete_snapshot))),
        (
            "request-fence",
            Request::new(Operation::Fence(Fence { volume: volume(), generation: 2, fenced: true, at: None })),
        ),
        ("request-set-holder", Request::new(Operation::SetHolder(set_holder))),
    ] {
        check(name, &request, Request::encode, |text| Request::decode(text).unwrap());
    }
}

#[test]
fn answers() {
    let status = Status {
        store: Some("3f".into()),
        path: "/store".into(),
        backend: Backend::Reflink,
        size_enforced: false,
        atomic_snapshots: false,
        capacity_bytes: 2,
        free_bytes: 1,
        program: "0.1.0".into(),
    };
    let listing = Listing {
        store: Some("3f".into()),
        volumes: vec![VolumeEntry {
            record: volume_record(),
            disks: vec![disk_entry()],
            snapshots: vec![snapshot_entry()],
        }],
        problems: vec![Problem { path: "zzzzzz/x/volume.json".into(), message: "is empty".into() }],
    };
    let created = Created { created: true, volume: volume_record(), disk: disk_entry() };
    let assigned = Assigned { changed: true, previous: None, volume: volume_record() };
    let mut imported = created.clone();
    imported.disk.record.source = "import:0123456789abcdef".into();
    imported.disk.record.imported = Some(manifest());
    let trailer = ExportTrailer { entries: 3, bytes: 4, left_out: 1, sha256: "0a".repeat(32) };
    let first_left_out = vec!["/store/k9x84f/db/disks/d0/data/socket".into()];
    let exported = Exported { manifest: manifest(), trailer, first_left_out, written_bytes: 5 };
    let mut with_history = volume_record();
    let from = Holder { cluster: "cls0".into(), cluster_uid: "uid-0".into() };
    for what in [
        VolumeChange::Assigned { disk: "d2".into(), previous: Some("d1".into()) },
        VolumeChange::Unassigned { disk: "d2".into() },
        VolumeChange::Fenced {},
        VolumeChange::Held { from },
        VolumeChange::Opened {},
    ] {
        with_history.note(Some("2026-01-31T10:00:00Z"), what);
    }
    let fenced = Fenced { changed: true, volume: VolumeRecord { fenced: true, ..volume_record() } };
    let snapshot = SnapshotCreated { created: true, snapshot: snapshot_entry() };
    for (name, result) in [
        ("answer-status", Ok(Success::Status(status))),
        ("answer-listing", Ok(Success::Listing(listing))),
        ("answer-created", Ok(Success::Created(Box::new(created)))),
        ("answer-assigned", Ok(Success::Assigned(assigned))),
        ("answer-deleted", Ok(Success::Deleted(Deleted { existed: true, leftover: None }))),
        ("answer-snapshot-created", Ok(Success::SnapshotCreated(Box::new(snapshot)))),
        ("answer-fenced", Ok(Success::Fenced(fenced))),
        ("answer-occupied", Ok(Success::Occupied(Occupied { paths: vec!["volumes/db".into()] }))),
        ("answer-imported", Ok(Success::Created(Box::new(imported)))),
        ("answer-exported", Ok(Success::Exported(exported))),
        ("answer-progress", Ok(Success::Progress(Progress { done_bytes: 1, total_bytes: 2 }))),
        ("answer-history", Ok(Success::Fenced(Fenced { changed: true, volume: with_history }))),
        ("answer-filled", Ok(Success::Filled(Filled { filled: true, entries: 2, bytes: 3 }))),
        (
            "answer-error",
            Err(Failure::new(Kind::AlreadyExists, "disk `d1` exists").hint("choose another name")),
        ),
    ] {
        check(name, &Answer::new(result), Answer::encode, |text| Answer::decode(text).unwrap());
    }
}

#[test]
fn plans_and_headers() {
    let header = FillHeader::new(volume(), "d1", "binds/conf");
    assert_eq!(header.check(), Ok(()));
    check("fill-header", &header, FillHeader::encode, |text| FillHeader::decode(text).unwrap());
    let sha256 = "0a".repeat(32);
    let resume = Some(ExportResume { manifest: manifest(), frames: vec![7, 258], sha256 });
    let snapshot = ExportSource::Snapshot("nightly".into());
    let exports = [
        (
            "export-header",
            ExportHeader::new(volume(), ExportSource::Disk("d1".into()), "2026-02-01T08:15:00Z"),
        ),
        (
            "export-header-resumed",
            ExportHeader { resume, ..ExportHeader::new(volume(), snapshot, "2026-02-02T08:15:00Z") },
        ),
    ];
    for (name, header) in exports {
        assert_eq!(header.check(), Ok(()));
        check(name, &header, ExportHeader::encode, |text| ExportHeader::decode(text).unwrap());
    }
    let create = CreateDisk {
        volume: volume(),
        generation: 0,
        disk: "d1".into(),
        size_bytes: 10 << 30,
        created_at: "2026-02-03T08:15:00Z".into(),
        source: "import:0123456789abcdef".into(),
        if_not_exists: true,
        at_rest: false,
    };
    let header = ImportHeader { expected: Some(manifest()), ..ImportHeader::new(create) };
    assert_eq!(header.check(), Ok(()));
    check("import-header", &header, ImportHeader::encode, |text| ImportHeader::decode(text).unwrap());
    let disk = FillTarget::Disk { root: "/.kompox-disk/db".into(), sub_path: "volumes/db".into() };
    let mount = FillTarget::Mount { path: "/.kompox-disk/anon".into() };
    let fills = vec![
        CopyUp {
            source: Some("/var/lib/db".into()),
            target: disk,
            owner: Some(Owner { uid: 999, gid: 999 }),
        },
        CopyUp { source: None, target: mount, owner: None },
    ];
    let plan = CopyUpPlan { version: 1, fills };
    check("copy-up", &plan, CopyUpPlan::encode, |text| CopyUpPlan::decode(text).unwrap());
    let file =
        FileToWrite { source: "/.kompox-in/key".into(), path: "key".into(), uid: 999, gid: 0, mode: 0o400 };
    let plan = WriteFilesPlan { version: 1, root: "/.kompox-out".into(), files: vec![file] };
    check("write-files", &plan, WriteFilesPlan::encode, |text| WriteFilesPlan::decode(text).unwrap());
}

#[test]
fn what_is_not_understood_is_refused() {
    for (text, expected) in [
        (
            r#"{"version":9,"something":1}"#,
            "the request has protocol version 9, this program speaks version 5",
        ),
        (
            r#"{"version":3,"operation":{"status":{}}}"#,
            "the request has protocol version 3, this program speaks version 5",
        ),
        (r#"{"version":5,"operation":{"format":{}}}"#, "the request is not understood"),
        (r#"{"version":5,"operation":{"status":{}},"condition":1}"#, "the request is not understood"),
        (r#"{"version":5,"operation":{"list":{"condition":1}}}"#, "the request is not understood"),
        ("", "the request is not understood"),
    ] {
        assert_eq!(Request::decode(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
    }
    let old = ExportHeader { version: 3, ..ExportHeader::new(volume(), ExportSource::Disk("d1".into()), "") };
    let error = ExportHeader::decode(old.encode().as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "the export header has protocol version 3, this program speaks version 5");
    let error = ImportHeader::decode(br#"{"version":6}"#).unwrap_err().to_string();
    assert_eq!(error, "the import header has protocol version 6, this program speaks version 5");
    let unknown = ExportHeader { version: 5, ..old }.encode().replacen('{', "{\"condition\":1,", 1);
    assert!(ExportHeader::decode(unknown.as_bytes()).is_err());
    // A newer program may say more.
    let text =
        r#"{"version":5,"outcome":{"ok":{"deleted":{"existed":true,"leftover":null,"more":1}}},"more":1}"#;
    assert!(Answer::decode(text.as_bytes()).is_ok());
}

#[test]
fn records_from_before_there_were_back_ends_and_histories_are_read() {
    let text = r#"{"format":1,"name":"d1","identity":{"workspace":"ws1","provider":"prv1","app":"app1"},
        "volume":"db","size_bytes":10737418240,"created_at":"2026-01-31T08:15:00Z","source":"empty","first":true,
        "state":"ready","handle":"5f0c2f6d9a1b4c3e"}"#;
    let before = r#"{"format":1,"identity":{"workspace":"ws1","provider":"prv1","app":"app1"},
        "holder":{"cluster":"cls1","cluster_uid":"6f2f9b2e-0000-4000-8000-000000000001"},"app_hash":"k9x84f",
        "volume":"db","assigned":"d1","generation":1,"fenced":false}"#;
    let without = VolumeRecord { history: Vec::new(), ..volume_record() };
    assert_eq!(serde_json::from_str::<VolumeRecord>(before).unwrap(), without);
    let expected = DiskRecord { backend: Backend::Directory, size_enforced: false, ..disk_entry().record };
    assert_eq!(serde_json::from_str::<DiskRecord>(text).unwrap(), expected);
}
