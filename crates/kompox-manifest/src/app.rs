//! The `app` section. Pure.

use crate::ingress::{self, Rule};
use crate::reader::{Field, Keys, NAME, Reader, Section};
use crate::settings::{self, Setting};
use crate::volume::{self, Given};
use crate::{access, network, variables};
use kompox_model::driver::{KnownDriver, SettingScope};
use kompox_model::quantity::{Bytes, MilliCpu, with_unit};
use kompox_model::{App, AppAccess, AppName, AppNetwork, ComposeSource, IngressRule, Variables};
use kompox_yaml::{Diagnostic, Kind, Located};

/// The keys besides its name.
pub(crate) const KEYS: Keys = Keys {
    known: &[
        "compose",
        "ingress",
        "resources",
        "network",
        "access",
        "profiles",
        "env",
        "volumes",
        "settings",
    ],
    later: &["snapshots"],
};
/// Keys of `resources`.
pub(crate) const RESOURCES: Keys = Keys { known: &["cpu", "memory"], later: &[] };

/// The section, before the driver's table is applied to it.
pub(crate) struct Parts {
    name: Option<AppName>,
    compose: Option<ComposeSource>,
    ingress: Vec<Rule>,
    cpu: Option<MilliCpu>,
    memory: Option<Bytes>,
    network: AppNetwork,
    access: AppAccess,
    profiles: Vec<String>,
    env: Variables,
    volumes: Vec<Given>,
    settings: Vec<Setting>,
}

/// Reads the section of version 1.
pub(crate) fn read(reader: &mut Reader, field: &Field<'_>) -> Option<Parts> {
    let section = reader.section_of(field, &[&NAME, &KEYS])?;
    let name = reader.required(&section, "name");
    let name = reader.parsed(name, "manifest.name", str::parse::<AppName>);
    Some(read_body(reader, &section).named(name.map(|name| name.value)))
}

/// Reads everything but the name.
pub(crate) fn read_body(reader: &mut Reader, section: &Section<'_>) -> Parts {
    let compose = reader.required(section, "compose").and_then(|field| read_compose(reader, &field));
    let ingress = reader.optional(section, "ingress").map(|field| ingress::read(reader, &field));
    let resources =
        reader.optional(section, "resources").and_then(|field| reader.section(&field, &RESOURCES));
    let (cpu, memory) = match resources {
        Some(section) => {
            let (cpu, memory) = (reader.optional(&section, "cpu"), reader.optional(&section, "memory"));
            (
                reader.parsed(cpu, "manifest.resources", MilliCpu::parse),
                reader.parsed(memory, "manifest.resources", memory_amount),
            )
        }
        None => (None, None),
    };
    let network = reader.optional(section, "network").and_then(|field| network::read_app(reader, &field));
    let access = reader.optional(section, "access").and_then(|field| access::read(reader, &field));
    let profiles = reader.optional(section, "profiles").map(|field| variables::read_profiles(reader, &field));
    let env = reader.optional(section, "env").map(|field| variables::read_env(reader, &field));
    let volumes = reader.optional(section, "volumes").map(|field| volume::read(reader, &field));
    let settings = reader.optional(section, "settings");
    let settings = settings::read(reader, settings);
    Parts {
        name: None,
        compose,
        ingress: ingress.unwrap_or_default(),
        cpu: cpu.map(|cpu| cpu.value),
        memory: memory.map(|memory| memory.value),
        network: network.unwrap_or_default(),
        access: access.unwrap_or_default(),
        profiles: profiles.unwrap_or_default(),
        env: env.unwrap_or_default(),
        volumes: volumes.unwrap_or_default(),
        settings,
    }
}

impl Parts {
    /// The same with this name.
    pub(crate) fn named(self, name: Option<AppName>) -> Self {
        Self { name, ..self }
    }

    /// The app, once the driver is known that gives the settings their meaning, and the `domain` of default
    /// hosts. What is not known was refused elsewhere and is not checked here.
    pub(crate) fn finish(
        self,
        reader: &mut Reader,
        driver: Option<&KnownDriver>,
        domain: Option<&str>,
    ) -> Option<App> {
        if let Some(domain) = domain {
            ingress::refuse_default_hosts(reader, &self.ingress, domain);
        }
        if let Some(driver) = driver {
            settings::check(reader, &self.settings, SettingScope::App, driver);
        }
        let volumes = volume::finish(reader, self.volumes, &self.settings, driver)?;
        let rule = |rule: Rule| IngressRule { port: rule.port, host: rule.host.value };
        Some(App {
            name: self.name?,
            compose: self.compose?,
            ingress: self.ingress.into_iter().map(rule).collect(),
            cpu: self.cpu,
            memory: self.memory,
            network: self.network,
            access: self.access,
            profiles: self.profiles,
            env: self.env,
            volumes,
            settings: settings::plain(&self.settings),
        })
    }
}

/// A path, or the compose text itself when it has a line break (CFG-18).
fn read_compose(reader: &mut Reader, field: &Field<'_>) -> Option<ComposeSource> {
    if field.node.kind() == Kind::Mapping {
        let message = format!("`{}` must be a path or text, but a mapping was found", field.path);
        reader.report(
            Diagnostic::error("manifest.value.kind", message)
                .at(field.node.span)
                .help("write `compose: |` to put the compose text here"),
        );
        return None;
    }
    let Located { value, .. } = reader.text(field)?;
    Some(if value.contains('\n') { ComposeSource::Inline(value) } else { ComposeSource::Path(value) })
}

/// An amount of memory that is not a number of megabytes without its unit.
fn memory_amount(text: &str) -> Result<Bytes, String> {
    with_unit("memory", text)
}
