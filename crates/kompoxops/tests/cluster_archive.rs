//! Disks that leave a real cluster as files and come back: whole or not at all.

mod bed;

use bed::{App, WEB, text};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

/// What the app's disk holds, by the container that uses it.
fn page(app: &App) -> String {
    app.exec("web", &["sh", "-c", "cat /www/page; stat -c %a%u /www/page; ls /www | wc -l"])
}

/// The app on this disk; what it then holds.
fn on(app: &App, disk: &str) -> String {
    app.ok(&["disk", "attach", disk]);
    page(app)
}

#[test]
fn a_disk_leaves_as_a_file_and_comes_back() {
    let app = App::new("archive", WEB);
    app.deploy();
    app.exec(
        "web",
        &[
            "sh",
            "-c",
            "echo kept > /www/page; chown 77 /www/page; chmod 640 /www/page; ln /www/page /www/same; \
             dd if=/dev/urandom of=/www/noise bs=1M count=40 2>/dev/null",
        ],
    );
    let (disk, holds) =
        (app.json(&["disk", "list"])["disks"][0]["name"].as_str().unwrap().to_owned(), page(&app));
    let in_use = app.fails(&["disk", "export", &disk, "disk.kx"], 5);
    assert!(in_use.contains("disk.export.in-use"), "{in_use}");
    assert!(!app.folder().join("disk.kx").exists() && !app.folder().join("disk.kx.partial").exists());

    // A snapshot leaves while the app runs, once it was made.
    app.ok(&["snapshot", "create", "s1", "--stop"]);
    let exported = app.json(&["snapshot", "export", "s1", "snapshot.kx"]);
    assert!(exported["bytes"].as_u64().unwrap() > 40 << 20, "{exported}");
    app.ok(&["disk", "import", "snapshot.kx", "from-snapshot"]);
    assert_eq!(on(&app, "from-snapshot"), holds);
    app.ok(&["disk", "attach", &disk]);

    // A disk at rest; a file that is there is never written over.
    app.ok(&["app", "stop"]);
    app.ok(&["disk", "export", &disk, "disk.kx"]);
    let exists = app.fails(&["disk", "export", &disk, "disk.kx"], 5);
    assert!(exists.contains("archive.exists"), "{exists}");
    let whole = fs::read(app.folder().join("disk.kx")).unwrap();

    // What was cut is continued, and is the same to the last byte; only what exported_at says is older.
    app.write("again.kx.partial", "");
    fs::write(app.folder().join("again.kx.partial"), &whole[..20 << 20]).unwrap();
    app.ok(&["disk", "export", &disk, "again.kx"]);
    assert!(fs::read(app.folder().join("again.kx")).unwrap() == whole, "another file");
    app.write("other.kx.partial", "no archive at all");
    let other = app.fails(&["disk", "export", &disk, "other.kx"], 5);
    assert!(other.contains("archive.other"), "{other}");
    assert_eq!(fs::read(app.folder().join("other.kx.partial")).unwrap(), b"no archive at all", "left alone");
    fs::copy(app.folder().join("snapshot.kx"), app.folder().join("third.kx.partial")).unwrap();
    let other = app.fails(&["disk", "export", &disk, "third.kx"], 5);
    assert!(other.contains("archive.other"), "{other}");
    let busy = fs::File::create(app.folder().join("busy.kx.partial")).unwrap();
    busy.lock().unwrap();
    let refused = app.fails(&["disk", "export", &disk, "busy.kx"], 5);
    assert!(refused.contains("archive.busy"), "{refused}");

    // Archive, tar archive, folder, pipe.
    app.ok(&["disk", "import", "disk.kx", "from-disk"]);
    app.ok(&["disk", "import", "disk.kx", "from-disk", "--if-not-exists"]);
    let data = app.on_disk("");
    let tar = app.folder().join("plain.tar");
    let packed =
        std::process::Command::new("tar").arg("-C").arg(&data).arg("-cf").arg(&tar).arg("volumes").status();
    assert!(packed.unwrap().success());
    app.ok(&["disk", "import", "plain.tar", "from-tar"]);
    app.ok(&["disk", "import", data.to_str().unwrap(), "from-folder"]);
    let mut piped = app.command(&["disk", "import", "-", "from-pipe"]).stdin(Stdio::piped()).spawn().unwrap();
    piped.stdin.take().unwrap().write_all(&whole).unwrap();
    assert!(piped.wait().unwrap().success());
    refused_archives(&app, &whole);
    let disks = app.ok(&["-o", "name", "disk", "list"]);
    assert_eq!(disks.lines().count(), 6, "{disks}");
    app.ok(&["app", "start"]);
    for disk in ["from-disk", "from-tar", "from-folder", "from-pipe"] {
        assert_eq!(on(&app, disk), holds, "{disk}");
    }
    let log = app.ok(&["disk", "log", "from-disk"]);
    assert!(log.contains("made from import:") && log.contains("disk from-disk assigned instead of"), "{log}");
}

/// What is broken is told before anything is made of it, and leaves nothing.
fn refused_archives(app: &App, whole: &[u8]) {
    let put = |name: &str, bytes: &[u8]| fs::write(app.folder().join(name), bytes).expect("a file");
    put("cut.kx", &whole[..whole.len() - 100]);
    let mut broken = whole.to_vec();
    broken[whole.len() / 2] ^= 1;
    put("broken.kx", &broken);
    put("none.kx", &b"neither this nor that ".repeat(100));
    for (name, code) in
        [("cut.kx", "archive.cut"), ("broken.kx", "archive.refused"), ("none.kx", "archive.refused")]
    {
        let refused = app.fails(&["disk", "import", name, "never"], 3);
        assert!(refused.contains(code), "{name}: {refused}");
    }
    assert!(!Path::new("never").exists());
    let small = app.fails(&["disk", "import", "disk.kx", "never", "--size", "1Mi"], 3);
    assert!(small.contains("disk.import.too-large"), "{small}");
    app.fails(&["disk", "import", "absent.kx", "never"], 4);
    // A tar archive is read only on the other side, which keeps nothing of it either.
    let hostile = tar("../outside", b"x");
    put("hostile.tar", &hostile);
    let output = app.run(&["disk", "import", "hostile.tar", "never"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
}

/// A tar archive with one file.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}
