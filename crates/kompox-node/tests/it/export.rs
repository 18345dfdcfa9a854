//! Exports of disks and snapshots as a stream.

use crate::filesystem::{on_each, quick};
use crate::hostile::tamper;
use crate::program::{command, run};
use crate::requests::{app, delete, fence, list, made, set_holder, snapshot, snapshot_request, volume};
use crate::shown;
use crate::snapshot::{KINDS, filled, impatient, others_go_on, same};
use crate::{import, requests};
use kompox_node_protocol::{
    Answer, DeleteDisk, ExportHeader, ExportManifest, ExportResume, ExportSource, Exported, Failure, Fence,
    Holder, Kind, Operation, Success, VolumeRef,
};
use kompox_tree::{State, inspect};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Output};

pub(crate) const NOW: &str = "2026-02-01T08:15:00Z";

/// A header for a disk of volume `db` that is at rest.
pub(crate) fn of_disk(name: &str) -> ExportHeader {
    ExportHeader { at_rest: true, ..ExportHeader::new(volume("db"), ExportSource::Disk(name.into()), NOW) }
}

pub(crate) fn of_snapshot(name: &str) -> ExportHeader {
    ExportHeader::new(volume("db"), ExportSource::Snapshot(name.into()), NOW)
}

pub(crate) fn arguments(root: &Path) -> [&str; 3] {
    ["export", "--root", root.to_str().unwrap()]
}

/// The last line that was said, which the archive is not mixed with.
pub(crate) fn last_answer(output: &Output) -> Result<Exported, Failure> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut lines = output.stderr.split_inclusive(|byte| *byte == b'\n').rev();
    let last = Answer::decode(lines.next().unwrap()).unwrap().into_result();
    for line in lines {
        let said = Answer::decode(line).unwrap().into_result().unwrap();
        assert!(matches!(said, Success::Progress(_)), "{said:?}");
    }
    last.map(|success| match success {
        Success::Exported(exported) => exported,
        other => panic!("{other:?}"),
    })
}

/// The archive, as far as it came, and the answer.
pub(crate) fn export(root: &Path, header: &ExportHeader) -> (Vec<u8>, Result<Exported, Failure>) {
    let output = run(&arguments(root), header.encode().as_bytes());
    let answer = last_answer(&output);
    (output.stdout, answer)
}

/// The archive of an export that must succeed.
pub(crate) fn exported(root: &Path, header: &ExportHeader) -> Vec<u8> {
    let (archive, answer) = export(root, header);
    answer.unwrap();
    archive
}

fn refused(root: &Path, header: &ExportHeader) -> Failure {
    let before = shown::tree(root);
    let (archive, answer) = export(root, header);
    assert!(archive.is_empty());
    assert_eq!(shown::tree(root), before);
    answer.unwrap_err()
}

/// Bytes that do not compress, different for each seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A disk d1 whose export has three frames, as large as what is in them.
pub(crate) fn large(root: &Path) {
    let data = root.join(made(root, "d1", 0).disk.path);
    fs::create_dir(data.join("sub")).unwrap();
    for number in 0..5 {
        fs::write(data.join(format!("sub/{number}")), noise(number, 4 << 20)).unwrap();
    }
    fs::write(data.join("last"), "1").unwrap();
}

/// What there is of an export that was cut.
pub(crate) fn resume(file: &[u8], manifest: &ExportManifest) -> ExportResume {
    let inspected = inspect(file).unwrap();
    assert_eq!(inspected.state, State::Cut);
    let sha256 = inspected.frames.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = inspected.manifest.unwrap_or_else(|| manifest.clone());
    ExportResume { manifest, frames: inspected.frames.frames, sha256 }
}

