//! `healthcheck`.

use kompox_yaml::{Diagnostic, Node, Value};

use super::{Reader, keys};
use crate::place::Place;
use crate::{HealthTest, Healthcheck};

const KEYS: &[&str] =
    &["disable", "interval", "retries", "start_interval", "start_period", "test", "timeout"];

impl Reader<'_> {
    pub(super) fn healthcheck(
        &mut self,
        node: &Node,
        place: &Place<'_>,
        span: kompox_yaml::Span,
    ) -> Option<Healthcheck> {
        let mapping = self.mapping(node, place, KEYS)?;
        let mut check = Healthcheck {
            test: HealthTest::Image,
            keys: keys(mapping),
            interval: None,
            timeout: None,
            retries: None,
            start_period: None,
            start_interval: None,
            other: mapping.iter().filter(|entry| entry.key.starts_with("x-")).cloned().collect(),
            span,
        };
        let mut disabled = false;
        for entry in mapping {
            let (node, at) = (&entry.value, place.key(&entry.key));
            match entry.key.as_str() {
                "test" => check.test = self.health_test(node, &at).unwrap_or(HealthTest::Image),
                "disable" => disabled = self.boolean(node, &at).is_some_and(|flag| flag.value),
                "interval" => check.interval = self.duration(node, &at),
                "timeout" => check.timeout = self.duration(node, &at),
                "retries" => check.retries = self.number(node, &at),
                "start_period" => check.start_period = self.duration(node, &at),
                "start_interval" => check.start_interval = self.duration(node, &at),
                _ => {}
            }
        }
        if disabled {
            check.test = HealthTest::Disabled;
        }
        Some(check)
    }

    pub(super) fn health_test(&mut self, node: &Node, place: &Place<'_>) -> Option<HealthTest> {
        if let Value::String(text) = &node.value {
            if text == "NONE" {
                self.error(
                    Diagnostic::warning(
                        "compose.healthcheck.none",
                        format!("{place}: as text, NONE is a command to run"),
                    )
                    .at(node.span)
                    .help("write `disable: true` or `test: [\"NONE\"]`"),
                );
            }
            return Some(HealthTest::Shell(vec![text.clone()]));
        }
        let Value::Sequence(items) = &node.value else {
            self.wrong(node, place, "text or a list of text");
            return None;
        };
        let mut words = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            words.push(self.text(item, &place.item(index))?.value);
        }
        let Some((kind, arguments)) = words.split_first() else { return Some(HealthTest::Image) };
        let problem = match kind.as_str() {
            "NONE" => return Some(HealthTest::Disabled),
            "CMD" if !arguments.is_empty() => return Some(HealthTest::Command(arguments.to_vec())),
            "CMD-SHELL" if !arguments.is_empty() => return Some(HealthTest::Shell(arguments.to_vec())),
            "CMD" | "CMD-SHELL" => "there is no command".to_owned(),
            _ => format!("the list must start with CMD, CMD-SHELL or NONE, found `{kind}`"),
        };
        let at = items.first().map_or(node.span, |item| item.span);
        self.error(
            Diagnostic::error("compose.healthcheck.test", format!("{place}: {problem}"))
                .at(at)
                .help("write [\"CMD\", \"program\", \"argument\"] or [\"CMD-SHELL\", \"script\"]"),
        );
        None
    }
}
