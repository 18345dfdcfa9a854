//! What is on the disks that are measured. Writes files.

use crate::Outcome;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// Bytes that cannot be compressed, the same ones for the same seed.
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        // Zero would stay zero.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.next().to_le_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    }
}

/// Files of this size each, without order in them, a thousand to a folder.
pub(super) fn files(folder: &Path, count: usize, bytes: u64) -> Outcome {
    for number in 0..count {
        let folder = folder.join(format!("f{}", number / 1000));
        fs::create_dir_all(&folder)?;
        let mut noise = Noise::new(u64::try_from(number)?);
        write(&folder.join(number.to_string()), bytes, |chunk| noise.fill(chunk))?;
    }
    Ok(())
}

/// What an app may have: half of the bytes like pictures, half like logs and dumps; some big files, thousands of small
/// ones.
pub(in crate::bench) fn mixed(folder: &Path, mebibytes: u64) -> Outcome {
    let eighth = (mebibytes << 20) / 8;
    for (name, seed) in [("pictures-1", 1), ("pictures-2", 2), ("pictures-3", 3)] {
        let mut noise = Noise::new(seed);
        write(&folder.join(name), eighth, |chunk| noise.fill(chunk))?;
    }
    for (name, seed) in [("log-1", 4), ("log-2", 5), ("log-3", 6)] {
        let mut noise = Noise::new(seed);
        write(&folder.join(name), eighth, |chunk| lines(&mut noise, chunk))?;
    }
    let small = 32 << 10;
    let count = usize::try_from(eighth / small)?;
    files(&folder.join("uploads"), count, small)?;
    let mut noise = Noise::new(7);
    for number in 0..count {
        let folder = folder.join(format!("pages{}", number / 1000));
        fs::create_dir_all(&folder)?;
        write(&folder.join(number.to_string()), small, |chunk| lines(&mut noise, chunk))?;
    }
    Ok(())
}

/// Text like that of a log: known words, unknown numbers.
fn lines(noise: &mut Noise, chunk: &mut [u8]) {
    let mut rest = chunk;
    while !rest.is_empty() {
        let number = noise.next();
        let line = format!(
            "2026-01-31T08:15:{:02}Z INFO request id={:08x} path=/articles/{} status=200\n",
            number % 60,
            number >> 32,
            number % 5000
        );
        let taken = line.len().min(rest.len());
        rest[..taken].copy_from_slice(&line.as_bytes()[..taken]);
        rest = &mut rest[taken..];
    }
}

fn write(path: &Path, bytes: u64, mut fill: impl FnMut(&mut [u8])) -> Outcome {
    let mut file = BufWriter::new(fs::File::create(path)?);
    let mut chunk = vec![0; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        fill(&mut chunk[..length]);
        file.write_all(&chunk[..length])?;
        left -= length as u64;
    }
    file.flush()?;
    Ok(())
}