#[test]
fn a_disk_goes_out_and_comes_in_as_it_was() {
    on_each("export::a_disk_goes_out_and_comes_in_as_it_was", KINDS, |root, on| {
        let data = filled(root);
        mknodat(CWD, data.join("device"), FileType::CharacterDevice, Mode::RUSR, makedev(1, 3)).unwrap();
        let (archive, answer) = export(root, &of_disk("d1"));
        let exported = answer.unwrap();
        let found = inspect(&archive[..]).unwrap();
        assert_eq!(found.state, State::Complete(exported.trailer.clone()));
        assert_eq!(exported.written_bytes, archive.len() as u64);
        assert_eq!(found.manifest.as_ref(), Some(&exported.manifest));
        let ExportManifest { identity, volume: name, disk, snapshot: none, .. } = &exported.manifest;
        assert_eq!((identity, name.as_str(), disk.as_str()), (&volume("db").app.identity, "db", "d1"));
        assert_eq!((none, exported.manifest.source.as_str()), (&None, "empty"));
        assert_eq!((exported.manifest.size_bytes, exported.manifest.atomic), (1 << 30, true));
        assert_eq!(exported.manifest.exported_at, NOW);
        let made = import::import(root, &import::header("d2", 1), &archive).unwrap();
        assert_eq!(made.disk.record.imported, Some(exported.manifest), "{on:?}");
        assert_eq!(made.disk.record.source, "import:archive");
        same(&root.join(&made.disk.path), &data);
        // Of the copy it is the same tree, and so it is of a snapshot.
        snapshot(root, snapshot_request("d2", "s1")).unwrap();
        let (archive, answer) = export(root, &of_snapshot("s1"));
        let again = answer.unwrap();
        assert_eq!(
            (again.trailer.entries, again.trailer.bytes),
            (exported.trailer.entries, exported.trailer.bytes)
        );
        assert_eq!(again.manifest.snapshot.as_deref(), Some("s1"));
        assert_eq!((again.manifest.disk.as_str(), again.manifest.source.as_str()), ("d2", "disk:d2"));
        let made = import::import(root, &import::header("d3", 1), &archive).unwrap();
        same(&root.join(&made.disk.path), &data);
        assert_eq!(made.disk.record.size_enforced, on == crate::filesystem::On::Btrfs);
    });
}

#[test]
fn what_was_cut_goes_on_to_the_same_bytes() {
    let temp = quick();
    let root = temp.path();
    large(root);
    let (whole, answer) = export(root, &of_disk("d1"));
    let manifest = answer.unwrap().manifest;
    for cut in [0, 100, 9 << 20, whole.len() / 2, whole.len() - 3000, whole.len() - 1] {
        let kept = resume(&whole[..cut], &manifest);
        let length = kept.frames.iter().map(|length| *length as usize).sum::<usize>();
        // Later, by the clock: the beginning counts.
        let header =
            ExportHeader { resume: Some(kept), exported_at: "2026-02-02T00:00:00Z".into(), ..of_disk("d1") };
        let (rest, answer) = export(root, &header);
        let exported = answer.unwrap();
        assert_eq!((exported.written_bytes, &exported.manifest), (rest.len() as u64, &manifest), "{cut}");
        assert!([&whole[..length], &rest].concat() == whole, "{cut}");
    }
    let kept = resume(&whole[..whole.len() / 2], &manifest);
    assert!(!kept.frames.is_empty());
    let with = |change: fn(&mut ExportManifest)| {
        let mut kept = kept.clone();
        change(&mut kept.manifest);
        refused(root, &ExportHeader { resume: Some(kept), ..of_disk("d1") })
    };
    for failure in [
        with(|manifest| manifest.disk = "d9".into()),
        with(|manifest| manifest.snapshot = Some("d1".into())),
        with(|manifest| manifest.identity.app = "other".into()),
        with(|manifest| manifest.size_bytes += 1),
        with(|manifest| manifest.created_at = NOW.into()),
        with(|manifest| manifest.source = "disk:d0".into()),
    ] {
        assert_eq!(failure.kind, Kind::Conflict);
        assert!(failure.message.starts_with("the file holds an export of "), "{}", failure.message);
        assert_eq!(failure.hint.as_deref(), Some("begin a new file"));
    }
    // The tree is another one by now.
    fs::write(root.join("k9x84f/db/disks/d1/data/sub/0"), noise(9, 4 << 20)).unwrap();
    let failure = refused(root, &ExportHeader { resume: Some(kept), ..of_disk("d1") });
    assert_eq!(
        (failure.kind, failure.message.as_str()),
        (Kind::Conflict, "the disk changed since the export was begun")
    );
}

