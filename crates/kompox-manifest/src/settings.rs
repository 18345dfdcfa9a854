//! Settings: string maps whose keys depend on the driver (CFG-11, CFG-22). Pure.

use crate::reader::{Field, Reader};
use kompox_model::Settings;
use kompox_model::driver::{KNOWN, KnownDriver, SettingScope};
use kompox_yaml::{Diagnostic, Span, nearest};

/// One setting with its places.
#[derive(Clone)]
pub(crate) struct Setting {
    /// The key.
    pub(crate) key: String,
    /// The value as it is written. May be a secret: it must not get into a message.
    pub(crate) value: String,
    /// Where the key is.
    pub(crate) key_span: Span,
    /// Where the value is.
    pub(crate) value_span: Span,
}

/// Reads a string map; numbers and booleans become their text.
pub(crate) fn read(reader: &mut Reader, field: Option<Field<'_>>) -> Vec<Setting> {
    let Some(field) = field else { return Vec::new() };
    let Some(mapping) = field.node.as_mapping() else {
        reader.wrong_kind(&field, "a mapping");
        return Vec::new();
    };
    let mut settings = Vec::new();
    for entry in mapping {
        let item = Field::of(&field.path, entry);
        if !reader.has_value(&item) {
            continue;
        }
        match item.node.text() {
            Some(value) => settings.push(Setting {
                key: entry.key.clone(),
                value: value.to_owned(),
                key_span: item.key,
                value_span: item.node.span,
            }),
            None => reader.wrong_kind(&item, "text"),
        }
    }
    settings
}

/// Without the places.
pub(crate) fn plain(settings: &[Setting]) -> Settings {
    settings.iter().map(|setting| (setting.key.as_str(), setting.value.as_str())).collect()
}

/// True for a key that may stand in `cluster.settings` but belongs to the provider (C-08).
pub(crate) fn is_moved(driver: &KnownDriver, key: &str) -> bool {
    driver.has(key, SettingScope::Provider) && !driver.has(key, SettingScope::Cluster)
}

/// Warns of every key that has no effect in settings of this scope.
pub(crate) fn check(reader: &mut Reader, settings: &[Setting], scope: SettingScope, driver: &KnownDriver) {
    for setting in settings.iter().filter(|setting| !driver.has(&setting.key, scope)) {
        reader.report(no_effect(setting, scope, driver));
    }
}

fn no_effect(setting: &Setting, scope: SettingScope, driver: &KnownDriver) -> Diagnostic {
    let key = &setting.key;
    let id = driver.id;
    if let Some(right) = driver.scopes(key).next() {
        let message = format!("`{key}` has no effect in {}", scope.path());
        return Diagnostic::warning("manifest.setting.place", message)
            .at(setting.key_span)
            .help(format!("it belongs to {}", right.path()));
    }
    let owner = KNOWN.iter().find(|other| other.scopes(key).next().is_some());
    if let Some(owner) = owner {
        let message = format!("`{key}` is a setting of driver {}; driver {id} does not read it", owner.id);
        return Diagnostic::warning("manifest.setting.driver", message).at(setting.key_span);
    }
    let here = driver.settings.iter().filter(|known| known.scope == scope).map(|known| known.key);
    let help = nearest(key, here).map(|near| format!("did you mean `{near}`?"));
    let message = format!("unknown setting `{key}`; driver {id} does not read it");
    Diagnostic::warning("manifest.setting.unknown", message).at(setting.key_span).maybe_help(help)
}
