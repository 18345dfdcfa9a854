//! A tar archive with one file, to fill sub-paths with. Pure.

const BLOCK: usize = 512;

/// A ustar archive that holds the file `name` with `content`; both shorter than a block.
pub(super) fn with_file(name: &str, content: &str) -> Vec<u8> {
    let mut header = [0u8; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    // The sum counts its own field as blanks.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());

    let mut archive = header.to_vec();
    archive.extend_from_slice(content.as_bytes());
    archive.resize(BLOCK * 4, 0);
    archive
}

/// An archive that holds nothing.
pub(super) fn empty() -> Vec<u8> {
    vec![0; BLOCK * 2]
}
