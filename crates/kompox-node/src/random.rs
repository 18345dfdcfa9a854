//! Random ids. Reads the system's random source.

use crate::failure::{Result, cannot};
use std::fmt::Write;

/// `bytes` random bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: usize) -> Result<String> {
    let mut buffer = vec![0_u8; bytes];
    let flags = rustix::rand::GetRandomFlags::empty();
    // Up to 256 bytes the system gives all that was asked for.
    rustix::rand::getrandom(&mut buffer[..], flags).map_err(|error| cannot("read", "random bytes", error))?;
    Ok(buffer.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
