//! The one document of a file. Pure.

use crate::reader::Reader;
use kompox_yaml::{Diagnostic, Limits, Node, SourceId, Sources, parse};

/// Parses the text and takes its only document; syntax errors, an empty text and several documents are reported.
pub(crate) fn single(reader: &mut Reader, sources: &Sources, id: SourceId) -> Option<Node> {
    let (documents, found) = parse(sources, id, Limits::default());
    let broken = found.has_errors();
    reader.diagnostics.extend(found);
    if broken {
        return None;
    }
    let mut documents = documents.into_iter();
    let Some(first) = documents.next() else {
        let start = sources.span(id, 0..0);
        reader.report(
            Diagnostic::error("manifest.document.empty", "the file has no content")
                .at(start)
                .help("`kompoxops init` writes a file to begin with"),
        );
        return None;
    };
    for other in documents {
        let message = "a kompoxops.yml is one document, but another one begins here";
        reader.report(Diagnostic::error("manifest.document.several", message).at(other.span));
    }
    Some(first)
}
