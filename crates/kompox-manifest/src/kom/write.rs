//! Nouns as KOM documents. Pure. Destructures everything, so that a new field is written before it can be forgotten.

use super::API_VERSION;
use crate::volume;
use kompox_model::driver::{self, is_secret};
use kompox_model::{
    App, AppNetwork, AuthKind, Cluster, ClusterAuth, ClusterIngress, ClusterNetwork, ClusterSecurity,
    ComposeSource, Egress, HostPath, IngressRule, Inventory, Noun, NounKey, Provider, Settings, Volume,
    Workspace,
};
use serde_json::{Map, Value, json};

/// What a value looks like that is not shown.
const MASK: &str = "********";

/// What is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detail {
    /// Also what nobody wrote, as it has effect.
    pub defaults: bool,
    /// Values of secret settings and of variables, and compose text, as they are; otherwise they are masked, and the document can be read
    /// by people only.
    pub secrets: bool,
}

impl Detail {
    /// What a document must have to mean the same when it is loaded.
    pub const EXACT: Self = Self { defaults: false, secrets: true };
    /// The configuration as it has effect, for people.
    pub const EFFECTIVE: Self = Self { defaults: true, secrets: false };
}

/// One noun as the document that describes it. `inventory` has its parents, whose driver decides which values are
/// implied.
#[must_use]
pub fn document(noun: &Noun, inventory: &Inventory, detail: Detail) -> Value {
    let key = noun.key();
    let mut spec = Spec { map: Map::new(), detail };
    match noun {
        Noun::Workspace(Workspace { name: _, domain }) => spec.put("domain", domain.as_str()),
        Noun::Provider { workspace, provider } => {
            let Provider { name: _, driver, settings } = provider;
            spec.put("workspace", workspace.as_str());
            spec.put("driver", driver.as_str());
            spec.settings("settings", settings);
        }
        Noun::Cluster { workspace, provider, cluster } => {
            spec.put("workspace", workspace.as_str());
            spec.put("provider", provider.as_str());
            spec.cluster(cluster);
        }
        Noun::App { workspace, provider, cluster, app } => {
            spec.put("workspace", workspace.as_str());
            spec.put("provider", provider.as_str());
            spec.put("cluster", cluster.as_str());
            let parent = inventory.get(&NounKey::Provider(workspace.clone(), provider.clone()));
            let driver = match parent {
                Some(Noun::Provider { provider, .. }) => driver::find(&provider.driver),
                _ => None,
            };
            spec.app(app, &volume::implied(&app.settings, driver));
        }
    }
    json!({
        "apiVersion": API_VERSION,
        "kind": key.kind(),
        "metadata": {"name": key.name()},
        "spec": spec.map,
    })
}

struct Spec {
    map: Map<String, Value>,
    detail: Detail,
}

