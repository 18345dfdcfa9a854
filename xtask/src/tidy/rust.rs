//! Just enough of Rust's syntax to look at code without its comments, strings and tests. Pure.

/// `source` with comments, strings and characters blanked; line breaks stay, so lines keep their numbers.
pub(super) fn code(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let taken = literal(rest).unwrap_or(0);
        if taken > 0 {
            blank(&rest[..taken], &mut out);
            rest = &rest[taken..];
        } else {
            let word = word_length(rest).max(first.len_utf8());
            out.push_str(&rest[..word]);
            rest = &rest[word..];
        }
    }
    out
}

fn blank(text: &str, out: &mut String) {
    out.extend(text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
}

/// Length of the identifier at the start, so that the `r` of `for"` begins no raw string.
fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// Length of the comment, string or character literal at the start, if there is one.
fn literal(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment(text));
    }
    let bare = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - bare.len();
    if let Some(raw) = bare.strip_prefix('r').filter(|_| prefix <= 1) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = &raw[hashes + 1..];
            let end = body.find(&close).map_or(body.len(), |at| at + close.len());
            return Some(prefix + 1 + hashes + 1 + end);
        }
    }
    match bare.chars().next() {
        Some('"') if prefix <= 1 => Some(prefix + quoted(bare, '"')),
        Some('\'') if prefix <= 1 && is_character(bare) => Some(prefix + quoted(bare, '\'')),
        _ => None,
    }
}

/// True for `'a'` and `'\n'`, false for a lifetime.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if !escaped && c == quote {
            return at + c.len_utf8();
        }
        escaped = !escaped && c == '\\';
    }
    text.len()
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// `code` (comments and strings already blanked) with every item under `#[cfg(test)]` blanked too.
pub(super) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        out.push_str(&rest[..at]);
        let end = item_end(&rest[at + MARK.len()..]) + at + MARK.len();
        blank(&rest[at..end], &mut out);
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Where the item at the start ends: behind its `;`, or behind the brace that closes its first one.
fn item_end(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            ';' if depth == 0 => return at + 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Number of the line that holds byte `at`, from 1.
pub(super) fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Where `word` stands in `code` as a whole word or path, not as a part of another one.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        !code[..*at].ends_with(part) && (word.ends_with(':') || !code[at + word.len()..].starts_with(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        for (source, kept) in [
            ("a // std::fs\nb", "a            \nb"),
            ("a /* x /* y */ z */ b", "a                     b"),
            (r#"f("std::fs \" x", 'a', '\'')"#, "f(                ,    ,     )"),
            ("r#\"a\"b\"# c br\"x\" d", "          c       d"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("\"a\nb\" c", "  \n   c"),
            ("for\"x\"", "for   "),
        ] {
            let code = code(source);
            assert_eq!(
                code.split_whitespace().collect::<Vec<_>>(),
                kept.split_whitespace().collect::<Vec<_>>()
            );
            assert_eq!(code.matches('\n').count(), source.matches('\n').count(), "{source}");
        }
    }

    #[test]
    fn tests_are_blanked() {
        let code =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { c {} }\n}\n#[cfg(test)]\nmod x;\nfn d() {}";
        let left = without_tests(code);
        assert!(left.contains("fn a") && left.contains("fn d"));
        assert!(!left.contains("fn b") && !left.contains("mod x"), "{left}");
        assert_eq!(line(&left, left.find("fn d").unwrap()), 8);
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(words("std::fs::read; my_std::fs; std::fsx", "std::fs").collect::<Vec<_>>(), [0]);
        assert_eq!(words("rand::x operand::y", "rand::").collect::<Vec<_>>(), [0]);
    }
}
