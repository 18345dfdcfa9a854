//! Trees and bytes that nobody thought of.

use super::tree::set_time;
use super::*;
use proptest::prelude::*;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

/// What is made, by a name in one of the folders that there are.
#[derive(Debug, Clone)]
enum Make {
    Folder,
    File(Vec<u8>),
    Holes(Vec<(u32, u8)>),
    Symlink(Vec<u8>),
    Again(usize),
}

type Step = (usize, Vec<u8>, Make, u32, (i64, i64), Option<Vec<u8>>);

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => any::<u8>(), 2 => prop::sample::select(b" \n\\%=.-\xFF\xC3a".to_vec())];
    prop::collection::vec(byte, 1..130).prop_filter_map("a name", |name| {
        let name: Vec<u8> = name.into_iter().filter(|byte| !matches!(byte, 0 | b'/')).collect();
        (!name.is_empty() && name != b"." && name != b"..").then_some(name)
    })
}

fn make() -> impl Strategy<Value = Make> {
    prop_oneof![
        3 => Just(Make::Folder),
        3 => prop::collection::vec(any::<u8>(), 0..3000).prop_map(Make::File),
        1 => prop::collection::vec((0_u32..1 << 24, any::<u8>()), 0..4).prop_map(Make::Holes),
        1 => name().prop_map(Make::Symlink),
        1 => any::<prop::sample::Index>().prop_map(|index| Make::Again(index.index(64))),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let time = (-(1_i64 << 33)..1 << 34, 0_i64..1_000_000_000);
    let attribute = prop::option::weighted(0.2, prop::collection::vec(any::<u8>(), 0..200));
    prop::collection::vec((0_usize..64, name(), make(), 0_u32..0o10000, time, attribute), 0..14)
}

fn build(root: &Path, steps: &[Step]) {
    let (mut folders, mut files) = (vec![root.to_owned()], Vec::<PathBuf>::new());
    let mut made = Vec::new();
    for (folder, name, make, mode, time, attribute) in steps {
        let path = folders[folder % folders.len()].join(OsStr::from_bytes(name));
        if path.as_os_str().len() > 3000 || path.symlink_metadata().is_ok() {
            continue;
        }
        match make {
            Make::Folder => {
                fs::create_dir(&path).unwrap();
                folders.push(path.clone());
            }
            Make::File(content) => fs::write(&path, content).unwrap(),
            Make::Holes(parts) => {
                let parts: Vec<_> = parts.iter().map(|(at, byte)| (u64::from(*at), [*byte])).collect();
                let parts: Vec<_> = parts.iter().map(|(at, byte)| (*at, &byte[..])).collect();
                tree::sparse(&path, 1 << 24, &parts);
            }
            Make::Symlink(target) => symlink(OsStr::from_bytes(target), &path).unwrap(),
            Make::Again(which) => {
                let Some(first) = files.get(which % files.len().max(1)) else { continue };
                fs::hard_link(first, &path).unwrap();
            }
        }
        if matches!(make, Make::File(_) | Make::Holes(_)) {
            files.push(path.clone());
        }
        if !matches!(make, Make::Symlink(_)) {
            if let Some(value) = attribute {
                tree::set_attribute(&path, b"user.some", value);
            }
            // Folders stay open to their owner, who is not always root.
            let bits = if matches!(make, Make::Folder) { mode | 0o700 } else { mode | 0o400 };
            fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
        }
        made.push((path, *time));
    }
    for (path, time) in made.iter().rev() {
        set_time(path, time.0, time.1);
    }
}

fn mutated(file: &[u8], changes: &[(prop::sample::Index, u8)], cut: Option<prop::sample::Index>) -> Vec<u8> {
    let mut file = file.to_vec();
    for (at, byte) in changes {
        let at = at.index(file.len());
        file[at] = *byte;
    }
    if let Some(cut) = cut {
        file.truncate(cut.index(file.len()));
    }
    file
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
}

fn sample() -> (Vec<u8>, Facts) {
    let root = tempfile::tempdir().unwrap();
    tree::plain(root.path());
    (exported(root.path(), None).unwrap().0, facts(root.path()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_tree_survives(steps in steps()) {
        let root = tempfile::tempdir().unwrap();
        build(root.path(), &steps);
        let (file, exported) = exported(root.path(), None).unwrap();
        prop_assert_eq!(inspected(&file).state, State::Complete(exported.trailer));
        let before = facts(root.path());
        prop_assert_eq!(taken_in(&file).unwrap(), before);
    }

    #[test]
    fn any_tree_goes_on_from_any_cut(steps in steps(), cut in any::<prop::sample::Index>()) {
        let root = tempfile::tempdir().unwrap();
        build(root.path(), &steps);
        let file = exported(root.path(), None).unwrap().0;
        let found = inspected(&file[..cut.index(file.len())]);
        prop_assert_eq!(&found.state, &State::Cut);
        let kept = usize::try_from(found.frames.compressed_len()).unwrap();
        let rest = exported(root.path(), Some(found.frames)).unwrap().0;
        prop_assert_eq!([&file[..kept], &rest].concat(), file);
    }

    #[test]
    fn random_bytes_are_never_taken_for_an_export(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        for start in [&b""[..], &[0x28, 0xB5, 0x2F, 0xFD], &[0x5E, 0x2A, 0x4D, 0x18]] {
            let bytes = [start, &bytes].concat();
            prop_assert!(!matches!(inspected(&bytes).state, State::Complete(_)));
            prop_assert!(taken_in(&bytes).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn changed_exports_do_no_harm(changes in changes(), cut in prop::option::of(any::<prop::sample::Index>())) {
        let (file, tree) = sample();
        let changed = mutated(&file, &changes, cut);
        if let Ok(found) = taken_in(&changed) {
            prop_assert_eq!(found, tree);
        }
    }

    #[test]
    fn changed_archives_do_no_harm(changes in changes(), cut in prop::option::of(any::<prop::sample::Index>()), whole in any::<bool>()) {
        let (file, tree) = sample();
        let archive = expanded(&file);
        // Without the manifest it is an archive from elsewhere, where no sum is in the way of what was changed.
        let start = if whole { 0 } else { 1024 };
        let mut changed = mutated(&archive[start..], &changes, cut);
        for at in (0..changed.len().saturating_sub(511)).step_by(512) {
            let header = &mut changed[at..at + 512];
            if header[257..262] == *b"ustar" {
                let mut fixed = tar::Header::new_old();
                fixed.as_mut_bytes().copy_from_slice(header);
                fixed.set_cksum();
                header.copy_from_slice(fixed.as_bytes());
            }
        }
        let found = taken_in(&changed);
        if whole && let Ok(found) = found {
            prop_assert_eq!(found, tree);
        }
    }
}
