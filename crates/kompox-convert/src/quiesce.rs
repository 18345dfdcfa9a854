//! `x-kompox.quiesce` of a service: how its data are made fit to be copied while it runs. Pure.

use crate::extension::parts;
use crate::summary::Role;
use crate::unit::Unit;
use kompox_compose::{Diagnostic, Diagnostics, Entry, Span, parse_duration};
use kompox_node_protocol::QuiesceHook;
use std::collections::BTreeMap;

/// How long commands may take, and data be held, unless the file says otherwise, in seconds.
const SECONDS: u64 = 60;
/// The longest time that can be asked for, in seconds: a service that is held answers nobody.
const MOST: u64 = 3600;

/// The hook of a service, with its place.
#[derive(Debug, Clone)]
pub(crate) struct Quiesce {
    pub(crate) hook: QuiesceHook,
    pub(crate) span: Span,
}

/// Reads `freeze` and `thaw`, or `dump`, and `timeout`.
pub(crate) fn read(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<Quiesce> {
    let found = parts(entry, &["freeze", "thaw", "dump", "timeout"], diagnostics);
    let part = |key: &str| found.iter().find(|item| item.key == key).copied();
    let mut words = |key: &str| part(key).and_then(|item| command(key, item, diagnostics));
    let (freeze, thaw, dump) = (words("freeze"), words("thaw"), words("dump"));
    let mut seconds = SECONDS;
    if let Some(item) = part("timeout") {
        let given = item.value.text().and_then(parse_duration).map(|time| time.as_secs());
        match given.filter(|given| (1..=MOST).contains(given)) {
            Some(given) => seconds = given,
            None => {
                let message = "`x-kompox.quiesce.timeout` must be a time from 1s to 1h, such as 90s";
                diagnostics.push(Diagnostic::error("convert.x-kompox", message).at(item.value.span));
            }
        }
    }
    let mut refuse = |message: &str| {
        diagnostics.push(Diagnostic::error("convert.x-kompox", message).at(entry.key_span));
        None
    };
    match (part("freeze"), part("thaw"), part("dump")) {
        (_, Some(_), Some(_)) | (Some(_), _, Some(_)) => refuse(
            "`x-kompox.quiesce` has `dump` beside `freeze` or `thaw`: a copy that is written needs no holding",
        ),
        (Some(_), None, None) => {
            refuse("`x-kompox.quiesce` lacks `thaw`: what is held still must be let go again")
        }
        (None, Some(_), None) => refuse("`x-kompox.quiesce` lacks `freeze`: there is nothing to let go"),
        (None, None, None) if part("timeout").is_some() => {
            refuse("`x-kompox.quiesce` has a `timeout` and no command")
        }
        (None, None, None) => None,
        (Some(_), Some(_), None) => {
            let hook = QuiesceHook { freeze: freeze?, thaw: Some(thaw?), seconds };
            Some(Quiesce { hook, span: entry.key_span })
        }
        (None, None, Some(_)) => {
            Some(Quiesce { hook: QuiesceHook { freeze: dump?, thaw: None, seconds }, span: entry.key_span })
        }
    }
}

fn command(key: &str, item: &Entry, diagnostics: &mut Diagnostics) -> Option<Vec<String>> {
    let words = item.value.as_sequence().filter(|words| !words.is_empty()).and_then(|words| {
        let word = |word: &kompox_compose::Node| {
            word.as_str().filter(|word| !word.contains('\0')).map(str::to_owned)
        };
        words.iter().map(word).collect::<Option<Vec<_>>>()
    });
    if words.is_none() {
        let message = format!("`x-kompox.quiesce.{key}` must be a command as a list of words");
        diagnostics.push(
            Diagnostic::error("convert.x-kompox", message)
                .at(item.value.span)
                .help("write [\"program\", \"argument\"]"),
        );
    }
    words
}

/// The annotation's value: JSON by container; none without hooks.
pub(crate) fn annotation(units: &[Unit<'_>], diagnostics: &mut Diagnostics) -> Option<String> {
    let mut hooks: BTreeMap<&str, &QuiesceHook> = BTreeMap::new();
    for unit in units {
        let Some(Quiesce { hook, span }) = &unit.options.quiesce else { continue };
        if unit.role == Role::OneShot {
            let message = format!(
                "`x-kompox.quiesce` of `{}`, which is a job that ends: there is nothing to hold still",
                unit.name()
            );
            diagnostics.push(Diagnostic::error("convert.x-kompox", message).at(*span));
        }
        hooks.insert(unit.name(), hook);
    }
    (!hooks.is_empty()).then(|| serde_json::to_string(&hooks).expect("maps of text and numbers"))
}
