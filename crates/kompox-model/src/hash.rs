//! Hashes used in names. Pure.

use sha2::{Digest, Sha256};

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Six base-36 digits that identify a list of parts: the parts joined by `:`, SHA-256 read as one big-endian
/// integer, written in base 36, the first six digits (AKN-01).
///
/// Six digits may collide: compare the full identity before touching anything found by hash.
#[must_use]
pub fn short(parts: &[&str]) -> String {
    let mut number: [u8; 32] = Sha256::digest(parts.join(":").as_bytes()).into();
    let mut digits = Vec::with_capacity(50);
    while number.iter().any(|byte| *byte != 0) {
        let mut rest = 0u32;
        for byte in &mut number {
            let value = rest << 8 | u32::from(*byte);
            *byte = u8::try_from(value / 36).unwrap_or(u8::MAX);
            rest = value % 36;
        }
        digits.push(DIGITS[rest as usize]);
    }
    digits.iter().rev().take(6).map(|digit| char::from(*digit)).collect()
}

/// The first `length` hexadecimal digits of the SHA-256 of `bytes` (at most 64).
#[must_use]
pub fn hex(bytes: &[u8], length: usize) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text.truncate(length);
    text
}

/// The lowest `length` base-36 digits of `number`, padded with zeros.
#[must_use]
pub fn base36_fixed(mut number: u64, length: usize) -> String {
    let mut digits = vec!['0'; length];
    for digit in digits.iter_mut().rev() {
        *digit = char::from(DIGITS[(number % 36) as usize]);
        number /= 36;
    }
    digits.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_akn_01() {
        for (parts, expected) in [
            (&["ws1", "prv1"][..], "32kff1"),
            (&["ws1", "prv1", "cls1"], "5pfy6x"),
            (&["ws1", "prv1", "app1"], "k9x84f"),
            (&["ops", "aks1"], "1nedct"),
            (&["ops", "aks1", "my-aks"], "tw4oie"),
            (&["ops", "aks1", "my-app"], "65qkh4"),
        ] {
            assert_eq!(short(parts), expected, "{parts:?}");
        }
    }

    #[test]
    fn hex_is_the_known_digest_of_nothing() {
        assert_eq!(hex(b"", 10), "e3b0c44298");
    }
}
