//! Label selectors. Pure.

use crate::object::{Expression, Labels, Selector};

impl Selector {
    /// Whether labels match; an empty selector matches all.
    pub(crate) fn matches(&self, labels: &Labels) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|expression| expression.matches(labels))
    }
}

impl Expression {
    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let among = || value.is_some_and(|value| self.values.contains(value));
        match self.operator.as_str() {
            "In" => among(),
            // An absent label is not among the values either.
            "NotIn" => !among(),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            // The API server lets no other pass; selecting nothing opens nothing.
            _ => false,
        }
    }
}
