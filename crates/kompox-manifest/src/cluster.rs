//! The `cluster` section. Pure.

use crate::reader::{Field, Keys, NAME, Reader, Section};
use crate::settings::{self, Setting};
use crate::{network, security};
use kompox_model::driver::{KnownDriver, SettingScope};
use kompox_model::name::check_label;
use kompox_model::{
    AuthKind, Cluster, ClusterAuth, ClusterIngress, ClusterName, ClusterNetwork, ClusterSecurity, host,
};
use kompox_yaml::{Diagnostic, Located, Span};

/// The keys besides its name and its provider.
pub(crate) const KEYS: Keys =
    Keys { known: &["existing", "auth", "ingress", "security", "network", "images", "settings"], later: &[] };
/// The key of its provider in version 1.
pub(crate) const PROVIDER: Keys = Keys { known: &["provider"], later: &[] };
/// Keys of `auth`.
pub(crate) const AUTH: Keys = Keys { known: &["type", "kubeconfig", "context"], later: &[] };
/// Keys of `ingress`.
pub(crate) const INGRESS: Keys = Keys {
    known: &["controller", "namespace", "class", "certResolver", "domain"],
    later: &["certEmail", "certificates", "chart", "adopt"],
};
/// Keys of `images`.
pub(crate) const IMAGES: Keys = Keys { known: &["node"], later: &[] };

/// The section, before the driver's table is applied to it.
pub(crate) struct Parts {
    /// Where the section is.
    pub(crate) place: Span,
    name: Option<ClusterName>,
    existing: bool,
    auth: Option<ClusterAuth>,
    ingress: ClusterIngress,
    security: ClusterSecurity,
    network: ClusterNetwork,
    node_image: Option<String>,
    /// True when `provider` is written, even without a legal value.
    pub(crate) names_provider: bool,
    /// What `provider` says.
    pub(crate) provider: Option<Located<String>>,
    /// All settings, those that belong to the provider too.
    pub(crate) settings: Vec<Setting>,
}

/// Reads the section of version 1.
pub(crate) fn read(reader: &mut Reader, field: &Field<'_>) -> Option<Parts> {
    let section = reader.section_of(field, &[&NAME, &PROVIDER, &KEYS])?;
    let name = reader.required(&section, "name");
    let name = reader.parsed(name, "manifest.name", str::parse::<ClusterName>);
    let provider = reader.optional(&section, "provider").and_then(|field| reader.text(&field));
    let name = name.map(|name| name.value);
    Some(Parts { name, provider, names_provider: section.has("provider"), ..read_body(reader, &section) })
}

/// Reads everything but the name and the provider.
pub(crate) fn read_body(reader: &mut Reader, section: &Section<'_>) -> Parts {
    let existing = reader.optional(section, "existing").and_then(|field| reader.boolean(&field));
    let auth = reader.optional(section, "auth").and_then(|field| read_auth(reader, &field));
    let ingress = reader.optional(section, "ingress").and_then(|field| read_ingress(reader, &field));
    let security = reader.optional(section, "security").and_then(|field| security::read(reader, &field));
    let network = reader.optional(section, "network").and_then(|field| network::read_cluster(reader, &field));
    let images = reader.optional(section, "images").and_then(|field| reader.section(&field, &IMAGES));
    let node_image = images.and_then(|images| read_image(reader, &images, "node"));
    let settings = reader.optional(section, "settings");
    Parts {
        place: section.place(),
        name: None,
        existing: existing.unwrap_or(false),
        auth,
        ingress: ingress.unwrap_or_default(),
        security: security.unwrap_or_default(),
        network: network.unwrap_or_default(),
        node_image,
        names_provider: false,
        provider: None,
        settings: settings::read(reader, settings),
    }
}

impl Parts {
    /// The cluster of a KOM document: all its settings are its own.
    pub(crate) fn named(
        mut self,
        reader: &mut Reader,
        name: Option<ClusterName>,
        driver: Option<&KnownDriver>,
    ) -> Option<Cluster> {
        if let Some(driver) = driver {
            settings::check(reader, &self.settings, SettingScope::Cluster, driver);
        }
        self.name = name;
        self.finish(reader, None)
    }