impl Spec {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.map.insert(key.to_owned(), value.into());
    }

    /// A value that has a default.
    fn unless(&mut self, key: &str, value: impl Into<Value>, is_default: bool) {
        if self.detail.defaults || !is_default {
            self.put(key, value);
        }
    }

    fn maybe(&mut self, key: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.put(key, value.to_string());
        }
    }

    /// A mapping of its own, left out when nothing is in it.
    fn section(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        let mut section = Self { map: Map::new(), detail: self.detail };
        fill(&mut section);
        if !section.map.is_empty() {
            self.put(key, section.map);
        }
    }

    /// A list of words, left out when it is empty.
    fn list<T: ToString>(&mut self, key: &str, values: impl IntoIterator<Item = T>) {
        let values: Vec<Value> = values.into_iter().map(|value| value.to_string().into()).collect();
        if !values.is_empty() {
            self.put(key, values);
        }
    }

    fn settings(&mut self, key: &str, settings: &Settings) {
        self.section(key, |section| {
            for (key, value) in settings.iter() {
                let shown = if !section.detail.secrets && is_secret(key) { MASK } else { value };
                section.put(key, shown);
            }
        });
    }

    fn cluster(&mut self, cluster: &Cluster) {
        let Cluster { name: _, existing, auth, ingress, security, network, node_image, settings } = cluster;
        self.unless("existing", *existing, !existing);
        if let Some(ClusterAuth { kind, kubeconfig, context }) = auth {
            let kind = match kind {
                AuthKind::Kubectl => "kubectl",
                AuthKind::Environment => "environment",
            };
            self.section("auth", |section| {
                section.put("type", kind);
                section.maybe("kubeconfig", kubeconfig.as_ref());
                section.maybe("context", context.as_ref());
            });
        }
        let default = ClusterIngress::default();
        let ClusterIngress { controller, namespace, class, cert_resolver, domain } = ingress;
        self.section("ingress", |section| {
            section.unless("controller", controller.as_str(), *controller == default.controller);
            section.unless("namespace", namespace.as_str(), *namespace == default.namespace);
            section.unless("class", class.as_str(), *class == default.class);
            section.unless("certResolver", cert_resolver.as_str(), *cert_resolver == default.cert_resolver);
            section.maybe("domain", domain.as_ref());
        });
        self.section("security", |section| section.security(security));
        let ClusterNetwork { node_cidrs, pod_cidrs, service_cidrs } = network;
        self.section("network", |section| {
            section.list("nodeCIDRs", node_cidrs);
            section.list("podCIDRs", pod_cidrs);
            section.list("serviceCIDRs", service_cidrs);
        });
        self.section("images", |section| section.maybe("node", node_image.as_ref()));
        self.settings("settings", settings);
    }

    fn security(&mut self, security: &ClusterSecurity) {
        let ClusterSecurity {
            privileged,
            host_namespaces,
            capabilities,
            sysctls,
            unconfined,
            host_paths,
            devices,
        } = security;
        self.unless("privileged", *privileged, !privileged);
        self.list("hostNamespaces", host_namespaces.iter().map(|one| one.word()));
        self.list("capabilities", capabilities);
        self.list("sysctls", sysctls);
        self.list("unconfined", unconfined.iter().map(|one| one.word()));
        let path = |HostPath { path, read_only }: &HostPath| json!({"path": path, "readOnly": read_only});
        if !host_paths.is_empty() {
            self.put("hostPaths", host_paths.iter().map(path).collect::<Vec<_>>());
        }
        self.section("devices", |section| {
            devices.iter().for_each(|(device, resource)| section.put(device, resource.as_str()));
        });
    }

    fn app_network(&mut self, network: &AppNetwork) {
        let AppNetwork { allow, deny } = network;
        let allowed = |Egress { network, ports }: &Egress| {
            let mut entry = Self { map: Map::new(), detail: self.detail };
            entry.put("cidr", network.to_string());
            entry.list("ports", ports);
            Value::from(entry.map)
        };
        let allow: Vec<_> = allow.iter().map(allowed).collect();
        self.section("egress", |section| {
            if !allow.is_empty() {
                section.put("allow", allow);
            }
            section.list("deny", deny);
        });
    }

    fn app(&mut self, app: &App, implied: &Volume) {
        let App { name: _, compose, ingress, cpu, memory, network, access, profiles, env, volumes, settings } =
            app;
        match compose {
            ComposeSource::Path(path) => self.put("compose", path.as_str()),
            ComposeSource::Inline(text) if self.detail.secrets => self.put("compose", text.as_str()),
            ComposeSource::Inline(text) => {
                self.put("compose", format!("({} lines of text)", text.lines().count()));
            }
        }
        let rule = |rule: &IngressRule| {
            let IngressRule { port, host } = rule;
            json!({"port": port, "host": host})
        };
        if !ingress.is_empty() {
            self.put("ingress", ingress.iter().map(rule).collect::<Vec<_>>());
        }
        self.section("resources", |section| {
            section.maybe("cpu", *cpu);
            section.maybe("memory", *memory);
        });
        self.section("network", |section| section.app_network(network));
        self.section("access", |section| {
            section.list("users", &access.users);
            section.list("groups", &access.groups);
        });
        self.list("profiles", profiles);
        self.section("env", |section| {
            for (name, value) in env.iter() {
                section.put(name, if section.detail.secrets { value } else { MASK });
            }
        });
        let volumes: Vec<_> = volumes.iter().filter_map(|volume| self.volume(volume, implied)).collect();
        if !volumes.is_empty() {
            self.put("volumes", volumes);
        }
        self.settings("settings", settings);
    }

    /// One entry of `volumes`; none for the shared volume as the settings imply it.
    fn volume(&self, volume: &Volume, implied: &Volume) -> Option<Value> {
        let Volume { name, size, compose, options } = volume;
        let is_shared = name.as_str() == Volume::DEFAULT;
        if is_shared && volume == implied && !self.detail.defaults {
            return None;
        }
        let default = if is_shared { implied.size } else { Volume::DEFAULT_SIZE };
        let mut entry = Self { map: Map::new(), detail: self.detail };
        entry.put("name", name.as_str());
        entry.unless("size", size.to_string(), *size == default);
        if let Some(compose) = compose {
            entry.unless("compose", compose.as_str(), compose == name.as_str());
        }
        // What the settings say need not be said again; a declared option wins over them.
        let is_implied = |key: &str, value: &str| {
            is_shared && !self.detail.defaults && implied.options.get(key) == Some(value)
        };
        let written = options.iter().filter(|(key, value)| !is_implied(key, value)).collect();
        entry.settings("options", &written);
        Some(entry.map.into())
    }
}
