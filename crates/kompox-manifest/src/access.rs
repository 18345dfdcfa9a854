//! `app.access`. Pure.

use crate::reader::{Field, Keys, Reader, Section};
use kompox_model::AppAccess;
use std::collections::BTreeSet;

/// Keys of `app.access`.
pub(crate) const KEYS: Keys = Keys { known: &["users", "groups"], later: &[] };
/// Names that mean whoever reaches the API server, or whatever runs in the cluster: other apps among them.
const EVERYBODY: [&str; 5] = [
    "system:anonymous",
    "system:authenticated",
    "system:unauthenticated",
    "system:serviceaccounts",
    "system:nodes",
];

/// Reads `app.access`.
pub(crate) fn read(reader: &mut Reader, field: &Field<'_>) -> Option<AppAccess> {
    let section = reader.section(field, &KEYS)?;
    Some(AppAccess { users: names(reader, &section, "users"), groups: names(reader, &section, "groups") })
}

fn names(reader: &mut Reader, section: &Section<'_>, key: &str) -> BTreeSet<String> {
    let items = reader.optional(section, key).map(|field| reader.list(&field)).unwrap_or_default();
    items
        .into_iter()
        .filter_map(|item| reader.parsed(Some(item), "manifest.access", name))
        .map(|name| name.value)
        .collect()
}

fn name(text: &str) -> Result<String, String> {
    let shown = text.escape_debug();
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err(format!(
            "`{shown}` is no name: it begins or ends with a space, or holds a control character"
        ));
    }
    if EVERYBODY.contains(&text) {
        return Err(format!(
            "`{shown}` is not somebody but everybody, other apps included; name users or groups"
        ));
    }
    Ok(text.to_owned())
}
