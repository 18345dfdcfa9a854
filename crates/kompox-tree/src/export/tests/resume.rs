//! A cut export goes on where its last whole frame ends.

use super::tree::{noise, plain};
use super::*;
use std::fs;

/// The rest of a cut file, appended to what is kept of it.
fn resumed(tree: &Path, cut: &[u8]) -> Result<Vec<u8>> {
    let found = inspected(cut);
    let kept = usize::try_from(found.frames.compressed_len()).unwrap();
    let (rest, exported) = exported(tree, Some(found.frames))?;
    assert_eq!(exported.written, rest.len() as u64);
    Ok([&cut[..kept], &rest].concat())
}

#[test]
fn a_file_cut_anywhere_becomes_the_same_as_an_uncut_one() {
    let root = tempfile::tempdir().unwrap();
    plain(root.path());
    let (file, _) = exported(root.path(), None).unwrap();
    let ends: Vec<usize> = inspected(&file)
        .frames
        .frames
        .iter()
        .scan(0, |end, length| {
            *end += *length as usize;
            Some(*end)
        })
        .collect();
    assert!(ends.len() > 5);
    let around = ends.iter().flat_map(|end| [end - 1, *end, end + 1, end + 5]);
    for cut in around.chain([0, 1, file.len() - 1, file.len() - 20]) {
        let found = inspected(&file[..cut]);
        assert_eq!(found.state, State::Cut, "{cut}");
        let whole = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(found.frames.frames.len(), whole, "{cut}");
        assert!(found.manifest.is_some() || whole == 0, "{cut}");
        assert!(resumed(root.path(), &file[..cut]).unwrap() == file, "{cut}");
    }
}

#[test]
fn an_archive_that_fills_its_last_frame_goes_on_with_the_table_alone() {
    let root = tempfile::tempdir().unwrap();
    let padding = (0..4).find_map(|blocks| {
        fs::write(root.path().join("f"), noise(4096 + 512 * blocks)).unwrap();
        tree::set_time(&root.path().join("f"), 1, 0);
        tree::set_time(root.path(), 1, 0);
        let (file, _) = exported(root.path(), None).unwrap();
        expanded(&file).len().is_multiple_of(SMALL).then_some(file)
    });
    let file = padding.unwrap();
    let frames = inspected(&file).frames;
    let table = file.len() - usize::try_from(frames.compressed_len()).unwrap();
    assert_eq!(table, frames.frames.len() * 8 + 17);
    for cut in [1, table - 1, table] {
        assert!(resumed(root.path(), &file[..file.len() - cut]).unwrap() == file, "{cut}");
    }
}

#[test]
fn a_broken_file_goes_on_before_what_is_broken() {
    let root = tempfile::tempdir().unwrap();
    plain(root.path());
    let (file, _) = exported(root.path(), None).unwrap();
    let frames = inspected(&file).frames.frames;
    let third: u32 = frames[..2].iter().sum();
    let mut broken = file.clone();
    broken[third as usize + 40] ^= 1;
    assert!(matches!(inspected(&broken).state, State::Broken(_)));
    assert_eq!(inspected(&broken).frames.frames.len(), 2);
    assert!(resumed(root.path(), &broken).unwrap() == file);
}

#[test]
fn a_disk_that_changed_is_told() {
    let root = tempfile::tempdir().unwrap();
    plain(root.path());
    let (file, _) = exported(root.path(), None).unwrap();
    let cut = &file[..file.len() - 100];
    let change = |work: &dyn Fn()| {
        work();
        let failure = resumed(root.path(), cut).unwrap_err();
        assert_eq!((failure.kind, failure.message.contains("changed since")), (Kind::Conflict, true));
    };
    change(&|| fs::write(root.path().join("a/file"), "c0ntent").unwrap());
    // Now there is less than was kept.
    change(&|| {
        for name in ["a", "a.b"] {
            fs::remove_dir_all(root.path().join(name)).unwrap();
        }
        fs::remove_file(root.path().join("z-again")).unwrap();
    });
    let mut wrong = inspected(cut).frames;
    wrong.frames.clear();
    assert_eq!(exported(root.path(), Some(wrong)).unwrap_err().kind, Kind::Conflict);
}

#[test]
fn the_frames_of_real_exports_have_8_mib() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("large"), noise(20 << 20)).unwrap();
    let folder = Folder::root(root.path()).unwrap();
    let mut file = Vec::new();
    export(&folder, &manifest(), Options::default(), &mut file).unwrap();
    let found = inspect(&file[..]).unwrap();
    assert!(matches!(found.state, State::Complete(_)));
    assert_eq!((found.frames.frames.len(), found.frames.offset()), (2, 16 << 20));
    let cut = inspect(&file[..file.len() / 2]).unwrap();
    assert_eq!((cut.state, cut.frames.frames.len()), (State::Cut, 1));
    let kept = usize::try_from(cut.frames.compressed_len()).unwrap();
    let mut rest = Vec::new();
    export(&folder, &manifest(), Options { resume: Some(cut.frames), ..Options::default() }, &mut rest)
        .unwrap();
    assert!([&file[..kept], &rest].concat() == file);
    let target = tempfile::tempdir().unwrap();
    import(&Folder::root(target.path()).unwrap(), &file[..], &PLENTY, |_| ()).unwrap();
    assert!(fs::read(target.path().join("large")).unwrap() == noise(20 << 20));
}