    /// The cluster, without the settings that went to the provider; no driver, no check of the others.
    pub(crate) fn finish(self, reader: &mut Reader, driver: Option<&KnownDriver>) -> Option<Cluster> {
        let mut kept = self.settings;
        if let Some(driver) = driver {
            kept.retain(|setting| !settings::is_moved(driver, &setting.key));
            settings::check(reader, &kept, SettingScope::Cluster, driver);
        }
        Some(Cluster {
            name: self.name?,
            existing: self.existing,
            auth: self.auth,
            ingress: self.ingress,
            security: self.security,
            network: self.network,
            node_image: self.node_image,
            settings: settings::plain(&kept),
        })
    }
}

fn read_auth(reader: &mut Reader, field: &Field<'_>) -> Option<ClusterAuth> {
    let section = reader.section(field, &AUTH)?;
    let kind = reader.required(&section, "type");
    let kind = reader.parsed(kind, "manifest.auth.type", |text| match text {
        "kubectl" => Ok(AuthKind::Kubectl),
        "environment" => Ok(AuthKind::Environment),
        other => Err(format!(
            "`cluster.auth.type` `{other}` is not supported by this version; `kubectl` and `environment` are"
        )),
    });
    let kind = kind.map_or(AuthKind::Kubectl, |kind| kind.value);
    if kind == AuthKind::Environment {
        refuse_names(reader, &section);
    }
    let kubeconfig = reader.optional(&section, "kubeconfig").and_then(|field| reader.text(&field));
    let context = reader.optional(&section, "context").and_then(|field| reader.text(&field));
    Some(ClusterAuth {
        kind,
        kubeconfig: kubeconfig.map(|text| text.value),
        context: context.map(|text| text.value),
    })
}

/// The environment alone says which kubeconfig is meant; a second answer would be ignored.
fn refuse_names(reader: &mut Reader, section: &Section<'_>) {
    for key in ["kubeconfig", "context"] {
        if let Some(field) = reader.optional(section, key) {
            let message = format!("`{}` has no meaning with type `environment`", field.path);
            reader.report(
                Diagnostic::error("manifest.auth.environment", message)
                    .at(field.key)
                    .help("remove it, or set the type to `kubectl`"),
            );
        }
    }
}

fn read_ingress(reader: &mut Reader, field: &Field<'_>) -> Option<ClusterIngress> {
    let section = reader.section(field, &INGRESS)?;
    let defaults = ClusterIngress::default();
    let controller = reader.optional(&section, "controller");
    let controller = reader.parsed(controller, "manifest.ingress.controller", |text| match text {
        "traefik" => Ok(text.to_owned()),
        other => Err(format!("ingress controller `{other}` is not supported by this version; `traefik` is")),
    });
    let namespace = reader.optional(&section, "namespace");
    let namespace = reader.parsed(namespace, "manifest.name", |text| {
        check_label("namespace", text, 63).map(|()| text.to_owned())
    });
    let class = reader.optional(&section, "class");
    let class = reader.parsed(class, "manifest.name", |text| {
        text.split('.')
            .try_for_each(|label| check_label("ingress class", label, 63))
            .map(|()| text.to_owned())
    });
    let resolver = reader.optional(&section, "certResolver");
    let resolver = reader.parsed(resolver, "manifest.name", resolver_name);
    let domain = reader.optional(&section, "domain");
    let domain = reader.parsed(domain, "manifest.domain", host::parse);
    let or = |given: Option<Located<String>>, default| given.map_or(default, |text| text.value);
    Some(ClusterIngress {
        controller: or(controller, defaults.controller),
        namespace: or(namespace, defaults.namespace),
        class: or(class, defaults.class),
        cert_resolver: or(resolver, defaults.cert_resolver),
        domain: domain.map(|text| text.value),
    })
}

/// A resolver is a key in Traefik's static configuration and stands in an annotation.
fn resolver_name(text: &str) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match text.chars().find(|c| !legal(*c)) {
        None => Ok(text.to_owned()),
        Some(found) => Err(format!(
            "certificate resolver `{text}` contains `{found}`; letters, digits, - and _ are allowed"
        )),
    }
}

fn read_image(reader: &mut Reader, images: &Section<'_>, key: &str) -> Option<String> {
    let field = reader.optional(images, key)?;
    let image = reader.text(&field)?;
    if image.value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let message = format!("`{}` is no image reference: it contains white space", field.path);
        reader.report(Diagnostic::error("manifest.image", message).at(image.span));
    }
    Some(image.value)
}
