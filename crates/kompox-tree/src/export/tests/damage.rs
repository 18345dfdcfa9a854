//! Whatever happens to a file on its way is noticed.

use super::tree::{noise, plain, set_time};
use super::*;
use std::fs;

/// A small export of three frames.
fn small() -> (Vec<u8>, Facts) {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("d")).unwrap();
    fs::write(root.path().join("d/f"), noise(300)).unwrap();
    fs::write(root.path().join("text"), "words and words and words again\n".repeat(20)).unwrap();
    // Always the same bytes, so that a run that passes says something about the next.
    for path in ["d/f", "d", "text", ""] {
        set_time(&root.path().join(path), 1_000_000_000, 1);
    }
    let file = exported(root.path(), None).unwrap().0;
    (file, facts(root.path()))
}

#[test]
fn a_file_cut_at_any_byte_is_not_complete() {
    let (file, _) = small();
    for cut in 0..file.len() {
        let found = inspected(&file[..cut]);
        assert!(matches!(found.state, State::Cut), "{cut}: {:?}", found.state);
        let failure = taken_in(&file[..cut]).unwrap_err();
        assert_eq!((failure.kind, failure.message.contains("cut short")), (Kind::Invalid, true), "{cut}");
    }
    let archive = expanded(&file);
    for cut in 0..archive.len() {
        assert!(matches!(inspected(&archive[..cut]).state, State::Cut), "{cut} of the archive");
    }
}

#[test]
fn every_changed_byte_is_detected() {
    let (file, tree) = small();
    assert_eq!(taken_in(&file).unwrap(), tree);
    let archive = expanded(&file);
    let mut detected = 0;
    for at in 0..file.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut changed = file.clone();
            changed[at] ^= mask;
            match inspected(&changed).state {
                // A bit that decoders do not look at changes nothing of what is read.
                State::Complete(_) if mask != 255 => assert!(expanded(&changed) == archive, "{at} by {mask}"),
                State::Complete(_) => panic!("{at} of {}", file.len()),
                _ if mask != 255 => detected += 1,
                _ => assert!(taken_in(&changed).is_err(), "{at}"),
            }
        }
    }
    println!("{detected} of {} changed bits were noticed; the others change nothing", file.len() * 8);
    assert!(detected * 100 >= file.len() * 8 * 99);
}

#[test]
fn every_changed_byte_of_the_archive_inside_is_detected() {
    let (file, _) = small();
    let archive = expanded(&file);
    for at in 0..archive.len() {
        let mut changed = archive.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(!matches!(inspected(&changed).state, State::Complete(_)), "{at}");
    }
}

#[test]
fn frames_in_another_order_or_number_are_detected() {
    let root = tempfile::tempdir().unwrap();
    plain(root.path());
    let (file, _) = exported(root.path(), None).unwrap();
    let lengths = inspected(&file).frames.frames;
    let (first, second) = (lengths[0] as usize, (lengths[0] + lengths[1]) as usize);
    for changed in [
        [&file[..first], &file[second..]].concat(),
        [&file[..second], &file[first..]].concat(),
        [&file[first..second], &file[..first], &file[second..]].concat(),
        [&file[..], &file].concat(),
        [&file[..], b"x"].concat(),
        [&file[..], &[0; 512]].concat(),
        [&file[..first], &[0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 9], &file[first..]].concat(),
        [&file[..], &[0x5E, 0x2A, 0x4D, 0x18, 0, 0, 0, 0]].concat(),
    ] {
        assert!(matches!(inspected(&changed).state, State::Broken(_)));
        assert_eq!(taken_in(&changed).unwrap_err().kind, Kind::Invalid);
    }
}

#[test]
fn a_stream_that_fails_is_no_cut_file() {
    struct Failing<'a>(&'a [u8]);
    impl std::io::Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                return Err(rustix::io::Errno::IO.into());
            }
            self.0.read(buffer)
        }
    }
    let (file, _) = small();
    for length in [0, 3, 700, file.len() - 1] {
        let failure = inspect_in(SMALL, Failing(&file[..length])).unwrap_err();
        assert_eq!(failure.kind, Kind::Unavailable, "{length}");
    }
}
