//! Filling `@NAME@` places in the files of `testbed/`. Pure.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// Values by place name.
pub(crate) type Values = BTreeMap<&'static str, String>;

/// Replaces every place.
///
/// # Errors
/// [`Error::Form`] for a place that has no value.
pub(crate) fn fill(what: &str, template: &str, values: &Values) -> Result<String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('@') {
        out.push_str(before);
        let name = after.split_once('@').map(|(name, _)| name).filter(|name| is_place(name));
        let Some(name) = name else {
            out.push('@');
            rest = after;
            continue;
        };
        let value = values.get(name).ok_or_else(|| Error::Form {
            what: what.to_owned(),
            detail: format!("nothing is known for @{name}@"),
        })?;
        out.push_str(value);
        rest = &after[name.len() + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn is_place(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_other_at_signs_kept() {
        let values = Values::from([("A", "1".to_owned()), ("B_C", "2".to_owned())]);
        assert_eq!(fill("t", "x@A@@B_C@ me@here @A@", &values).unwrap(), "x12 me@here 1");
    }

    #[test]
    fn a_place_without_value_is_an_error() {
        let error = fill("t", "@MISSING@", &Values::new()).unwrap_err();
        assert_eq!(error.to_string(), "t has an unexpected form: nothing is known for @MISSING@");
    }
}
