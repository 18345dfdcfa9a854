//! Archives that are larger than they seem, or say what makes no sense.

use super::crafted::{Item, block, entries, foreign, head, refused};
use super::*;
use attributes::Attribute;
use header::Head;
use tar::{EntryType, Header};

fn limited(archive: &[u8], limits: Limits) -> kompox_node_protocol::Failure {
    let target = tempfile::tempdir().unwrap();
    import(&Folder::root(target.path()).unwrap(), archive, &limits, |_| ()).unwrap_err()
}

#[test]
fn limits_are_kept() {
    let bytes = Limits { max_bytes: 10, ..PLENTY };
    let files: &[Item<'_>] =
        &[("a", EntryType::Regular, "", b"123456"), ("b", EntryType::Regular, "", b"12345")];
    for archive in [foreign(files), zstd::stream::encode_all(&foreign(files)[..], 3).unwrap()] {
        let failure = limited(&archive, bytes);
        assert_eq!((failure.kind, failure.hint.is_some()), (Kind::Quota, true), "{}", failure.message);
        let failure = limited(&archive, Limits { max_entries: 1, ..PLENTY });
        assert_eq!((failure.kind, failure.hint.is_some()), (Kind::Quota, true), "{}", failure.message);
    }
    // A size that is announced is refused before anything of it is read.
    let mut huge = Vec::new();
    Head { size: u64::MAX, ..Head::own("a", 0) }.write(&mut huge).unwrap();
    assert_eq!(limited(&huge, PLENTY).kind, Kind::Quota);
    let twice = [entries(&[("a", EntryType::Regular, "", b"1")]), huge].concat();
    assert_eq!(limited(&twice, Limits { max_bytes: u64::MAX, ..PLENTY }).kind, Kind::Quota);
}

#[test]
fn bombs_do_not_go_off() {
    // 4 GiB of zeros in some hundred KiB, as a file, as headers without end, and behind the archive.
    let zeros = zstd::stream::encode_all(std::io::Read::take(std::io::repeat(0), 64 << 20), 3).unwrap();
    let mut start = Vec::new();
    Head { size: 4 << 30, ..Head::own("a", 0) }.write(&mut start).unwrap();
    let packed = |bytes: &[u8]| zstd::stream::encode_all(bytes, 3).unwrap();
    let bomb = [packed(&start), zeros.repeat(64)].concat();
    assert!(bomb.len() < 1 << 20);
    assert_eq!(limited(&bomb, PLENTY).kind, Kind::Quota);
    refused(&[packed(&foreign(&[])), zeros].concat(), "something follows the end mark");
    let flood = Head { kind: EntryType::XHeader, size: 1 << 30, ..Head::own("x", 0) };
    let mut archive = Vec::new();
    flood.write(&mut archive).unwrap();
    refused(&archive, "a header of more than");
    // Not one of these headers is long, but no entry ever comes.
    let mut comment = Vec::new();
    pax::add(&mut comment, b"comment", b"x");
    let mut many = Vec::new();
    for _ in 0..2000 {
        Head { kind: EntryType::XGlobalHeader, ..Head::own("g", comment.len() as u64) }
            .write(&mut many)
            .unwrap();
        block(&mut many, &comment);
    }
    refused(&many, "a header of more than");
}

/// A file whose data begin with this map.
fn sparse(real: u64, map: &str, data: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    block(&mut content, map.as_bytes());
    content.extend_from_slice(data);
    let mut out = Vec::new();
    let item = ("s", EntryType::Regular, "", &content[..]);
    Head { real: Some(real), ..head(&item) }.write(&mut out).unwrap();
    block(&mut out, &content);
    out.resize(out.len() + 1024, 0);
    out
}

#[test]
fn maps_of_holes_that_lie_are_refused() {
    let good = taken_in(&sparse(1 << 20, "2\n4096\n3\n1048576\n0\n", b"abc")).unwrap();
    assert_eq!(
        (good[Path::new("s")].content.len(), &good[Path::new("s")].content[4096..4099]),
        (1 << 20, &b"abc"[..])
    );
    assert_eq!(taken_in(&sparse(10, "0\n", b"")).unwrap()[Path::new("s")].content, [0; 10]);
    for (real, map, data) in [
        (10, "1\n8\n3\n", &b"abc"[..]),
        (10, "1\n0\n3\n", b"ab"),
        (10, "1\n0\n2\n", b"abc"),
        (10, "2\n0\n3\n1\n3\n", b"abcdef"),
        (10, "2\n5\n3\n0\n3\n", b"abcdef"),
        (10, "1\n18446744073709551615\n3\n", b"abc"),
        (10, "1\n0\n99999999999999999999999\n", b"abc"),
        (10, "2\n0\n3\n", b"abc"),
        (10, "-1\n", b""),
        (10, "x", b""),
        (10, "\n", b""),
        (10, "", b""),
        (u64::MAX, "0\n", b""),
        (10, "99999999\n", b""),
    ] {
        let failure = taken_in(&sparse(real, map, data)).unwrap_err();
        assert_eq!(failure.kind, Kind::Invalid, "{map:?}: {}", failure.message);
    }
    // Larger than the file system takes: what it holds is little, and what helps is said.
    let failure = taken_in(&sparse(i64::MAX as u64, "0\n", b"")).unwrap_err();
    assert_eq!((failure.kind, failure.hint.is_some()), (Kind::Quota, true), "{}", failure.message);
}

#[test]
fn headers_that_make_no_sense_are_refused() {
    let long = |kind: u8, text: &[u8]| {
        let mut out = Vec::new();
        Head { kind: EntryType::new(kind), ..Head::own("h", text.len() as u64) }.write(&mut out).unwrap();
        block(&mut out, text);
        out
    };
    let file = entries(&[("a", EntryType::Regular, "", b"1")]);
    let record = |key: &[u8], value: &[u8]| {
        let mut out = Vec::new();
        pax::add(&mut out, key, value);
        long(b'x', &out)
    };
    assert!(
        taken_in(&[long(b'L', b"name\0"), file.clone(), vec![0; 1024]].concat())
            .unwrap()
            .contains_key(Path::new("name"))
    );
    for (start, message) in [
        (long(b'L', b"../name\0"), "leads out"),
        (long(b'L', b"a\0b"), "is no path"),
        (long(b'L', &[b'a'; 5000]), "is no path"),
        (long(b'L', &[b'a'; 300]), "File name too long"),
        ([long(b'L', b"a"), long(b'L', b"b")].concat(), "two extended headers"),
        ([record(b"a", b""), record(b"b", b"")].concat(), "two extended headers"),
        (long(b'x', b"8 path=x\n"), "extended header is not understood"),
        (record(b"path", b"../name"), "leads out"),
        (record(b"path", b"/name"), "is absolute"),
        (record(b"uid", b"4294967295"), "user id is out of range"),
        (record(b"gid", b"99999999999"), "group id is out of range"),
        (record(b"gid", b"x"), "`gid` is no number"),
        (record(b"mtime", b"today"), "no time"),
        (record(b"GNU.sparse.size", b"9"), "in a form that is not read"),
        (record(b"GNU.sparse.realsize", b"9"), "in a form that is not read"),
        (long(b'g', &record(b"uid", b"0")[512..522]), "a header for all entries"),
    ] {
        refused(&[&start[..], &file, &[0; 1024]].concat(), message);
    }
    refused(&[long(b'L', b"a"), vec![0; 1024]].concat(), "half an entry");
    let mut wrong = file;
    wrong[0] ^= 1;
    refused(&wrong, "the checksum of a header is wrong");
    let mut negative = Header::new_gnu();
    negative.as_mut_bytes()[124] = 0xFF;
    negative.set_cksum();
    assert!(taken_in(negative.as_bytes()).is_err());
}

#[test]
fn an_archive_from_elsewhere_needs_no_folders_and_no_order() {
    use EntryType::{Directory, Link, Regular};
    let archive = foreign(&[
        ("./x/y/f", Regular, "", b"1"),
        ("a/b", Regular, "", b"2"),
        ("x/y/g", Link, "./x/y/f", b""),
        ("x/", Directory, "", b""),
        ("x/y/", Directory, "", b""),
        ("old/", Regular, "", b""),
    ]);
    let found = taken_in(&archive).unwrap();
    let paths: Vec<_> = found.keys().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(paths, ["", "a", "a/b", "old", "x", "x/y", "x/y/f", "x/y/g"]);
    assert_eq!(found[Path::new("x/y/g")].first, Path::new("x/y/f"));
    // Times that the entries gave, although something was made in the folders afterwards.
    assert_eq!(found[Path::new("x")].time, (0, 0));
}

#[test]
fn attributes_that_are_none_of_the_content_are_passed_over() {
    let attributes = ["user.mine", "security.selinux", "trusted.x", "user.", "system.other", ""]
        .map(|name| Attribute { name: name.as_bytes().to_vec(), value: b"x".to_vec() });
    let item = ("a", EntryType::Regular, "", &b""[..]);
    let mut archive = Vec::new();
    Head { attributes: &attributes[..1], ..head(&item) }.write(&mut archive).unwrap();
    let item = ("b", EntryType::Regular, "", &b""[..]);
    Head { attributes: &attributes[1..3], ..head(&item) }.write(&mut archive).unwrap();
    archive.resize(archive.len() + 1024, 0);
    let found = taken_in(&archive).unwrap();
    assert_eq!(found[Path::new("a")].attributes, [(b"user.mine".to_vec(), b"x".to_vec())]);
    assert_eq!(found[Path::new("b")].attributes, []);
    // A name that no file system takes is an error of the archive, not a success without it.
    let item = ("c", EntryType::Regular, "", &b""[..]);
    let mut archive = Vec::new();
    Head { attributes: &attributes[3..4], ..head(&item) }.write(&mut archive).unwrap();
    archive.resize(archive.len() + 1024, 0);
    assert!(taken_in(&archive).is_err());
}
