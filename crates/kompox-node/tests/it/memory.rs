//! How much memory the streams of whole disks take.

use crate::export::{begun, last_answer, noise, of_disk};
use crate::filesystem::quick;
use crate::import;
use crate::program::{answer, command};
use crate::requests::made;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Child;

/// 300 MiB: some that cannot be compressed, many files, and the rest quick to compress.
fn heavy(root: &Path) {
    let data = root.join(made(root, "d1", 0).disk.path);
    fs::write(data.join("noise"), noise(1, 40 << 20)).unwrap();
    fs::write(data.join("zeros"), vec![0; 256 << 20]).unwrap();
    for folder in 0..20 {
        let folder = data.join(format!("folder{folder}"));
        fs::create_dir(&folder).unwrap();
        for number in 0..200 {
            fs::write(folder.join(format!("{number}")), noise(number, 1000)).unwrap();
        }
    }
}

/// The most memory that a process has had, in KiB, as long as it runs.
fn peak(child: &Child, known: &mut u64) {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
    *known = (*known).max(kib.unwrap_or(0));
}

const MOST_MEMORY: u64 = 64 << 10;

#[test]
fn memory_stays_small_whatever_the_size() {
    let temp = quick();
    let root = temp.path();
    heavy(root);
    let mut most = 0;
    let mut child = begun(root, &of_disk("d1"));
    let mut archive = 0xFD2F_B528_u32.to_le_bytes().to_vec();
    let mut output = child.stdout.take().unwrap();
    let mut chunk = vec![0; 1 << 16];
    loop {
        let read = output.read(&mut chunk).unwrap();
        archive.extend_from_slice(&chunk[..read]);
        if read == 0 {
            break;
        }
        peak(&child, &mut most);
    }
    last_answer(&child.wait_with_output().unwrap()).unwrap();
    assert!((1..=MOST_MEMORY).contains(&most), "an export took {most} KiB");
    let mut child = command().args(import::arguments(root)).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut most = 0;
    input.write_all((import::header("d2", 1).encode() + "\n").as_bytes()).unwrap();
    for chunk in archive.chunks(1 << 16) {
        input.write_all(chunk).unwrap();
        peak(&child, &mut most);
    }
    drop(input);
    let made = answer(&child.wait_with_output().unwrap());
    assert!(made.is_ok(), "{made:?}");
    assert!((1..=MOST_MEMORY).contains(&most), "an import took {most} KiB");
    let disks = root.join("k9x84f/db/disks");
    assert!(fs::read(disks.join("d2/data/noise")).unwrap() == noise(1, 40 << 20));
    assert!(fs::read(disks.join("d2/data/folder7/7")).unwrap() == noise(7, 1000));
}
