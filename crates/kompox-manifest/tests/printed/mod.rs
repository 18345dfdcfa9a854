//! The model as stable text for the golden files. Pure. Destructures everything, so that a new field is printed
//! before it can be forgotten.

use kompox_model::{
    App, Cluster, ClusterAuth, ClusterIngress, ComposeSource, Configuration, IngressRule, Provider, Settings,
    Volume, Workspace,
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

    fn settings(&mut self, path: &str, settings: &Settings) {
        settings.iter().for_each(|(key, value)| self.put(&format!("{path}.{key}"), format!("{value:?}")));
    }
}

fn print_cluster(out: &mut Lines, cluster: &Cluster) {
    let Cluster { name, existing, auth, ingress, node_image, settings } = cluster;
    out.put("cluster.name", name);
    out.put("cluster.existing", existing);
    if let Some(ClusterAuth { kubeconfig, context }) = auth {
        out.put("cluster.auth", "kubectl");
        out.maybe("cluster.auth.kubeconfig", kubeconfig.as_ref());
        out.maybe("cluster.auth.context", context.as_ref());
    }
    let ClusterIngress { controller, namespace, class, cert_resolver, domain } = ingress;
    out.put("cluster.ingress", format!("{controller} {namespace} {class} {cert_resolver}"));
    out.maybe("cluster.ingress.domain", domain.as_ref());
    out.maybe("cluster.images.node", node_image.as_ref());
    out.settings("cluster.settings", settings);
}

fn print_app(out: &mut Lines, app: &App) {
    let App { name, compose, ingress, cpu, memory, volumes, settings } = app;
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
    for Volume { name, size, compose, options } in volumes {
        let compose = compose.as_ref().map(|key| format!(" for {key}")).unwrap_or_default();
        out.put("app.volumes", format!("{name} {size}{compose}"));
        out.settings(&format!("app.volumes.{name}.options"), options);
    }
    out.settings("app.settings", settings);
}
