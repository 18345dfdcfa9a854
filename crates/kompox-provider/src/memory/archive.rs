//! The archives of the memory driver: text that stands for an export. Pure.

use std::collections::BTreeSet;

const HEAD: &str = "memory export";
const END: &str = "end";

/// An archive with this manifest, one line of JSON, and content.
pub(super) fn write(manifest: &str, content: &BTreeSet<String>) -> String {
    let mut text = format!("{HEAD}\n{}\n", manifest.trim_end());
    for path in content {
        text.push_str(path);
        text.push('\n');
    }
    text + END + "\n"
}

/// The manifest and the content of an archive.
///
/// # Errors
/// A sentence on one that is cut or none.
pub(super) fn read(text: &[u8]) -> Result<(String, BTreeSet<String>), String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let body = text.strip_prefix(HEAD).and_then(|rest| rest.strip_prefix('\n')).ok_or("this is no export")?;
    let body = body.strip_suffix('\n').and_then(|body| body.strip_suffix(END)).ok_or("the export is cut")?;
    let (manifest, content) = body.split_once('\n').ok_or("the export has no manifest")?;
    Ok((manifest.to_owned(), content.lines().map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_archive_is_none() {
        let content: BTreeSet<String> = ["a".to_owned(), "b/c".to_owned()].into();
        let text = write("{}", &content);
        assert_eq!(read(text.as_bytes()).unwrap(), ("{}".to_owned(), content));
        for length in 0..text.len() {
            assert!(read(&text.as_bytes()[..length]).is_err(), "{length}");
        }
    }
}
