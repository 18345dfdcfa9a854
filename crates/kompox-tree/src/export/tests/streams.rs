//! Streams that come in small parts, never end, or break down.

use super::crafted::foreign;
use super::tree::plain;
use super::*;
use std::io::{self, Read};

/// One byte at a time.
struct Drops<'a>(&'a [u8]);

impl Read for Drops<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(1);
        self.0.read(&mut buffer[..most])
    }
}

#[test]
fn a_stream_in_small_parts_is_taken_as_any_other() {
    let root = tempfile::tempdir().unwrap();
    plain(root.path());
    let (file, _) = exported(root.path(), None).unwrap();
    for archive in [expanded(&file), file] {
        let target = tempfile::tempdir().unwrap();
        let folder = Folder::root(target.path()).unwrap();
        import_in(SMALL, &folder, Drops(&archive), &PLENTY, |_| ()).unwrap();
        assert_eq!(facts(target.path()), facts(root.path()));
        assert_eq!(inspect_in(SMALL, Drops(&archive)).unwrap(), inspected(&archive));
    }
}

/// The same frame without content, for ever: all of them would be passed over.
struct Endless(usize);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const FRAME: [u8; 8] = [0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0];
        for byte in &mut *buffer {
            *byte = FRAME[self.0 % 8];
            self.0 += 1;
        }
        Ok(buffer.len())
    }
}

#[test]
fn a_failure_does_not_wait_for_the_end_of_the_stream() {
    let wrong = [&[1; 512][..], &[0; 1024]].concat();
    let found = inspect(wrong.chain(io::repeat(0))).unwrap();
    assert!(matches!(found.state, State::Broken(_)), "{:?}", found.state);
    let compressed = zstd::stream::encode_all(&wrong[..], 3).unwrap();
    let found = inspect(compressed.chain(Endless(0))).unwrap();
    assert!(matches!(found.state, State::Broken(_)), "{:?}", found.state);
    let target = tempfile::tempdir().unwrap();
    let limits = Limits { max_bytes: 1, ..PLENTY };
    let large = foreign(&[("a", tar::EntryType::Regular, "", b"more")]);
    let folder = Folder::root(target.path()).unwrap();
    let failure = import(&folder, large.chain(io::repeat(0)), &limits, |_| ()).unwrap_err();
    assert_eq!(failure.kind, Kind::Quota);
}

#[test]
fn a_reader_that_breaks_down_is_a_failure() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("on purpose");
        }
    }
    let target = tempfile::tempdir().unwrap();
    let folder = Folder::root(target.path()).unwrap();
    let start = foreign(&[("a", tar::EntryType::Regular, "", &[1; 4096])]);
    let failure = import(&folder, start[..1024].chain(Broken), &PLENTY, |_| ()).unwrap_err();
    assert_eq!(failure.kind, Kind::Internal);
}
