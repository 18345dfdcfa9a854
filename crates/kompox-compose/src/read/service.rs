//! A service: which key is read by what. `SERVICE` lists every key of the specification; one that no
//! group below takes is kept as it is written, in `other`.

use kompox_yaml::{Entry, Located, Node};

use super::Reader;
use crate::place::Place;
use crate::shape;
use crate::{Service, ServiceNetwork};

/// Every key of a service that the Compose Specification knows.
pub const SERVICE: &[&str] = &shape::names::<{ shape::SERVICE.len() }>(shape::SERVICE);

impl Reader<'_> {
    pub(super) fn service(
        &mut self,
        name: Located<String>,
        node: &Node,
        place: &Place<'_>,
    ) -> Option<Service> {
        let mapping = self.any_mapping(node, place)?;
        let mut service = Service { name, keys: super::keys(mapping), ..Service::default() };
        for entry in mapping {
            let at = place.key(&entry.key);
            let taken = self.process(&mut service, entry, &at)
                || self.life(&mut service, entry, &at)
                || self.storage(&mut service, entry, &at)
                || self.net(&mut service, entry, &at)
                || self.rights(&mut service, entry, &at);
            match entry.key.as_str() {
                _ if taken => {}
                // It leads nowhere, which was reported.
                "extends" => {}
                "x-kompox" => service.x_kompox = Some(entry.clone()),
                key if key.starts_with("x-") => service.extensions.push(entry.clone()),
                "develop" if entry.value.is_null() => {}
                key if SERVICE.contains(&key) => {
                    self.kept(entry, shape::SERVICE, &at);
                    service.other.push(entry.clone());
                }
                _ => {
                    let diagnostic = self.unknown(entry, &format!("in {place}"), SERVICE);
                    self.error(diagnostic.at(entry.key_span));
                }
            }
        }
        let alone = !service.keys.contains_key("network_mode") && !service.keys.contains_key("provider");
        if alone && service.networks.is_empty() {
            let name = Located::new("default".to_owned(), service.name.span);
            service.networks.push(ServiceNetwork { name, aliases: Vec::new(), other: Vec::new() });
        }
        super::dependency::imply(&mut service);
        Some(service)
    }

    /// What runs, and with which environment.
    fn process(&mut self, service: &mut Service, entry: &Entry, at: &Place<'_>) -> bool {
        let node = &entry.value;
        match entry.key.as_str() {
            "image" => service.image = self.filled_text(node, at),
            "build" => {
                self.kept(entry, shape::SERVICE, at);
                service.build = Some(entry.clone());
            }
            "command" => service.command = self.command(node, at),
            "entrypoint" => service.entrypoint = self.command(node, at),
            "environment" => self.service_environment(node, at, service),
            "env_file" => service.env_files = self.env_files(node, at),
            "working_dir" => service.working_dir = self.text_or_nothing(node, at),
            "user" => service.user = self.text_or_nothing(node, at),
            "group_add" => service.group_add = self.scalars(node, at),
            "init" => service.init = self.boolean(node, at),
            "tty" => service.tty = self.boolean(node, at),
            "stdin_open" => service.stdin_open = self.boolean(node, at),
            "platform" => service.platform = self.text_or_nothing(node, at),
            "pull_policy" => service.pull_policy = self.pull_policy(node, at),
            "labels" => service.labels = self.labels(node, at),
            "label_file" => service.label_files = self.text_or_texts(node, at),
            "annotations" => service.annotations = self.labels(node, at),
            _ => return false,
        }
        true
    }

    /// When it starts, how it proves its health, how it ends.
    fn life(&mut self, service: &mut Service, entry: &Entry, at: &Place<'_>) -> bool {
        let node = &entry.value;
        match entry.key.as_str() {
            "depends_on" => service.depends_on = self.depends_on(node, at),
            "healthcheck" => service.healthcheck = self.healthcheck(node, at, entry.key_span),
            "restart" => service.restart = self.restart(node, at),
            "profiles" => service.profiles = self.texts(node, at),
            "deploy" => service.deploy = self.deploy(node, at),
            "scale" => service.scale = self.number(node, at),
            "stop_grace_period" => service.stop_grace_period = self.duration(node, at),
            "post_start" => service.post_start = self.hooks(node, at),
            "pre_stop" => service.pre_stop = self.hooks(node, at),
            "stop_signal" => service.stop_signal = self.text_or_nothing(node, at),
            _ => return false,
        }
        true
    }

    /// What is mounted.
    fn storage(&mut self, service: &mut Service, entry: &Entry, at: &Place<'_>) -> bool {
        let node = &entry.value;
        match entry.key.as_str() {
            "volumes" => service.volumes = self.volumes(node, at),
            "tmpfs" => service.tmpfs = self.tmpfs(node, at),
            "volumes_from" => service.volumes_from = self.volumes_from(node, at),
            "configs" => service.configs = self.file_references(node, at, ""),
            "secrets" => service.secrets = self.file_references(node, at, "/run/secrets"),
            "shm_size" => service.shm_size = self.bytes(node, at),
            "read_only" => service.read_only = self.boolean(node, at),
            _ => return false,
        }
        true
    }

    /// What it opens, joins and knows by name.
    fn net(&mut self, service: &mut Service, entry: &Entry, at: &Place<'_>) -> bool {
        let node = &entry.value;
        match entry.key.as_str() {
            "ports" => service.ports = self.ports(node, at),
            "expose" => service.expose = self.expose(node, at),
            "networks" => service.networks = self.service_networks(node, at),
            "network_mode" => service.network_mode = self.network_mode(node, at),
            "links" => service.links = self.links(node, at),
            "external_links" => service.external_links = self.texts(node, at),
            "hostname" => service.hostname = self.text_or_nothing(node, at),
            "domainname" => service.domainname = self.text_or_nothing(node, at),
            "container_name" => service.container_name = self.text_or_nothing(node, at),
            "extra_hosts" => service.extra_hosts = self.extra_hosts(node, at),
            "dns" => {
                service.dns = self.text_or_texts(node, at);
                service.dns.retain(|server| !server.value.is_empty());
            }
            "dns_search" => service.dns_search = self.text_or_texts(node, at),
            "dns_opt" => service.dns_opt = self.texts(node, at),
            _ => return false,
        }
        true
    }

    /// What it may do and use.
    fn rights(&mut self, service: &mut Service, entry: &Entry, at: &Place<'_>) -> bool {
        let node = &entry.value;
        match entry.key.as_str() {
            "cpus" => service.cpus = self.cpus(node, at),
            "mem_limit" => service.mem_limit = self.bytes(node, at),
            "mem_reservation" => service.mem_reservation = self.bytes(node, at),
            "privileged" => service.privileged = self.boolean(node, at),
            "devices" => service.devices = self.devices(node, at),
            "gpus" => service.gpus = self.gpus(node, at),
            "userns_mode" => service.userns_mode = self.text(node, at),
            "cap_add" => service.cap_add = self.texts(node, at),
            "cap_drop" => service.cap_drop = self.texts(node, at),
            "security_opt" => service.security_opt = self.texts(node, at),
            "sysctls" => service.sysctls = self.labels(node, at),
            "ipc" => service.ipc = self.text_or_nothing(node, at),
            "pid" if node.is_null() => {}
            "pid" => service.pid = self.text_or_nothing(node, at),
            _ => return false,
        }
        true
    }
}
