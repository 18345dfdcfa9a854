//! `app.env` and `app.profiles`: what the compose file is read with. Pure.

use crate::reader::{Field, Reader};
use kompox_model::Variables;
use kompox_yaml::Diagnostic;

/// The variable that Compose itself sets: the project's name, which is the app's.
const PROJECT_NAME: &str = "COMPOSE_PROJECT_NAME";

/// Reads `app.env`; numbers and booleans become their text.
pub(crate) fn read_env(reader: &mut Reader, field: &Field<'_>) -> Variables {
    let Some(mapping) = field.node.as_mapping() else {
        reader.wrong_kind(field, "a mapping of names to values");
        return Variables::default();
    };
    let mut variables = Vec::new();
    for entry in mapping {
        let item = Field::of(&field.path, entry);
        let refused = refused(&entry.key);
        if let Some(message) = &refused {
            reader.report(Diagnostic::error("manifest.env.name", message.clone()).at(item.key));
        }
        if !reader.has_value(&item) {
            continue;
        }
        // The value may be a secret: no message shows it, and it may be empty.
        match item.node.text() {
            Some(value) if value.contains('\0') => {
                let message = format!("the value of `{}` holds a NUL character", item.path);
                reader.report(Diagnostic::error("manifest.env.value", message).at(item.node.span));
            }
            Some(value) if refused.is_none() => variables.push((entry.key.clone(), value.to_owned())),
            Some(_) => {}
            None => reader.wrong_kind(&item, "text"),
        }
    }
    variables.into_iter().collect()
}

/// Why a name is no variable that a compose file could use.
fn refused(name: &str) -> Option<String> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name == PROJECT_NAME {
        return Some(format!("`{PROJECT_NAME}` is always the name of the app"));
    }
    let good = !name.is_empty() && name.bytes().all(legal) && !name.starts_with(|c: char| c.is_ascii_digit());
    (!good).then(|| format!("`{}` is no name of a variable: letters, digits and `_`", name.escape_debug()))
}

/// Reads `app.profiles`.
pub(crate) fn read_profiles(reader: &mut Reader, field: &Field<'_>) -> Vec<String> {
    let items = reader.list(field);
    items
        .into_iter()
        .filter_map(|item| reader.parsed(Some(item), "manifest.profile", profile))
        .map(|profile| profile.value)
        .collect()
}

fn profile(text: &str) -> Result<String, String> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let good = text.bytes().all(legal) && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if good || text == "*" {
        return Ok(text.to_owned());
    }
    Err(format!("`{}` is no name of a profile: letters, digits, `_`, `.` and `-`", text.escape_debug()))
}
