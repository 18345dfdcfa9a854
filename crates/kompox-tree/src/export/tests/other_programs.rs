//! What other programs make of exports, and exports of what they make.

use super::tree::{plain, special};
use super::*;
use std::fs;
use std::process::{Command, Stdio};

/// Runs a shell line; none when a program is missing.
fn shell(name: &str, programs: &[&str], line: &str, folder: &Path) -> Option<Vec<u8>> {
    for program in programs {
        let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            println!("{name}: skipped, needs {program}");
            return None;
        }
    }
    let line = format!("set -e; {line}");
    let done = Command::new("sh").args(["-c", &line]).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    Some(done.stdout)
}

#[test]
fn tar_and_zstd_read_an_export() {
    let name = "tar_and_zstd_read_an_export";
    if !is_root(name) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let tree = root.path().join("tree");
    fs::create_dir(&tree).unwrap();
    special(&tree);
    let (file, _) = exported(&tree, None).unwrap();
    fs::write(root.path().join("f"), &file).unwrap();
    let line = "zstd -q -t f; zstd -dc < f | tar t; mkdir out; \
                zstd -dc < f | tar x -C out --numeric-owner -p --xattrs --xattrs-include='*'";
    let Some(listing) = shell(name, &["tar", "zstd"], line, root.path()) else { return };
    let listing = String::from_utf8_lossy(&listing).into_owned();
    assert!(listing.starts_with("kompox-export.json\ndata/\n"), "{listing}");
    assert!(listing.ends_with("\nkompox-export.sum.json\n"), "{listing}");
    let (before, after) = (facts(&tree), facts(&root.path().join("out/data")));
    assert_eq!(before.len(), after.len());
    for (path, mut fact) in before {
        let mut other = after[&path].clone();
        // GNU tar lets new entries inherit, and gives attributes to files only.
        for fact in [&mut fact, &mut other] {
            fact.attributes.retain(|(name, _)| name.starts_with(b"user."));
            fact.mode &= !0o070;
            fact.holes = None;
        }
        assert_eq!(fact, other, "{}", path.display());
    }
}

#[test]
fn archives_of_tar_are_taken() {
    let name = "archives_of_tar_are_taken";
    let root = tempfile::tempdir().unwrap();
    let tree = root.path().join("tree");
    fs::create_dir(&tree).unwrap();
    plain(&tree);
    fs::remove_file(tree.join(".kompox-copy-0")).unwrap();
    tree::sparse(&tree.join("sparse"), 1 << 23, &[(1 << 20, b"one"), (1 << 22, b"two")]);
    tree::set_time(&tree, 5, 0);
    fs::write(tree.join("n".repeat(150)), "long").unwrap();
    for (number, how) in [
        "tar c --format=posix -S -C tree .",
        "tar c --format=posix -C tree . | zstd -q",
        "tar c --format=posix -C tree . | zstd -q -19",
        "tar c --format=gnu -C tree .",
        "tar c --format=posix -S -C tree --exclude=deep . | zstd -q --no-check",
    ]
    .iter()
    .enumerate()
    {
        let Some(archive) = shell(name, &["tar", "zstd"], how, root.path()) else { return };
        assert_eq!(inspected(&archive).state, State::Foreign, "{how}");
        let mut before = facts(&tree);
        let mut after = taken_in(&archive).unwrap_or_else(|failure| panic!("{how}: {}", failure.message));
        before.retain(|path, _| number != 4 || !path.starts_with("a/deep"));
        for facts in [&mut before, &mut after] {
            for fact in facts.values_mut() {
                fact.holes = fact.holes.take().filter(|_| how.contains("-S"));
                fact.time.1 *= i64::from(how.contains("posix"));
                // Which name comes first is the other program's choice.
                fact.first = Path::new("").to_owned();
            }
        }
        assert_eq!(before, after, "{how}");
    }
    for (how, message) in [
        ("tar c --format=gnu -S -C tree .", "are not taken"),
        ("tar c --format=posix -S --sparse-version=0.1 -C tree .", "in a form that is not read"),
        ("tar c -z -C tree .", "compressed by gzip"),
        ("head -c 40000000 /dev/zero | zstd -q --ultra -22 --long=27", "too much memory"),
        ("tar c -C tree . | head -c 20000", "cut short"),
        ("tar c -C tree . | zstd -q | head -c 4000", "cut short"),
    ] {
        let Some(archive) = shell(name, &["tar", "zstd"], how, root.path()) else { return };
        let failure = taken_in(&archive).unwrap_err();
        assert!(failure.message.contains(message), "{how}: {}", failure.message);
    }
}
