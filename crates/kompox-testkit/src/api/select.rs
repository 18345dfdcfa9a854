//! Label and field selectors. Pure.

use serde_json::Value;

/// True when an object's labels fit a label selector.
pub(crate) fn labels_fit(object: &Value, selector: &str) -> bool {
    terms(selector).iter().all(|term| label_fits(object, term.trim()))
}

/// True when an object's fields fit a field selector.
pub(crate) fn fields_fit(object: &Value, selector: &str) -> bool {
    terms(selector).iter().all(|term| {
        let (path, equal, wanted) = if let Some((path, wanted)) = term.split_once("!=") {
            (path, false, wanted)
        } else {
            let (path, wanted) = term.split_once('=').unwrap_or((term, ""));
            (path, true, wanted.trim_start_matches('='))
        };
        let pointer = format!("/{}", path.trim().replace('.', "/"));
        let found = object.pointer(&pointer).map_or_else(String::new, |value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        (found == wanted.trim()) == equal
    })
}

/// Splits at commas outside of parentheses.
fn terms(selector: &str) -> Vec<&str> {
    let mut depth = 0;
    selector
        .split(|c| {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            c == ',' && depth == 0
        })
        .filter(|term| !term.trim().is_empty())
        .collect()
}

fn label_fits(object: &Value, term: &str) -> bool {
    let label = |key: &str| object["metadata"]["labels"].get(key.trim()).and_then(Value::as_str);
    let among = |list: &str, value: &str| {
        list.trim().trim_start_matches('(').trim_end_matches(')').split(',').any(|item| item.trim() == value)
    };
    if let Some((key, list)) = term.split_once(" notin ") {
        return label(key).is_none_or(|value| !among(list, value));
    }
    if let Some((key, list)) = term.split_once(" in ") {
        return label(key).is_some_and(|value| among(list, value));
    }
    if let Some((key, value)) = term.split_once("!=") {
        return label(key) != Some(value.trim());
    }
    if let Some((key, value)) = term.split_once('=') {
        return label(key) == Some(value.trim_start_matches('=').trim());
    }
    match term.strip_prefix('!') {
        Some(key) => label(key).is_none(),
        None => label(term).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_fit() {
        let object = json!({"metadata": {"name": "x", "labels": {"a": "1", "b/c": "2"}}, "status": {"n": 3}});
        for (selector, fits) in [
            ("a=1", true),
            ("a==1,b/c=2", true),
            ("a!=1", false),
            ("z!=1", true),
            ("a", true),
            ("!a", false),
            ("!z", true),
            ("a in (1, 2),b/c", true),
            ("a notin (1,2)", false),
            ("z notin (1)", true),
            ("", true),
        ] {
            assert_eq!(labels_fit(&object, selector), fits, "{selector}");
        }
        for (selector, fits) in
            [("metadata.name=x", true), ("metadata.name!=x", false), ("status.n=3", true), ("a.b=", true)]
        {
            assert_eq!(fields_fit(&object, selector), fits, "{selector}");
        }
    }
}