#[test]
fn a_fenced_volume_is_exported_and_not_opened_meanwhile() {
    let temp = quick();
    let root = temp.path();
    large(root);
    let open = exported(root, &of_disk("d1"));
    fence(root, volume("db"), 1, true).unwrap();
    let header = ExportHeader { at_rest: false, ..of_disk("d1") };
    assert!(exported(root, &header) == open, "it is the same disk");
    let mut child = begun(root, &header);
    let fence_to = |generation, fenced| {
        impatient(root, Operation::Fence(Fence { volume: volume("db"), generation, fenced, at: None }))
    };
    assert_eq!(fence_to(2, false), Kind::Timeout);
    // What changes nothing does not wait.
    assert!(!fence(root, volume("db"), 2, true).unwrap().changed);
    let (archive, answer) = ended(&mut child);
    assert!(archive == open && answer.is_ok());
    fence(root, volume("db"), 2, false).unwrap();
    let mut child = begun(root, &of_disk("d1"));
    assert_eq!(fence_to(3, true), Kind::Timeout);
    assert!(!list(root, None).unwrap().volumes[0].record.fenced, "nothing was changed");
    assert!(ended(&mut child).1.is_ok());
    // The next holder may export it, the one before may not.
    fence(root, volume("db"), 3, true).unwrap();
    let holder = Holder { cluster: "cls2".into(), cluster_uid: "uid-2".into() };
    let moved = VolumeRef { holder, ..volume("db") };
    set_holder(root, moved.clone(), 4, volume("db").holder).unwrap();
    assert_eq!(refused(root, &header).kind, Kind::Conflict);
    assert!(exported(root, &ExportHeader { volume: moved, ..header }) == open);
}

/// An export that nobody takes yet: it has begun and waits.
pub(crate) fn begun(root: &Path, header: &ExportHeader) -> Child {
    let mut child = command().args(arguments(root)).spawn().unwrap();
    child.stdin.take().unwrap().write_all((header.encode() + "\n").as_bytes()).unwrap();
    let mut first = [0; 4];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(u32::from_le_bytes(first), 0xFD2F_B528);
    child
}

/// Takes the rest.
fn ended(child: &mut Child) -> (Vec<u8>, Result<Exported, Failure>) {
    let mut archive = 0xFD2F_B528_u32.to_le_bytes().to_vec();
    child.stdout.take().unwrap().read_to_end(&mut archive).unwrap();
    let mut stderr = Vec::new();
    child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
    let output = Output { status: child.wait().unwrap(), stdout: Vec::new(), stderr };
    (archive, last_answer(&output))
}

#[test]
fn an_export_keeps_deletion_away_and_holds_up_nobody_else() {
    let temp = quick();
    let root = temp.path();
    large(root);
    made(root, "d2", 1);
    requests::assign(root, "d2", 1).unwrap();
    snapshot(root, snapshot_request("d1", "s1")).unwrap();
    let delete_disk = DeleteDisk { volume: volume("db"), generation: 2, disk: "d1".into() };
    let mut child = begun(root, &of_disk("d1"));
    others_go_on(root, "aaaaaa");
    assert_eq!(impatient(root, Operation::Delete(delete_disk)), Kind::Timeout);
    let mut beside = begun(root, &of_disk("d1"));
    snapshot(root, snapshot_request("d1", "s2")).unwrap();
    let [one, two] = [&mut child, &mut beside].map(ended);
    assert!(one.1.is_ok() && two.1.is_ok() && one.0 == two.0);
    let delete_snapshot = requests::delete_snapshot(root, "s2");
    assert!(delete_snapshot.unwrap().existed);
    assert!(delete(root, "d1", 2).unwrap().existed);
    // The disk is gone, its snapshot is exported all the same.
    exported(root, &of_snapshot("s1"));
}

