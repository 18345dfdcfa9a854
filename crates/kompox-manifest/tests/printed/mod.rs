//! The model as stable text for the golden files. Pure. Destructures everything, so that a new field is printed
//! before it can be forgotten.

use kompox_model::{
    App, AppNetwork, AuthKind, Cluster, ClusterAuth, ClusterIngress, ClusterNetwork, ClusterSecurity,
    ComposeSource, Configuration, Egress, HostPath, IngressRule, Provider, Settings, Volume, Workspace,
};
use std::fmt::Display;

/// One `path = value` a line; values that are absent have no line.
pub(crate) fn configuration(configuration: &Configuration) -> String {
    let Configuration { workspace, provider, cluster, app } = configuration;
    let mut out = Lines::default();
    let Workspace { name, domain } = workspace;
    out.put("workspace.name", name);
    out.put("workspace.domain", domain);
    let Provider { name, driver, settings } = provider;
    out.put("provider.name", name);
    out.put("provider.driver", driver);
    out.settings("provider.settings", settings);
    print_cluster(&mut out, cluster);
    if let Some(app) = app {
        print_app(&mut out, app);
    }
    out.0
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn put(&mut self, path: &str, value: impl Display) {
        self.0.push_str(&format!("{path} = {value}\n"));
    }

    fn maybe<T: Display>(&mut self, path: &str, value: Option<T>) {
        if let Some(value) = value {
            self.put(path, value);
        }
    }

    fn list<T: Display>(&mut self, path: &str, values: impl IntoIterator<Item = T>) {
        values.into_iter().for_each(|value| self.put(path, value));
    }

    fn settings(&mut self, path: &str, settings: &Settings) {
        settings.iter().for_each(|(key, value)| self.put(&format!("{path}.{key}"), format!("{value:?}")));
    }
}

fn print_cluster(out: &mut Lines, cluster: &Cluster) {
    let Cluster { name, existing, auth, ingress, security, network, node_image, settings } = cluster;
    out.put("cluster.name", name);
    out.put("cluster.existing", existing);
    if let Some(ClusterAuth { kind, kubeconfig, context }) = auth {
        let kind = match kind {
            AuthKind::Kubectl => "kubectl",
            AuthKind::Environment => "environment",
        };
        out.put("cluster.auth", kind);
        out.maybe("cluster.auth.kubeconfig", kubeconfig.as_ref());
        out.maybe("cluster.auth.context", context.as_ref());
    }
    let ClusterIngress { controller, namespace, class, cert_resolver, domain } = ingress;
    out.put("cluster.ingress", format!("{controller} {namespace} {class} {cert_resolver}"));
    out.maybe("cluster.ingress.domain", domain.as_ref());
    print_security(out, security);
    let ClusterNetwork { node_cidrs, pod_cidrs, service_cidrs } = network;
    out.list("cluster.network.nodeCIDRs", node_cidrs);
    out.list("cluster.network.podCIDRs", pod_cidrs);
    out.list("cluster.network.serviceCIDRs", service_cidrs);
    out.maybe("cluster.images.node", node_image.as_ref());
    out.settings("cluster.settings", settings);
}

fn print_security(out: &mut Lines, security: &ClusterSecurity) {
    let ClusterSecurity {
        privileged,
        host_namespaces,
        capabilities,
        sysctls,
        unconfined,
        host_paths,
        devices,
    } = security;
    if *privileged {
        out.put("cluster.security", "privileged");
    }
    out.list("cluster.security.hostNamespaces", host_namespaces.iter().map(|one| one.word()));
    out.list("cluster.security.capabilities", capabilities);
    out.list("cluster.security.sysctls", sysctls);
    out.list("cluster.security.unconfined", unconfined.iter().map(|one| one.word()));
    for HostPath { path, read_only } in host_paths {
        out.put(
            "cluster.security.hostPaths",
            format!("{path:?}{}", if *read_only { " read-only" } else { "" }),
        );
    }
    for (device, resource) in devices {
        out.put("cluster.security.devices", format!("{device:?} {resource}"));
    }
}

fn print_app(out: &mut Lines, app: &App) {
    let App { name, compose, ingress, cpu, memory, network, access, profiles, env, volumes, settings } = app;
    out.put("app.name", name);
    match compose {
        ComposeSource::Path(path) => out.put("app.compose", format!("path {path:?}")),
        ComposeSource::Inline(text) => out.put("app.compose", format!("inline {text:?}")),
    }
    for IngressRule { port, host } in ingress {
        out.put("app.ingress", format!("{host} -> {port}"));
    }
    out.maybe("app.resources.cpu", *cpu);
    out.maybe("app.resources.memory", *memory);
    let AppNetwork { allow, deny } = network;
    for Egress { network, ports } in allow {
        let ports: String = ports.iter().map(|range| format!(" {range}")).collect();
        out.put("app.network.egress.allow", format!("{network}{ports}"));
    }
    out.list("app.network.egress.deny", deny);
    out.list("app.access.users", &access.users);
    out.list("app.access.groups", &access.groups);
    out.list("app.profiles", profiles);
    env.iter().for_each(|(name, value)| out.put(&format!("app.env.{name}"), format!("{value:?}")));
    for Volume { name, size, compose, options } in volumes {
        let compose = compose.as_ref().map(|key| format!(" for {key}")).unwrap_or_default();
        out.put("app.volumes", format!("{name} {size}{compose}"));
        out.settings(&format!("app.volumes.{name}.options"), options);
    }
    out.settings("app.settings", settings);
}
