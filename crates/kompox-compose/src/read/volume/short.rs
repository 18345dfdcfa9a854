//! The short form of a volume: `[source:]target[:options]`.

/// The parts of a short volume.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Short<'a> {
    pub(super) source: Option<&'a str>,
    pub(super) target: &'a str,
    pub(super) options: Vec<&'a str>,
}

/// Splits a short volume at its colons; one inside `${…}` does not count.
pub(super) fn parse(text: &str) -> Result<Short<'_>, String> {
    let fields = fields(text);
    if text.is_empty() {
        return Err("an empty volume".to_owned());
    }
    if fields.iter().any(|field| field.is_empty()) {
        return Err("nothing stands between two colons".to_owned());
    }
    let windows = |field: &str| field.len() == 1 && field.bytes().all(|byte| byte.is_ascii_alphabetic());
    if fields.len() > 1 && windows(fields[0]) {
        return Err(format!(
            "Docker Compose takes `{}:` for a Windows drive; a volume needs a longer name here",
            fields[0]
        ));
    }
    if fields[0].starts_with("\\\\") {
        return Err("Windows paths mean nothing here".to_owned());
    }
    match fields[..] {
        [target] => Ok(Short { source: None, target, options: Vec::new() }),
        [source, target] => Ok(Short { source: Some(source), target, options: Vec::new() }),
        [source, target, options] => {
            Ok(Short { source: Some(source), target, options: options.split(',').collect() })
        }
        _ => Err("more than three parts between colons".to_owned()),
    }
}

fn fields(text: &str) -> Vec<&str> {
    let (mut fields, mut start, mut depth) = (Vec::new(), 0, 0usize);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'$' if bytes.get(at + 1) == Some(&b'{') => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b':' if depth == 0 => {
                fields.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    fields.push(&text[start..]);
    fields
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;

    #[test]
    fn vectors() {
        for (text, source, target, options) in [
            ("/data", None, "/data", &[][..]),
            ("db:/data", Some("db"), "/data", &[]),
            ("./a b:/data:ro", Some("./a b"), "/data", &["ro"]),
            ("~/x:/y:rw,z", Some("~/x"), "/y", &["rw", "z"]),
            ("a${b:-c}:/d", Some("a${b:-c}"), "/d", &[]),
            ("/", None, "/", &[]),
        ] {
            let short = parse(text).unwrap();
            assert_eq!((short.source, short.target, &short.options[..]), (source, target, options), "{text}");
        }
    }

    #[test]
    fn refused() {
        for text in ["", ":", ":/a", "a::/b", "aa:/b:", "aa:/b:ro:x", "x:/y", "C:/a:/b", "\\\\pipe:/b"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "([a-c:/.~,${}\\\\]|ro|\\PC){0,30}") {
            let _ = parse(&text);
        }
    }
}
