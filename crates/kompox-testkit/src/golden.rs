//! Golden tests: text that a test makes is compared with a file beside it. IO: reads, and with `KOMPOX_BLESS=1`
//! writes, that file.

use std::path::Path;

/// Compares `actual` with the file at `path`. With `KOMPOX_BLESS=1` in the environment the file is written instead.
///
/// # Panics
/// When they differ, with the first line that does; when the file is missing or cannot be written.
#[track_caller]
pub fn golden(path: impl AsRef<Path>, actual: &str) {
    let path = path.as_ref();
    let bless = std::env::var_os("KOMPOX_BLESS").is_some_and(|value| value == "1");
    if bless {
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        if let Err(error) = written.and_then(|()| std::fs::write(path, actual)) {
            panic!("{} cannot be written: {error}", path.display());
        }
        return;
    }
    let expected = match std::fs::read_to_string(path) {
        Ok(expected) => expected,
        Err(error) => panic!("{} cannot be read ({error}); KOMPOX_BLESS=1 makes it", path.display()),
    };
    if let Some(difference) = difference(&expected, actual) {
        panic!("{}:{difference}\nKOMPOX_BLESS=1 accepts what the test made", path.display());
    }
}

/// The first line that differs, with both versions of it.
fn difference(expected: &str, actual: &str) -> Option<String> {
    if expected == actual {
        return None;
    }
    let (mut old, mut new) = (expected.lines(), actual.lines());
    let mut line = 0;
    loop {
        line += 1;
        match (old.next(), new.next()) {
            (None, None) => return Some(format!("{line}: the ends of the lines differ")),
            (old, new) if old == new => {}
            (old, new) => {
                let shown = |text: Option<&str>| text.map_or("(end)".to_owned(), |text| format!("{text:?}"));
                return Some(format!("{line}: expected {}\n  but made {}", shown(old), shown(new)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\n", "a\nc\n").unwrap(), "2: expected \"b\"\n  but made \"c\"");
        assert_eq!(difference("a\n", "a\nc\n").unwrap(), "2: expected (end)\n  but made \"c\"");
        assert_eq!(difference("a\n", "a").unwrap(), "2: the ends of the lines differ");
    }

    #[test]
    #[should_panic(expected = "KOMPOX_BLESS=1 makes it")]
    fn a_missing_file_fails() {
        golden("tests/golden/there-is-no-such-file", "a");
    }
}
