//! Copies between a container and the user's machine (GEN-19): the program's side, with hostile archives and faults.

use crate::program::{answer, command, finish, is_root, run, run_with_fault};
use kompox_node_protocol::{Answer, COPY_VERSION, Copied, Failure, Kind, PackPlan, Success, UnpackPlan};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Output;
use tempfile::tempdir;

fn copied(result: Result<Success, Failure>) -> Result<Copied, Failure> {
    result.map(|success| match success {
        Success::Copied(copied) => copied,
        other => panic!("{other:?}"),
    })
}

fn pack(path: &str) -> (Vec<u8>, Result<Copied, Failure>) {
    let plan = PackPlan { version: COPY_VERSION, path: path.to_owned(), follow: false };
    let output = run(&["pack", "--plan", &plan.encode()], b"");
    assert!(output.status.success());
    (output.stdout, copied(Answer::decode(&output.stderr).unwrap().into_result()))
}

fn plan(path: &Path, name: Option<&str>, keep_owners: bool) -> String {
    let name = name.map(ToOwned::to_owned);
    let path = path.display().to_string();
    UnpackPlan { version: COPY_VERSION, path, name, foreign: false, keep_owners }.encode()
}

fn unpack(path: &Path, name: Option<&str>, archive: &[u8]) -> Result<Copied, Failure> {
    copied(answer(&run(&["unpack", "--plan", &plan(path, name, false)], archive)))
}

#[test]
fn a_tree_goes_out_and_comes_in() {
    let root = tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    fs::create_dir_all(at("s/inner")).unwrap();
    fs::write(at("s/inner/f"), [0, 1, 255]).unwrap();
    symlink("../../../etc", at("s/link")).unwrap();
    fs::set_permissions(at("s/inner/f"), fs::Permissions::from_mode(0o640)).unwrap();
    let (archive, out) = pack(at("s").to_str().unwrap());
    assert_eq!(out.unwrap(), Copied { entries: 4, bytes: 3, ..Copied::default() });
    let came = unpack(&at("t"), Some("s"), &archive).unwrap();
    assert_eq!(came, Copied { entries: 4, bytes: 3, ..Copied::default() });
    assert_eq!(fs::read(at("t/inner/f")).unwrap(), [0, 1, 255]);
    assert_eq!(fs::metadata(at("t/inner/f")).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(fs::read_link(at("t/link")).unwrap(), Path::new("../../../etc"));
}

#[test]
fn a_source_that_is_not_there_is_answered_without_an_end_mark() {
    let (archive, out) = pack("/no/such/path");
    assert_eq!((archive, out.unwrap_err().kind), (Vec::new(), Kind::NotFound));
    let (_, out) = pack("relative");
    assert_eq!(out.unwrap_err().kind, Kind::Invalid);
}

#[test]
fn plans_of_another_version_and_no_plans_are_refused() {
    for (verb, text) in [("pack", r#"{"version":9}"#), ("unpack", "{}")] {
        let output: Output = run(&[verb, "--plan", text], b"");
        let text = if verb == "pack" { &output.stderr } else { &output.stdout };
        assert!(Answer::decode(text).unwrap().into_result().is_err(), "{verb}");
    }
}

#[test]
fn owners_are_kept_when_asked_for() {
    if !is_root("owners_are_kept_when_asked_for") {
        return;
    }
    let root = tempdir().unwrap();
    let file = root.path().join("f");
    fs::write(&file, "x").unwrap();
    std::os::unix::fs::chown(&file, Some(999), Some(998)).unwrap();
    let (archive, _) = pack(file.to_str().unwrap());
    for (keep, owner) in [(true, (999, 998)), (false, (0, 0))] {
        let to = root.path().join(format!("to-{keep}"));
        let text = plan(&to, Some("f"), keep);
        copied(answer(&run(&["unpack", "--plan", &text], &archive))).unwrap();
        let found = fs::metadata(&to).unwrap();
        assert_eq!((found.uid(), found.gid()), owner, "{keep}");
    }
}

/// A failure at any change leaves the old content, and nothing beside it.
#[test]
fn a_fault_at_any_step_leaves_old_or_new() {
    let root = tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    fs::write(at("new"), "new").unwrap();
    let (archive, _) = pack(at("new").to_str().unwrap());
    let text = plan(&at("d/f"), Some("new"), false);
    for step in 1.. {
        for fault in ["fail", "abort"] {
            let _ = fs::remove_dir_all(at("d"));
            fs::create_dir(at("d")).unwrap();
            fs::write(at("d/f"), "old").unwrap();
            let output = run_with_fault(&["unpack", "--plan", &text], &archive, &format!("{fault}:{step}"));
            let content = fs::read_to_string(at("d/f")).unwrap();
            assert!(content == "old" || content == "new", "{fault}:{step}: {content}");
            if fault == "fail" && content == "old" {
                assert!(answer(&output).is_err(), "{step}");
            }
            // What a killed run left is gone after the next one.
            unpack(&at("d/f"), Some("new"), &archive).unwrap();
            assert_eq!(fs::read_dir(at("d")).unwrap().count(), 1, "{fault}:{step}");
            if fault == "abort" && output.status.success() {
                assert!(step > 5, "the program has more than {step} steps");
                return;
            }
        }
    }
}

#[test]
fn a_stream_that_is_cut_leaves_nothing_and_a_failure_is_told_before_the_stream_ends() {
    let root = tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    fs::write(at("big"), vec![7; 3_000_000]).unwrap();
    let (archive, _) = pack(at("big").to_str().unwrap());
    let cut = unpack(&at("to"), Some("big"), &archive[..archive.len() / 2]).unwrap_err();
    assert!(cut.message.contains("cut short"), "{}", cut.message);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    // The program answers while its input is still open.
    let text = plan(&at("none/to"), Some("big"), false);
    let mut child = command().args(["unpack", "--plan", &text]).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(&archive[..1024]).unwrap();
    let mut told = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut told)
        .unwrap();
    assert!(Answer::decode(told.as_bytes()).unwrap().into_result().is_err());
    assert!(finish(child, &[]).status.success());
}
