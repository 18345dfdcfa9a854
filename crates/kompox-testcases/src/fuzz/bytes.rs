//! Damage to bytes. Pure.

use super::SIZE;
use crate::Random;

/// What means something in YAML or in a value.
const TOKENS: [&str; 40] = [
    "\n",
    ": ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a ",
    "<<: *a\n",
    "!reset ",
    "!override ",
    "|\n",
    ">-\n",
    "'",
    "\"",
    "${",
    "$",
    "#",
    "---\n",
    "...\n",
    "\t",
    "\r",
    "\u{feff}",
    "%YAML 1.1\n",
    "? ",
    "0x",
    "~",
    "\\",
    "é",
    "\u{2028}",
    "\0",
    "  ",
    ",",
    ":",
    "=",
    "1",
    "-",
    "a",
    "x-",
];

/// Changes a text in a few places.
pub(super) fn damage(bytes: &mut Vec<u8>, texts: &[Vec<u8>], random: &mut Random) {
    for _ in 0..random.between(1, 6) {
        let start = random.below(bytes.len() + 1);
        let end = (start + random.below(40)).min(bytes.len());
        match random.below(12) {
            0 | 1 => drop(bytes.drain(start..end)),
            2 | 3 => {
                let piece = bytes[start..end].to_vec();
                let at = random.below(bytes.len() + 1);
                bytes.splice(at..at, piece);
            }
            4..7 => {
                let token = random.pick(&TOKENS);
                bytes.splice(start..start, token.bytes());
            }
            7 => {
                if let Some(byte) = bytes.get_mut(start) {
                    *byte ^= 1 << random.below(8);
                }
            }
            8 | 9 => {
                let Some(other) = random.item(texts) else { continue };
                let from = random.below(other.len() + 1);
                let to = (from + random.below(200)).min(other.len());
                bytes.splice(start..end, other[from..to].iter().copied());
            }
            10 => {
                let token = random.pick(&TOKENS);
                bytes.splice(start..end, token.bytes());
            }
            _ if random.one_in(6) => many(bytes, start, end, random),
            _ => {}
        }
    }
    bytes.truncate(SIZE);
}

/// A piece again and again: what costs more than it should shows with many.
fn many(bytes: &mut Vec<u8>, start: usize, end: usize, random: &mut Random) {
    let piece =
        if random.one_in(2) { bytes[start..end].to_vec() } else { random.pick(&TOKENS).as_bytes().to_vec() };
    if piece.is_empty() || bytes.len() >= SIZE {
        return;
    }
    let most = (SIZE - bytes.len()) / piece.len();
    let times = if random.one_in(2) { most } else { random.below(most + 1) };
    bytes.splice(start..start, piece.repeat(times));
}

/// Text of the words of an alphabet; a few long ones.
pub(super) fn text(alphabet: &[&str], random: &mut Random) -> String {
    let short = random.below(40);
    let mut text = random.words(alphabet, short);
    if random.one_in(300) && !text.is_empty() {
        let most = (SIZE / 2) / text.len();
        text = text.repeat(random.below(most + 1));
    }
    text
}