#[test]
fn what_may_not_be_exported_is_refused() {
    let temp = quick();
    let root = temp.path();
    made(root, "d1", 0);
    made(root, "d2", 1);
    snapshot(root, snapshot_request("d1", "s1")).unwrap();
    let in_use = refused(root, &ExportHeader { at_rest: false, ..of_disk("d1") });
    assert_eq!((in_use.kind, in_use.message.starts_with("disk `d1` may be in use")), (Kind::Conflict, true));
    assert_eq!(in_use.hint.as_deref(), Some("make a snapshot and export that, or stop the app first"));
    assert_eq!(refused(root, &of_disk("d9")).kind, Kind::NotFound);
    assert_eq!(refused(root, &of_snapshot("s9")).kind, Kind::NotFound);
    assert_eq!(
        refused(root, &ExportHeader { volume: volume("files"), ..of_disk("d1") }).kind,
        Kind::NotFound
    );
    let mut other = of_disk("d1");
    other.volume.holder.cluster_uid = "uid-2".into();
    assert_eq!(refused(root, &other).kind, Kind::Conflict);
    let other = VolumeRef { app: app("other", "k9x84f"), ..volume("db") };
    assert_eq!(refused(root, &ExportHeader { volume: other, ..of_disk("d1") }).kind, Kind::Conflict);
    let elsewhere = ExportHeader { store: Some("0123".into()), ..of_disk("d1") };
    assert_eq!(refused(root, &elsewhere).kind, Kind::Conflict);
    for wrong in [
        ExportHeader { level: 10, ..of_disk("d1") },
        ExportHeader { exported_at: "now".into(), ..of_disk("d1") },
        of_disk("../d1"),
        of_snapshot(""),
    ] {
        assert_eq!(refused(root, &wrong).kind, Kind::Invalid);
    }
    assert_eq!(refused(root, &ExportHeader { version: 3, ..of_disk("d1") }).kind, Kind::Unsupported);
    tamper(&root.join("k9x84f/db/disks/d2/disk.json"), "\"ready\"", "\"creating\"");
    tamper(&root.join("k9x84f/db/snapshots/s1/snapshot.json"), "\"ready\"", "\"creating\"");
    assert_eq!(refused(root, &of_disk("d2")).message, "disk `d2` is not ready yet");
    assert_eq!(refused(root, &of_snapshot("s1")).message, "snapshot `s1` is not ready yet");
    // A fence that is not finished keeps nobody away yet.
    tamper(&root.join("k9x84f/db/volume.json"), "\"fenced\": false", "\"fenced\": true");
    let unfinished = refused(root, &ExportHeader { at_rest: false, ..of_disk("d1") });
    assert_eq!(unfinished.kind, Kind::Conflict);
    assert_eq!(unfinished.hint.as_deref(), Some("repeat the command that fenced the volume"));
    // A store that was never used stays absent.
    let absent = root.join("absent");
    let (archive, answer) = export(&absent, &of_disk("d1"));
    assert_eq!((archive.len(), answer.unwrap_err().kind, absent.exists()), (0, Kind::NotFound, false));
}

#[test]
fn an_export_that_nobody_takes_ends_with_an_error() {
    let temp = quick();
    let root = temp.path();
    large(root);
    let before = shown::tree(root);
    let mut child = begun(root, &of_disk("d1"));
    drop(child.stdout.take());
    let failure = last_answer(&child.wait_with_output().unwrap()).unwrap_err();
    assert_eq!(failure.kind, Kind::Cancelled);
    assert_eq!(shown::tree(root), before);
    assert!(delete(root, "d1", 1).is_err_and(|failure| failure.kind == Kind::Conflict), "it is assigned");
}

#[test]
fn an_export_ends_with_whoever_waits_for_it() {
    let temp = quick();
    let root = temp.path();
    large(root);
    let before = shown::tree(root);
    let header = ExportHeader { attended: true, ..of_disk("d1") };
    let mut child = command().args(arguments(root)).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all((header.encode() + "\n").as_bytes()).unwrap();
    // It has begun; then nobody reads, and its output stays open.
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0]).unwrap();
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(shown::tree(root), before);
    drop(output);

    // One that is waited for ends by itself.
    let mut child = command().args(arguments(root)).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all((header.encode() + "\n").as_bytes()).unwrap();
    let mut archive = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut archive).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(last_answer(&output).unwrap().written_bytes, archive.len() as u64);
    drop(input);
}

#[test]
fn progress_is_told_beside_the_archive() {
    let temp = quick();
    let root = temp.path();
    large(root);
    let mut child = begun(root, &of_disk("d1"));
    // Longer than the first second, in which nothing is told.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let mut archive = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut archive).unwrap();
    let output = child.wait_with_output().unwrap();
    last_answer(&output).unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let told: Vec<_> = text
        .lines()
        .filter_map(|line| match Answer::decode(line.as_bytes()).unwrap().into_result() {
            Ok(Success::Progress(progress)) => Some(progress),
            _ => None,
        })
        .collect();
    assert!((1..=2).contains(&told.len()), "{text}");
    assert!(told[0].done_bytes > 0 && told[0].done_bytes <= told[0].total_bytes, "{told:?}");
}
