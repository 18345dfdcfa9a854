//! Cases: a folder with compose.yml, the project's files and, where it matters, `case.json` with settings. Reads files.

use kompox_compose::{
    ComposeFile, Diagnostics, DotEnv, FileErrorKind, ListedKind, Project, ProjectFiles, ProjectName, Request,
    Sources,
};
use kompox_convert::{
    BindContent, BindEntry, BindFile, Binds, Conversion, Facts, Input, VolumeBinding, bind_sources, convert,
    volumes_in_use,
};
use kompox_model::quantity::{Bytes, MilliCpu};
use kompox_model::{
    App, AppAccess, AppName, AppNetwork, Cidr, Cluster, ClusterIngress, ClusterName, ClusterNetwork,
    ClusterSecurity, ComposeSource, Confinement, Egress, HostNamespace, HostPath, IngressRule, Provider,
    Settings, Volume, VolumeClass, VolumeKind, VolumeName, Workspace, hash,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One case with everything a conversion needs.
pub(crate) struct Case {
    pub(crate) workspace: Workspace,
    pub(crate) provider: Provider,
    pub(crate) cluster: Cluster,
    pub(crate) app: App,
    pub(crate) facts: Facts,
    pub(crate) class: VolumeClass,
    not_kept: Vec<String>,
}

impl Default for Case {
    fn default() -> Self {
        Self::new(&Value::Null)
    }
}

impl Case {
    /// The nouns of a case with the settings of its `case.json`.
    pub(crate) fn new(settings: &Value) -> Self {
        let text = |key: &str, default: &str| settings[key].as_str().unwrap_or(default).to_owned();
        let provider = text("provider", "k3s");
        let controller = text("controller", "traefik");
        let own = settings["volumes"].as_object().into_iter().flatten().map(|(name, key)| Volume {
            name: VolumeName::new(name).unwrap(),
            compose: key.as_str().map(ToOwned::to_owned),
            ..Volume::implicit()
        });
        let ingress = settings["ingress"].as_array().into_iter().flatten().map(|rule| IngressRule {
            port: rule[0].as_u64().unwrap().try_into().unwrap(),
            host: rule[1].as_str().unwrap().to_owned(),
        });
        Self {
            workspace: Workspace { name: "ops".parse().unwrap(), domain: "ops.kompox.dev".to_owned() },
            provider: Provider {
                name: provider.parse().unwrap(),
                driver: provider,
                settings: Settings::default(),
            },
            cluster: Cluster {
                existing: true,
                ingress: ClusterIngress {
                    namespace: controller.clone(),
                    class: controller.clone(),
                    controller,
                    ..ClusterIngress::default()
                },
                node_image: settings
                    .get("no_node_image")
                    .is_none()
                    .then(|| "registry.example.com/kompox-node:1".to_owned()),
                security: security(&settings["security"]),
                network: ClusterNetwork {
                    node_cidrs: cidrs(&settings["node_cidrs"]),
                    pod_cidrs: cidrs(&settings["pod_cidrs"]),
                    service_cidrs: cidrs(&settings["service_cidrs"]),
                },
                ..Cluster::new(ClusterName::new(text("cluster", "local")).unwrap())
            },
            app: App {
                ingress: ingress.collect(),
                cpu: settings["cpu"].as_str().map(|cpu| MilliCpu::parse(cpu).unwrap()),
                memory: settings["memory"].as_str().map(|memory| Bytes::parse(memory).unwrap()),
                network: AppNetwork { allow: egress(&settings["allow"]), deny: cidrs(&settings["deny"]) },
                access: AppAccess {
                    users: strings(&settings["users"]).into_iter().collect(),
                    groups: strings(&settings["groups"]).into_iter().collect(),
                },
                volumes: std::iter::once(Volume::implicit()).chain(own).collect(),
                ..App::new(AppName::new("my-app").unwrap(), ComposeSource::Path("compose.yml".to_owned()))
            },
            facts: facts(settings),
            class: class(&settings["csi"]),
            not_kept: strings(&settings["not_kept"]),
        }
    }

    /// Converts a project.
    pub(crate) fn convert(
        &self,
        project: &Project,
        files: &dyn ProjectFiles,
    ) -> (Option<Conversion>, Diagnostics) {
        let binds = self.binds(project, files);
        let volumes: Vec<_> = self
            .app
            .volumes
            .iter()
            .filter(|volume| volumes_in_use(&self.app, project, &binds).contains(&volume.name))
            .map(|volume| VolumeBinding {
                volume: volume.clone(),
                class: self.class.clone(),
                handle: self.handle(&volume.name),
                node: matches!(self.class.kind, VolumeKind::Local).then(|| "node-1".to_owned()),
                size: volume.size,
            })
            .collect();
        convert(&Input {
            workspace: &self.workspace,
            provider: &self.provider,
            cluster: &self.cluster,
            app: &self.app,
            project,
            volumes: &volumes,
            binds: &binds,
            facts: &self.facts,
        })
    }

    /// A folder on a node, or the id of a cloud's disk.
    fn handle(&self, volume: &VolumeName) -> String {
        match self.class.kind {
            VolumeKind::Local => format!("/var/lib/kompox/disks/{volume}/disks/d1/data"),
            VolumeKind::Csi { .. } => format!("/subscriptions/s1/resourceGroups/g1/disks/{volume}-d1"),
        }
    }

    fn binds(&self, project: &Project, files: &dyn ProjectFiles) -> Binds {
        let sources = bind_sources(&self.app, project);
        sources
            .into_iter()
            .filter_map(|(source, _)| Some((source.clone(), self.bind(&source, files)?)))
            .collect()
    }

    /// The content of a bind; none where the files refuse to be read.
    fn bind(&self, source: &str, files: &dyn ProjectFiles) -> Option<BindContent> {
        let listed = match files.list(source) {
            Ok(listed) => listed,
            Err(error) if error.kind == FileErrorKind::NotFound => return Some(BindContent::Missing),
            Err(error) => {
                assert_eq!(error.kind, FileErrorKind::Outside, "{source}: {error}");
                return None;
            }
        };
        let below = |path: &str| if source.is_empty() { path.to_owned() } else { format!("{source}/{path}") };
        let file = |path: &str, mode: u32| {
            let bytes = files.read(path).unwrap().bytes;
            let large = self.not_kept.iter().any(|name| name == path);
            BindFile {
                mode,
                size: if large { BindContent::INLINE_LIMIT + 1 } else { bytes.len() as u64 },
                sha256: hash::hex(&bytes, 64),
                bytes: (!large).then_some(bytes),
            }
        };
        let mut entries = BTreeMap::new();
        for item in listed {
            let entry = match item.kind {
                ListedKind::File(_) if item.path.is_empty() => {
                    return Some(BindContent::File(file(source, item.mode)));
                }
                ListedKind::Directory if item.path.is_empty() => continue,
                ListedKind::File(_) => BindEntry::File(file(&below(&item.path), item.mode)),
                ListedKind::Directory => BindEntry::Folder { mode: item.mode },
                ListedKind::Symlink(target) => BindEntry::Link { target },
                ListedKind::Special => panic!("{source}: a special file in a test"),
            };
            entries.insert(item.path, entry);
        }
        Some(BindContent::Folder(entries))
    }
}

/// Disks of a CSI driver when the case names one, otherwise folders on a node.
fn class(csi: &Value) -> VolumeClass {
    let kind = match csi["driver"].as_str() {
        None => VolumeKind::Local,
        Some(driver) => VolumeKind::Csi {
            driver: driver.to_owned(),
            fs_type: csi["fs_type"].as_str().map(ToOwned::to_owned),
            attributes: serde_json::from_value(csi["attributes"].clone()).unwrap(),
        },
    };
    VolumeClass {
        kind,
        storage_class: csi["storage_class"].as_str().map(ToOwned::to_owned),
        access_modes: vec!["ReadWriteOncePod".to_owned()],
        mount_options: strings(&csi["mount_options"]),
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn cidrs(list: &Value) -> Vec<Cidr> {
    strings(list).iter().map(|text| text.parse().unwrap()).collect()
}

/// Networks with the ports that may be reached.
fn egress(map: &Value) -> Vec<Egress> {
    let rule = |(network, ports): (&String, &Value)| Egress {
        network: network.parse().unwrap(),
        ports: strings(ports).iter().map(|text| text.parse().unwrap()).collect(),
    };
    map.as_object().into_iter().flatten().map(rule).collect()
}

/// `cluster.security` of a case: the keys of the configuration.
fn security(settings: &Value) -> ClusterSecurity {
    let set = |key: &str| strings(&settings[key]).into_iter().collect::<BTreeSet<_>>();
    let text = |map: &Value| map.as_str().unwrap().to_owned();
    let devices = settings["devices"].as_object().into_iter().flatten();
    let paths = settings["hostPaths"].as_object().into_iter().flatten();
    ClusterSecurity {
        privileged: settings["privileged"].as_bool().unwrap_or_default(),
        host_namespaces: {
            let wanted = set("hostNamespaces");
            HostNamespace::ALL.into_iter().filter(|one| wanted.contains(one.word())).collect()
        },
        capabilities: set("capabilities"),
        sysctls: set("sysctls"),
        unconfined: {
            let wanted = set("unconfined");
            Confinement::ALL.into_iter().filter(|one| wanted.contains(one.word())).collect()
        },
        host_paths: paths
            .map(|(path, mode)| HostPath { path: path.clone(), read_only: text(mode) == "ro" })
            .collect(),
        devices: devices.map(|(path, resource)| (path.clone(), text(resource))).collect(),
    }
}

fn facts(settings: &Value) -> Facts {
    let mut facts = Facts::offline();
    facts.node_addresses = ["10.0.0.1", "fd00::1"].iter().map(|address| address.parse().unwrap()).collect();
    facts.pod_cidrs = ["10.42.0.0/24", "fd42::/64"].iter().map(|network| network.parse().unwrap()).collect();
    facts.api_endpoints = ["10.0.0.1".parse().unwrap()].into();
    facts.dual_stack = settings["dual_stack"].as_bool().unwrap_or_default();
    if let Some(version) = settings["kubernetes"].as_array() {
        let part = |index: usize| u32::try_from(version[index].as_u64().unwrap()).unwrap();
        facts.kubernetes = (part(0), part(1));
    }
    facts.device_resources = strings(&settings["device_resources"]).into_iter().collect();
    facts.time_zones = settings["time_zones"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(zone, data)| (zone.clone(), data.as_str().unwrap().as_bytes().to_vec()))
        .collect();
    facts
}

/// Loads a compose text.
pub(crate) fn load(
    file: &str,
    text: &str,
    files: &dyn ProjectFiles,
    sources: &mut Sources,
) -> (Option<Project>, Diagnostics) {
    let environment = BTreeMap::new();
    let request = Request {
        name: ProjectName::Given("my-app"),
        compose: &[ComposeFile { name: file, path: file, text }],
        environment: &environment,
        dot_env: DotEnv::Read,
        profiles: &[],
        files,
    };
    kompox_compose::load(sources, &request)
}
