//! Archives that want something else than to be taken in.

use super::crafted::{Item, ROOT, as_export, entries, export_of, foreign, refused, trailed};
use super::tree::noise;
use super::*;
use tar::EntryType;

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
