//! `command`, `entrypoint`, `restart` and `pull_policy`.

use kompox_yaml::{Diagnostic, Located, Node, Value};

use super::Reader;
use crate::Restart;
use crate::place::Place;
use crate::words::{self, WordsError};

impl Reader<'_> {
    /// A command: nothing keeps the image's, a string is split into words, an empty one clears.
    pub(super) fn command(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<Vec<String>>> {
        match &node.value {
            Value::Null => None,
            Value::String(text) => match words::split(text) {
                Ok(words) => {
                    if let Some(dropped) = words.dropped {
                        self.error(
                            Diagnostic::warning(
                                "compose.command.shell",
                                format!("{place}: there is no shell here; everything from this character on is dropped, as Docker Compose does"),
                            )
                            .at(self.sources.within(node.span, text, dropped..dropped + 1))
                            .help("for a shell, write [\"sh\", \"-c\", \"…\"]; for the plain character, put it in quotes"),
                        );
                    }
                    let affordable =
                        self.budget.take(words.words.len(), text.len(), node.span, &mut self.diagnostics);
                    affordable.then(|| Located::new(words.words, node.span))
                }
                Err(error) => {
                    let (problem, span) = match error {
                        WordsError::Unclosed => {
                            ("a quote, backtick or `$(` is not closed".to_owned(), node.span)
                        }
                        WordsError::Parenthesis(at) => {
                            let span = self.sources.within(node.span, text, at..at + 1);
                            ("a parenthesis needs quotes: there is no shell here".to_owned(), span)
                        }
                    };
                    self.error(
                        Diagnostic::error("compose.command", format!("{place}: {problem}"))
                            .at(span)
                            .help("write it as a list of words: [\"program\", \"argument\"]"),
                    );
                    None
                }
            },
            Value::Sequence(items) => {
                let words = items.iter().enumerate().map(|(index, item)| self.text(item, &place.item(index)));
                let words: Option<Vec<_>> = words.map(|word| word.map(|word| word.value)).collect();
                words.map(|words| Located::new(words, node.span))
            }
            _ => {
                self.wrong(node, place, "text or a list of text");
                None
            }
        }
    }

    pub(super) fn restart(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<Restart>> {
        let value = node.as_str().and_then(|text| match text {
            "no" => Some(Restart::No),
            "always" => Some(Restart::Always),
            "unless-stopped" => Some(Restart::UnlessStopped),
            "on-failure" => Some(Restart::OnFailure(None)),
            _ => text.strip_prefix("on-failure:")?.parse().ok().map(|count| Restart::OnFailure(Some(count))),
        });
        if value.is_none() {
            let found =
                node.text().map_or_else(|| node.kind().phrase().to_owned(), |text| format!("`{text}`"));
            self.error(
                Diagnostic::error("compose.restart", format!("{place}: {found} is no restart policy"))
                    .at(node.span)
                    .help("write \"no\", always, unless-stopped, on-failure or on-failure:3"),
            );
        }
        value.map(|value| Located::new(value, node.span))
    }

    pub(super) fn pull_policy(&mut self, node: &Node, place: &Place<'_>) -> Option<Located<String>> {
        let text = self.text_or_nothing(node, place)?;
        let word = text.value.as_str();
        let every = word.strip_prefix("every_").is_some_and(|time| crate::duration::parse(time).is_some());
        match word {
            "if_not_present" => Some(text.map(|_| "missing".to_owned())),
            "always" | "never" | "missing" | "build" | "refresh" | "daily" | "weekly" => Some(text),
            _ if every => Some(text),
            _ => {
                self.error(
                    Diagnostic::error("compose.pull-policy", format!("{place}: `{word}` is no pull policy"))
                        .at(text.span)
                        .help("write always, missing or never"),
                );
                None
            }
        }
    }
}
