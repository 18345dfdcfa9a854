//! Command strings to words, the way Docker Compose splits them.
//!
//! Quotes and backslashes work as in a shell, nothing is expanded. Docker Compose drops everything
//! from an unquoted `;`, `&`, `|`, `<` or `>` on; so does this, and says where.

/// The words of a command string.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) words: Vec<String>,
    /// Where the part begins that is dropped.
    pub(crate) dropped: Option<usize>,
}

/// Why a command string cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WordsError {
    /// A quote, backtick or `$(` that is not closed, or a backslash at the end.
    Unclosed,
    /// A parenthesis outside of quotes.
    Parenthesis(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Single,
    Double,
    Backtick,
    Dollar,
}

/// Splits a command string.
pub(crate) fn split(text: &str) -> Result<Words, WordsError> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut started = false;
    let mut escaped = false;
    let mut inside = Inside::Nothing;
    let mut dropped = None;
    let mut next = 0;
    while let Some(rest) = text.get(next..).filter(|rest| !rest.is_empty()) {
        let at = next;
        let plain = rest.bytes().position(is_special).unwrap_or(rest.len());
        if plain > 0 && !escaped {
            word.push_str(&rest[..plain]);
            started = true;
            next += plain;
            continue;
        }
        let Some(character) = rest.chars().next() else { break };
        next += character.len_utf8();
        if escaped {
            escaped = false;
            if matches!(inside, Inside::Backtick | Inside::Dollar) {
                word.push('\\');
            }
            word.push(character);
            started = true;
            continue;
        }
        match (character, inside) {
            ('\\', Inside::Single) => word.push('\\'),
            ('\\', _) => {
                escaped = true;
                continue;
            }
            (' ' | '\t' | '\r' | '\n', Inside::Nothing) => {
                if std::mem::take(&mut started) {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            ('\'', Inside::Nothing) => inside = Inside::Single,
            ('"', Inside::Nothing) => inside = Inside::Double,
            ('\'', Inside::Single) | ('"', Inside::Double) => inside = Inside::Nothing,
            ('`', Inside::Nothing | Inside::Backtick) => {
                inside = if inside == Inside::Nothing { Inside::Backtick } else { Inside::Nothing };
                word.push('`');
            }
            ('(', Inside::Nothing) if word.ends_with('$') => {
                inside = Inside::Dollar;
                word.push('(');
            }
            (')', Inside::Dollar) => {
                inside = Inside::Nothing;
                word.push(')');
            }
            ('(' | ')', Inside::Nothing) | ('(', Inside::Dollar) => return Err(WordsError::Parenthesis(at)),
            (';' | '&' | '|' | '<' | '>', Inside::Nothing) => {
                // The number of a redirection (`2>`) belongs to what is dropped.
                if character == '>' && !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
                    started = false;
                }
                dropped = Some(at);
                break;
            }
            _ => word.push(character),
        }
        started = true;
    }
    if escaped || inside != Inside::Nothing {
        return Err(WordsError::Unclosed);
    }
    if started {
        words.push(word);
    }
    Ok(Words { words, dropped })
}

/// Whether a byte may be anything but itself; none of these is part of a longer character.
const fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        b'\\'
            | b' '
            | b'\t'
            | b'\r'
            | b'\n'
            | b'\''
            | b'"'
            | b'`'
            | b'('
            | b')'
            | b';'
            | b'&'
            | b'|'
            | b'<'
            | b'>'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{WordsError, split};

    #[test]
    fn words() {
        for (text, expected) in [
            ("", &[][..]),
            ("  ", &[]),
            ("a b\tc\nd", &["a", "b", "c", "d"]),
            ("sh -c 'echo \"$X\"; exit'", &["sh", "-c", "echo \"$X\"; exit"]),
            ("a\"b c\"d ''", &["ab cd", ""]),
            ("\"a\\\"b\\n\" \\ c", &["a\"bn", " c"]),
            ("'a\\b'", &["a\\b"]),
            ("echo # x", &["echo", "#", "x"]),
            ("echo $(date +%s) `ls -l` $X", &["echo", "$(date +%s)", "`ls -l`", "$X"]),
        ] {
            assert_eq!(split(text).unwrap().words, expected, "{text:?}");
            assert_eq!(split(text).unwrap().dropped, None, "{text:?}");
        }
    }

    #[test]
    fn dropped() {
        for (text, expected, at) in
            [("echo a && b", &["echo", "a"][..], 7), ("a;b", &["a"], 1), ("x 2>&1", &["x"], 3)]
        {
            let words = split(text).unwrap();
            assert_eq!(
                (words.words, words.dropped),
                (expected.iter().map(ToString::to_string).collect(), Some(at))
            );
        }
    }

    #[test]
    fn errors() {
        for text in ["'a", "\"a", "`a", "$(a", "a\\"] {
            assert_eq!(split(text), Err(WordsError::Unclosed), "{text:?}");
        }
        assert_eq!(split("(a)"), Err(WordsError::Parenthesis(0)));
        assert_eq!(split("a )"), Err(WordsError::Parenthesis(2)));
    }

    proptest! {
        #[test]
        fn single_quoted_text_is_one_word(text in "[^'\\\\]{0,40}") {
            prop_assert_eq!(split(&format!("'{text}'")).unwrap().words, [text]);
        }

        #[test]
        fn never_panics(text in "[ab'\"`$()\\\\;&|<> 0-9é]{0,40}") {
            let _ = split(&text);
        }
    }
}
