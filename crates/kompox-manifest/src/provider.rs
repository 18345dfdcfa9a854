//! The `provider` section, and the provider that a file without one gets (C-08). Pure.

use crate::cluster::Parts;
use crate::reader::{Field, Keys, NAME, Reader, Section};
use crate::settings::{self, Setting};
use kompox_model::driver::{self, KnownDriver, SettingScope};
use kompox_model::{Provider, ProviderName, Settings};
use kompox_yaml::{Diagnostic, Located, nearest};

/// The keys besides its name.
pub(crate) const KEYS: Keys = Keys { known: &["driver", "settings"], later: &[] };

/// The section as it is written.
pub(crate) struct Given {
    name: Option<Located<ProviderName>>,
    driver: Option<&'static KnownDriver>,
    settings: Vec<Setting>,
}

/// Reads the section of version 1.
pub(crate) fn read(reader: &mut Reader, field: &Field<'_>) -> Option<Given> {
    let section = reader.section_of(field, &[&NAME, &KEYS])?;
    let name = reader.required(&section, "name");
    let name = reader.parsed(name, "manifest.name", str::parse::<ProviderName>);
    Some(Given { name, ..read_body(reader, &section) })
}

/// Reads everything but the name.
pub(crate) fn read_body(reader: &mut Reader, section: &Section<'_>) -> Given {
    let driver = reader.required(section, "driver");
    let driver = reader.parsed(driver, "manifest.driver", find_driver);
    let settings = reader.optional(section, "settings");
    let settings = settings::read(reader, settings);
    Given { name: None, driver: driver.map(|driver| driver.value), settings }
}

impl Given {
    /// The provider of a KOM document, to which no settings of its clusters are moved.
    pub(crate) fn finish(self, reader: &mut Reader, name: ProviderName) -> Option<Provider> {
        let driver = self.driver?;
        settings::check(reader, &self.settings, SettingScope::Provider, driver);
        Some(Provider { name, driver: driver.id.to_owned(), settings: settings::plain(&self.settings) })
    }
}

/// The driver with this id; the message lists the known ones (CFG-10).
fn find_driver(id: &str) -> Result<&'static KnownDriver, String> {
    driver::find(id).ok_or_else(|| {
        let known: Vec<_> = driver::KNOWN.iter().map(|driver| driver.id).collect();
        let near = nearest(id, known.iter().copied());
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("unknown driver `{id}`; known drivers: {}{near}", known.join(", "))
    })
}

/// Joins the section, `cluster.provider` and the account settings among the cluster's.
///
/// `section` tells whether the file has the section, even one that could not be read.
pub(crate) fn join(
    reader: &mut Reader,
    given: Option<Given>,
    section: bool,
    cluster: Option<&Parts>,
) -> (Option<Provider>, Option<&'static KnownDriver>) {
    let given = match given {
        Some(given) => {
            refuse_other_name(reader, &given, cluster);
            given
        }
        None if section => return (None, None),
        None => implied(reader, cluster),
    };
    let Some(driver) = given.driver else { return (None, None) };
    settings::check(reader, &given.settings, SettingScope::Provider, driver);
    let settings = merge(reader, &given.settings, cluster, driver);
    let provider =
        given.name.map(|name| Provider { name: name.value, driver: driver.id.to_owned(), settings });
    (provider, Some(driver))
}

/// Without the section the provider is called like its driver, and `cluster.provider` names both.
fn implied(reader: &mut Reader, cluster: Option<&Parts>) -> Given {
    let named = cluster.and_then(|cluster| {
        if !cluster.names_provider {
            let message = "`cluster.provider` is missing";
            reader.report(Diagnostic::error("manifest.key.missing", message).at(cluster.place));
        }
        cluster.provider.as_ref()
    });
    let driver = named.and_then(|named| {
        find_driver(&named.value)
            .map_err(|message| reader.report(Diagnostic::error("manifest.driver", message).at(named.span)))
            .ok()
    });
    let name = driver.zip(named).and_then(|(driver, named)| {
        ProviderName::new(driver.id).ok().map(|name| Located::new(name, named.span))
    });
    Given { name, driver, settings: Vec::new() }
}

/// The provider's own settings and those that stand in `cluster.settings`; two values of one key are refused.
fn merge(reader: &mut Reader, own: &[Setting], cluster: Option<&Parts>, driver: &KnownDriver) -> Settings {
    let mut all = settings::plain(own);
    let moved = cluster.into_iter().flat_map(|cluster| &cluster.settings);
    for setting in moved.filter(|setting| settings::is_moved(driver, &setting.key)) {
        match own.iter().find(|other| other.key == setting.key) {
            Some(other) if other.value != setting.value => reader.report(
                Diagnostic::error(
                    "manifest.setting.conflict",
                    format!("`{}` has two different values", setting.key),
                )
                .at(setting.value_span)
                .label(other.value_span, "the value in provider.settings is here")
                .help("keep the one in provider.settings"),
            ),
            _ => all.insert(&*setting.key, &*setting.value),
        }
    }
    all
}

/// Beside the section, `cluster.provider` may only repeat the provider's name or its driver.
fn refuse_other_name(reader: &mut Reader, given: &Given, cluster: Option<&Parts>) {
    let (Some(name), Some(driver)) = (&given.name, given.driver) else { return };
    let Some(named) = cluster.and_then(|cluster| cluster.provider.as_ref()) else { return };
    if named.value != name.value.as_str() && named.value != driver.id {
        let message = format!(
            "`cluster.provider` is `{}`, but the provider of this file is `{}` with driver `{}`",
            named.value, name.value, driver.id
        );
        reader.report(
            Diagnostic::error("manifest.provider.other", message)
                .at(named.span)
                .label(name.span, "the provider is named here")
                .help("remove `cluster.provider`"),
        );
    }
}
