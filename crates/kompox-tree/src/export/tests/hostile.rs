//! Archives that want something else than to be taken in.

use super::super::attributes::Attribute;
use super::super::header::Head;
use super::super::pax;
use super::tree::{noise, plain};
use super::*;
use sha2::{Digest, Sha256};
use std::fs;
use tar::{EntryType, Header};

/// One entry: path, kind, link, content.
type Item<'a> = (&'a str, EntryType, &'a str, &'a [u8]);

fn head<'a>(item: &Item<'a>) -> Head<'a> {
    let (path, kind, link, content) = *item;
    Head {
        kind,
        mode: 0o755,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        link: link.as_bytes(),
        ..Head::own(path, content.len() as u64)
    }
}

fn block(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(512), 0);
}

fn entries(items: &[Item<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for item in items {
        head(item).write(&mut out).unwrap();
        block(&mut out, item.3);
    }
    out
}

/// An archive from elsewhere.
fn foreign(items: &[Item<'_>]) -> Vec<u8> {
    [entries(items), vec![0; 1024]].concat()
}

/// An export whose sums are right, whatever its tree is. Entries with an empty path are left as they are.
fn export_of(tree: &[u8], count: u64, bytes: u64) -> Vec<u8> {
    let text = manifest().encode().unwrap();
    let mut out = entries(&[(MANIFEST, EntryType::Regular, "", text.as_bytes())]);
    out.extend_from_slice(tree);
    trailed(out, count, bytes)
}

fn trailed(mut out: Vec<u8>, entries: u64, bytes: u64) -> Vec<u8> {
    let sha256 = hexadecimal(&Sha256::digest(&out).into());
    let trailer =
        kompox_node_protocol::ExportTrailer { entries, bytes, left_out: 0, sha256 }.encode().unwrap();
    Head::own(TRAILER, trailer.len() as u64).write(&mut out).unwrap();
    block(&mut out, trailer.as_bytes());
    out.resize(out.len() + 1024, 0);
    out
}

fn as_export(items: &[Item<'_>]) -> Vec<u8> {
    let bytes = items.iter().map(|item| item.3.len() as u64).sum();
    export_of(&entries(items), items.len() as u64, bytes)
}

fn refused(archive: &[u8], message: &str) {
    let failure = taken_in(archive).unwrap_err();
    assert!(failure.message.contains(message), "expected `{message}`, got: {}", failure.message);
    assert!(matches!(failure.kind, Kind::Invalid | Kind::Unsupported | Kind::Quota), "{failure:?}");
}

const ROOT: Item<'static> = ("data/", EntryType::Directory, "", b"");

#[test]
fn nothing_leads_out_of_the_target() {
    use EntryType::{Directory, Link, Regular, Symlink};
    let cases: &[(&[Item<'_>], &str)] = &[
        (&[("../out", Regular, "", b"x")], "leads out"),
        (&[("a/../../out", Regular, "", b"x")], "leads out"),
        (&[("/out", Regular, "", b"x")], "is absolute"),
        (&[("..", Directory, "", b"")], "leads out"),
        (&[("l", Symlink, "..", b""), ("l/out", Regular, "", b"x")], "symbolic link"),
        (&[("l", Symlink, "/tmp", b""), ("l/d", Directory, "", b"")], "symbolic link"),
        (
            &[("l", Symlink, "..", b""), ("l", Directory, "", b""), ("l/out", Regular, "", b"x")],
            "symbolic link",
        ),
        (&[("l", Symlink, "../beside", b""), ("l", Regular, "", b"x")], "exists"),
        (&[("h", Link, "../beside", b"")], "leads out"),
        (&[("h", Link, "/etc/passwd", b"")], "is absolute"),
        (&[("h", Link, "none", b"")], "hard link to nothing"),
        (&[("h", Link, "", b"")], "hard link to nothing"),
        (&[("h", Link, "h", b"")], "hard link to nothing"),
        (&[("l", Symlink, "..", b""), ("h", Link, "l/beside", b"")], "symbolic link"),
        (&[("d", Directory, "", b""), ("h", Link, "d", b"")], "hard link to a folder"),
        (&[("f", Regular, "", b"x"), ("f/in", Regular, "", b"x")], "Not a directory"),
        (&[("h", Link, "f", b"data")], "has data"),
        (&[("d", Directory, "", b"data")], "has data"),
        (&[("l", Symlink, "", b"")], "link to nothing"),
        (&[("", Regular, "", b"x")], "not a folder"),
        (&[(".kompox-fill-1", Regular, "", b"x")], "unfinished"),
    ];
    for (items, message) in cases {
        let found = taken_in(&foreign(items)).unwrap_err();
        assert!(found.message.contains(message), "{items:?}: {}", found.message);
        assert_eq!(found.kind, Kind::Invalid, "{items:?}");
        // The same beneath `data/`, with right sums.
        let paths: Vec<_> = items.iter().map(|item| format!("data/{}", item.0)).collect();
        let links: Vec<_> = items
            .iter()
            .map(|item| if item.1 == Link { format!("data/{}", item.2) } else { item.2.to_owned() })
            .collect();
        let ours: Vec<Item<'_>> = std::iter::once(ROOT)
            .chain(items.iter().enumerate().map(|(at, item)| (&*paths[at], item.1, &*links[at], item.3)))
            .collect();
        if !message.contains("unfinished") {
            assert_eq!(taken_in(&as_export(&ours)).unwrap_err().kind, Kind::Invalid, "{items:?}");
        }
    }
}

#[test]
fn duplicates_are_refused() {
    use EntryType::{Directory, Fifo, Regular, Symlink};
    for (first, second) in [
        (("a", Regular, "", &b"1"[..]), ("a", Regular, "", &b"2"[..])),
        (("a", Regular, "", b"1"), ("./a", Symlink, "x", b"")),
        (("a", Symlink, "x", b""), ("a", Fifo, "", b"")),
        (("a", Directory, "", b""), ("a", Regular, "", b"2")),
        (("a", Regular, "", b"1"), ("a", Directory, "", b"")),
    ] {
        let failure = taken_in(&foreign(&[first, second])).unwrap_err();
        assert_eq!(failure.kind, Kind::Invalid, "{first:?} {second:?}: {}", failure.message);
    }
    // A folder may come twice in an archive from elsewhere, as `tar -r` writes it; the last one counts.
    let twice = foreign(&[
        ("d", Directory, "", b""),
        ("d/a", Regular, "", b"1"),
        ("e", Directory, "", b""),
        ("d", Directory, "", b""),
        ("d/b", Regular, "", b"2"),
    ]);
    assert_eq!(taken_in(&twice).unwrap().len(), 5);
    let ours = as_export(&[ROOT, ("data/d", Directory, "", b""), ("data/d", Directory, "", b"")]);
    refused(&ours, "out of order");
}

#[test]
fn an_export_has_one_order_only() {
    use EntryType::{Directory, Regular};
    let good = [
        ROOT,
        ("data/a/", Directory, "", b""),
        ("data/a/f", Regular, "", b"1"),
        ("data/a.b", Regular, "", b"2"),
    ];
    assert_eq!(taken_in(&as_export(&good)).unwrap().len(), 4);
    for bad in [
        &[("data/a", Regular, "", &b"1"[..])][..],
        &[ROOT, ROOT],
        &[ROOT, ("data/b", Regular, "", b"1"), ("data/a", Regular, "", b"2")],
        &[ROOT, ("data/a/f", Regular, "", b"1")],
        &[ROOT, ("data/a", Regular, "", b"1"), ("data/a/f", Regular, "", b"1")],
        &[ROOT, ("data/a/", Directory, "", b""), ("data/a.b/f", Regular, "", b"1")],
        &[
            ROOT,
            ("data/a/", Directory, "", b""),
            ("data/b", Regular, "", b"1"),
            ("data/a/f", Regular, "", b"1"),
        ],
    ] {
        refused(&as_export(bad), "out of order");
    }
    for outside in ["a", "data", "dat/a", "../data/a", "kompox-export.json", "./data/a"] {
        refused(&as_export(&[ROOT, (outside, Regular, "", b"1")]), "it is no part of an export");
    }
}

#[test]
fn devices_come_from_exports_or_when_allowed() {
    if !is_root("devices_come_from_exports_or_when_allowed") {
        return;
    }
    for kind in [EntryType::Char, EntryType::Block] {
        refused(&foreign(&[("null", kind, "", b"")]), "it is a device");
        assert_eq!(taken_in(&as_export(&[ROOT, ("data/null", kind, "", b"")])).unwrap().len(), 2);
        let target = tempfile::tempdir().unwrap();
        let limits = Limits { devices: true, ..PLENTY };
        let archive = foreign(&[("null", kind, "", b"")]);
        import(&Folder::root(target.path()).unwrap(), &archive[..], &limits, |_| ()).unwrap();
    }
    for kind in [b'S', b'D', b'M', b'V', b'Z', b'?'] {
        refused(&foreign(&[("a", EntryType::new(kind), "", b"")]), "are not taken");
    }
}

#[test]
fn manifest_and_trailer_have_their_places() {
    let text = manifest().encode().unwrap();
    let file: Item<'_> = ("data/f", EntryType::Regular, "", b"1");
    let start = entries(&[(MANIFEST, EntryType::Regular, "", text.as_bytes())]);
    let tree = entries(&[ROOT, file]);
    assert_eq!(taken_in(&export_of(&tree, 2, 1)).unwrap().len(), 2);
    // Two manifests, no trailer, a trailer too early, two trailers, something behind.
    refused(&export_of(&[&start[..], &tree].concat(), 2, 1), "no part of an export");
    refused(&[&start[..], &tree, &[0; 1024]].concat(), "the export has no trailer");
    refused(&[&start[..], &[0; 1024]].concat(), "the export has no trailer");
    let whole = export_of(&tree, 2, 1);
    let open = &whole[..whole.len() - 1024];
    refused(
        &[open, &entries(&[("data/g", EntryType::Regular, "", b"2")]), &[0; 1024]].concat(),
        "something follows the trailer",
    );
    refused(&trailed(open.to_vec(), 2, 1), "something follows the trailer");
    refused(&[&whole[..], &[0; 512]].concat(), "something follows the end");
    refused(&[&whole[..], b"x"].concat(), "something follows the end");
    refused(&whole[..whole.len() - 512], "cut short");
    // Sums and counts.
    refused(&export_of(&tree, 1, 1), "the counts of the export are wrong");
    refused(&export_of(&tree, 2, 2), "the counts of the export are wrong");
    let mut wrong = whole.clone();
    let at = wrong.windows(6).position(|bytes| bytes == b"data/f").unwrap() + 512;
    wrong[at] = b'2';
    refused(&wrong, "the checksum of the export is wrong");
    // Manifests that are none.
    for bad in [&b"{}"[..], b"", b"[]", b"{\"format\":2}", &noise(70_000)] {
        let archive = foreign(&[(MANIFEST, EntryType::Regular, "", bad), ROOT]);
        assert_eq!(taken_in(&archive).unwrap_err().kind, Kind::Invalid);
    }
    // One that is not first is a file like any other, of an archive from elsewhere.
    let late =
        foreign(&[("a", EntryType::Regular, "", b"1"), (MANIFEST, EntryType::Regular, "", text.as_bytes())]);
    assert!(taken_in(&late).unwrap().contains_key(Path::new(MANIFEST)));
}

#[test]
fn what_follows_an_archive_from_elsewhere_is_told() {
    let archive = foreign(&[("a", EntryType::Regular, "", b"1")]);
    assert_eq!(taken_in(&[&archive[..], &[0; 8192]].concat()).unwrap().len(), 2);
    assert_eq!(taken_in(&[0; 1024]).unwrap().len(), 1);
    refused(&[&archive[..], &archive].concat(), "something follows the end mark");
    refused(&[&archive[..], &vec![0; 17 << 20]].concat(), "something follows the end mark");
    refused(&archive[..archive.len() - 512], "cut short");
    let one = [&archive[..archive.len() - 512], &entries(&[("b", EntryType::Regular, "", b"")])].concat();
    refused(&one, "an empty header");
}

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
    let mut wrong = file.clone();
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
    let root = tempfile::tempdir().unwrap();
    plain(root.path());
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
    let _ = fs::read(root.path());
}
