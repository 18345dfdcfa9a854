//! `app.volumes`, and the implicit volume that the settings describe (C-12, C-13). Pure.

use crate::reader::{Field, Keys, Reader};
use crate::settings::{self, Setting};
use kompox_model::driver::{AZURE_DISK_SIZE, AZURE_DISK_TYPE, KnownDriver, SettingScope};
use kompox_model::quantity::{Bytes, with_unit};
use kompox_model::{Settings, Volume, VolumeName};
use kompox_yaml::{Diagnostic, Located, Span};

/// Keys of the mapping.
pub(crate) const KEYS: Keys = Keys { known: &["name", "size", "compose", "type", "options"], later: &[] };
/// Option with the storage class of the cloud, such as `Standard_LRS` (CFG-24).
const SKU: &str = "sku";

/// One entry as it is written.
pub(crate) struct Given {
    name: Located<VolumeName>,
    size: Option<Located<Bytes>>,
    compose: Option<Located<String>>,
    options: Vec<Setting>,
}

impl Given {
    fn is_default(&self) -> bool {
        self.name.value.as_str() == Volume::DEFAULT
    }
}

/// Reads the list; names and compose volumes that occur twice are reported.
pub(crate) fn read(reader: &mut Reader, field: &Field<'_>) -> Vec<Given> {
    let items = reader.list(field);
    let volumes: Vec<_> = items.iter().filter_map(|item| read_volume(reader, item)).collect();
    for (index, volume) in volumes.iter().enumerate() {
        let before = &volumes[..index];
        let name = &volume.name;
        if let Some(first) = before.iter().find(|other| other.name.value == name.value) {
            let message = format!("volume `{}` is declared twice", name.value);
            reader.report(twice("manifest.volume.twice", message, name.span, first.name.span));
        } else if let Some(key) = &volume.compose
            && let Some(first) =
                before.iter().filter_map(|v| v.compose.as_ref()).find(|other| other.value == key.value)
        {
            let message = format!("compose volume `{}` cannot live on two volumes", key.value);
            reader.report(twice("manifest.volume.compose", message, key.span, first.span));
        }
    }
    volumes
}

fn twice(code: &'static str, message: String, second: Span, first: Span) -> Diagnostic {
    Diagnostic::error(code, message).at(second).label(first, "the first one is here")
}

fn read_volume(reader: &mut Reader, item: &Field<'_>) -> Option<Given> {
    let section = reader.section(item, &KEYS)?;
    let name = reader.required(&section, "name");
    let name = reader.parsed(name, "manifest.name", str::parse::<VolumeName>);
    let size = reader.optional(&section, "size");
    let size = reader.parsed(size, "manifest.volume.size", |text| with_unit("a disk", text));
    let kind = reader.optional(&section, "type");
    reader.parsed(kind, "manifest.volume.type", |text| match text {
        "disk" => Ok(()),
        "files" => Err("volume type `files` is known, but not supported by this version".to_owned()),
        other => Err(format!("unknown volume type `{other}`; known types: disk, files")),
    });
    let given = reader.optional(&section, "compose").and_then(|field| reader.text(&field));
    let options = reader.optional(&section, "options");
    let options = settings::read(reader, options);
    let name = name?;
    let compose = if name.value.as_str() == Volume::DEFAULT {
        if let Some(key) = given {
            let message = "the volume `default` is shared by all compose volumes without a disk of their own";
            reader.report(
                Diagnostic::error("manifest.volume.default", message)
                    .at(key.span)
                    .help("give the volume another name, or remove `compose`"),
            );
        }
        None
    } else {
        Some(given.unwrap_or_else(|| name.as_ref().map(ToString::to_string)))
    };
    Some(Given { name, size, compose, options })
}

/// The volumes of the app: the shared one first, implicit or declared, then the others as they are written.
pub(crate) fn finish(
    reader: &mut Reader,
    given: Vec<Given>,
    settings: &[Setting],
    driver: Option<&KnownDriver>,
) -> Option<Vec<Volume>> {
    let reads = |key: &str| driver.is_some_and(|driver| driver.has(key, SettingScope::App));
    let setting = |key: &str| settings.iter().find(|setting| setting.key == key && reads(key));
    if let Some(size) = setting(AZURE_DISK_SIZE).filter(|size| gibibytes(&size.value).is_none()) {
        let message = format!("`{AZURE_DISK_SIZE}` must be a whole number of GiB, such as 50");
        reader.report(Diagnostic::error("manifest.volume.size", message).at(size.value_span));
        return None;
    }
    let mut shared = implied(&settings::plain(settings), driver);
    let (declared, others): (Vec<_>, Vec<_>) = given.into_iter().partition(Given::is_default);
    if let Some(declared) = declared.into_iter().next() {
        if let Some(size) = declared.size {
            overridden(reader, setting(AZURE_DISK_SIZE), size.span, "size");
            shared.size = size.value;
        }
        for option in declared.options {
            if option.key == SKU {
                overridden(reader, setting(AZURE_DISK_TYPE), option.value_span, "options.sku");
            }
            shared.options.insert(option.key, option.value);
        }
    }
    let other = |given: Given| Volume {
        name: given.name.value,
        size: given.size.map_or(Volume::DEFAULT_SIZE, |size| size.value),
        compose: given.compose.map(|key| key.value),
        options: settings::plain(&given.options),
    };
    Some(std::iter::once(shared).chain(others.into_iter().map(other)).collect())
}

/// The shared volume that an app with these settings has when it declares none (C-12, C-13).
pub(crate) fn implied(settings: &Settings, driver: Option<&KnownDriver>) -> Volume {
    let reads = |key: &str| driver.is_some_and(|driver| driver.has(key, SettingScope::App));
    let setting = |key: &str| settings.get(key).filter(|_| reads(key));
    let mut shared = Volume::implicit();
    shared.size = setting(AZURE_DISK_SIZE).and_then(gibibytes).unwrap_or(shared.size);
    if let Some(kind) = setting(AZURE_DISK_TYPE) {
        shared.options.insert(SKU, kind);
    }
    shared
}

/// A whole number of GiB (CFG-23).
fn gibibytes(text: &str) -> Option<Bytes> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    if digits { Bytes::parse(&format!("{text}Gi")).ok() } else { None }
}

/// Says that a setting has no effect beside the declared volume (C-13: volumes win).
fn overridden(reader: &mut Reader, setting: Option<&Setting>, by: Span, what: &str) {
    if let Some(setting) = setting {
        let message = format!("`{}` has no effect: volume `default` declares its {what}", setting.key);
        reader.report(
            Diagnostic::warning("manifest.volume.setting", message)
                .at(setting.key_span)
                .label(by, "this value is used"),
        );
    }
}
