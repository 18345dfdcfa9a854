//! Variables for compose files. Their values may be secrets. Pure.

use std::collections::BTreeMap;
use std::fmt;

/// Variables by name. `Debug` masks all values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Names and values in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These variables below those of `process`, which win.
    #[must_use]
    pub fn below(&self, process: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut all = self.0.clone();
        all.extend(process.iter().map(|(name, value)| (name.clone(), value.clone())));
        all
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, _)| (name, "********"))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_masked_and_the_process_wins() {
        let variables: Variables = [("A", "canary"), ("B", "canary")].into_iter().collect();
        assert!(!format!("{variables:?}").contains("canary"));
        let process = [("A".to_owned(), "own".to_owned())].into();
        let all = variables.below(&process);
        assert_eq!((all["A"].as_str(), all["B"].as_str()), ("own", "canary"));
    }
}
