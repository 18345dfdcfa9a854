//! The commented kompoxops.yml that `kompoxops init` writes. Pure.

use kompox_model::{AppName, ClusterName, VolumeName, WorkspaceName, resource_name};
use std::collections::BTreeSet;
use std::fmt::Write;

/// What is filled into the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StarterFacts {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// Base domain of default host names; must be a legal domain.
    pub domain: String,
    /// The cluster.
    pub cluster: ClusterName,
    /// The driver id, one of [`kompox_model::driver::KNOWN`].
    pub driver: String,
    /// Path of the kubeconfig; none for the usual places.
    pub kubeconfig: Option<String>,
    /// Context in it; none for its current one.
    pub context: Option<String>,
    /// Image of kompox-node, if one was built.
    pub node_image: Option<String>,
    /// The app.
    pub app: AppName,
    /// Path of the compose file, one line.
    pub compose: String,
    /// What the app will have, a line of comment each: its hosts, its volumes.
    pub findings: Vec<String>,
    /// Published ports, with the custom hosts that lead to them now.
    pub hosts: Vec<StarterHost>,
    /// Compose volumes that could have a disk of their own, or need one.
    pub volumes: Vec<StarterVolume>,
    /// What the compose files need under `x-kompox`, a line of comment each.
    pub hints: Vec<String>,
    /// What a person must decide, a line of comment each.
    pub decisions: Vec<String>,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StarterHost {
    /// The port that people use.
    pub port: u16,
    /// A legal host name that leads to it, if one is known.
    pub host: Option<String>,
}

/// A compose volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StarterVolume {
    /// Its key in the compose file.
    pub compose: String,
    /// Whether it needs a disk of its own: it is external.
    pub needed: bool,
}

/// The file with its comments; [`crate::load`] accepts it, also with every example taken out of its comment.
#[must_use]
pub fn starter(facts: &StarterFacts) -> String {
    let kubeconfig = line("kubeconfig", facts.kubeconfig.as_deref(), "~/.kube/config");
    let context = line("context", facts.context.as_deref(), facts.cluster.as_str());
    let node_image = facts.node_image.as_deref();
    let images = if node_image.is_some() { "images:" } else { "# images:" };
    let node_image = line("  node", node_image, "registry.example.com/kompox-node:0.1.0");
    format!(
        "\
# Configuration of kompoxops. A line that is commented out is an example or a default.
version: 1

# A workspace is a group of apps. Its domain is the base of default host names:
# {{app}}.{{cluster}}.{{domain}} leads to port 80, {{app}}-{{port}}.{{cluster}}.{{domain}} to another one.
workspace:
  name: {workspace}
  domain: {domain}

cluster:
  name: {cluster}
  # Kompox never creates or deletes a cluster that exists without it.
  existing: true
  # Known drivers are {drivers}.
  provider: {driver}
  # How to reach the cluster. Without kubeconfig and context the usual ones are taken.
  auth:
    type: kubectl
    {kubeconfig}
    {context}
  # ingress:
  #   controller: traefik
  #   namespace: traefik
  #   class: traefik
  #   # The resolver that gets certificates for custom hosts.
  #   certResolver: production
  #   # Replaces {{cluster}}.{{domain}} in default host names.
  #   domain: apps.example.com
  # Networks that apps must not reach, where the cluster does not say them itself.
  # network:
  #   nodeCIDRs: [10.0.0.0/16]
  #   podCIDRs: [10.42.0.0/16]
  #   serviceCIDRs: [10.43.0.0/16]
  # What apps may have beyond Pod Security level baseline; without it nothing.
  # security:
  #   privileged: false
  #   capabilities: [NET_ADMIN]
  #   hostPaths: [/srv/media]
  # The image of kompox-node, built by `cargo xtask image`.
  {images}
  {node_image}

app:
  name: {app}
  # A path relative to this file: a compose file, or a folder whose files are merged as by Docker Compose. Or the compose
  # text itself after a `|`.
  compose: {compose}
{findings}{hints}{decisions}  # Custom hosts for published ports, next to the default ones.
{hosts}  # What the Pod may use in all.
  # resources:
  #   cpu: 500m
  #   memory: 1Gi
  # Whom the app may reach although it is in a network of the cluster, and whom not although it is in the Internet.
  # network:
  #   egress:
  #     allow: [{{cidr: 10.0.7.7, ports: [389]}}]
  #     deny: [192.168.0.0/16]
  # Who else may see its Pods and logs and run commands in it, which shows its data and secrets: names of the cluster.
  # access:
  #   groups: [wiki-admins]
  # Compose profiles, where neither --profile nor COMPOSE_PROFILES names some.
  # profiles: [mail]
  # Variables for the compose file. Those of the process win over them, and they over the file .env.
  # env:
  #   DOMAIN: www.example.com
  # The disk that all compose volumes share. A further entry gives the compose volume of its name a disk of its own.
{volumes}",
        workspace = scalar(facts.workspace.as_str()),
        domain = scalar(&facts.domain),
        cluster = scalar(facts.cluster.as_str()),
        drivers = drivers(),
        driver = scalar(&facts.driver),
        app = scalar(facts.app.as_str()),
        findings = comments(&facts.findings, ""),
        hints = comments(&facts.hints, "write into the compose file: "),
        decisions = comments(&facts.decisions, "DECIDE: "),
        hosts = hosts(&facts.hosts),
        volumes = volumes(&facts.volumes),
        compose = scalar(&facts.compose),
    )
}

/// `key: value`, or the same with an example in a comment.
fn line(key: &str, value: Option<&str>, example: &str) -> String {
    match value {
        Some(value) => format!("{key}: {}", scalar(value)),
        None => format!("# {key}: {}", scalar(example)),
    }
}

/// The custom hosts that are known; in comments, where others can be.
fn hosts(hosts: &[StarterHost]) -> String {
    let known = hosts.iter().any(|host| host.host.is_some());
    let example = [StarterHost { port: 80, host: None }];
    let hosts = if hosts.is_empty() { &example[..] } else { hosts };
    let mut text = if known { "  ingress:\n".to_owned() } else { "  # ingress:\n".to_owned() };
    for StarterHost { port, host } in hosts {
        text.push_str(&match (host, port) {
            (Some(host), _) => format!("    http_{port}: {}\n", scalar(host)),
            (None, 80) => "  #   http_80: www.example.com\n".to_owned(),
            (None, _) => format!("  #   http_{port}: www-{port}.example.com\n"),
        });
    }
    text
}

/// The entry of the shared disk, and one for each compose volume: in comments unless it is needed.
fn volumes(volumes: &[StarterVolume]) -> String {
    let needed = volumes.iter().any(|volume| volume.needed);
    let lead = |needed: bool| if needed { "  " } else { "  # " };
    let mut text = format!("{0}volumes:\n{0}  - name: default\n{0}    size: 10Gi\n", lead(needed));
    let mut taken: BTreeSet<String> = ["default".to_owned()].into();
    for (index, volume) in volumes.iter().enumerate() {
        let lead = lead(volume.needed);
        let mut name = resource_name::dns_label(&volume.compose, VolumeName::LIMIT);
        if !taken.insert(name.clone()) {
            name = format!("volume{}", index + 1);
        }
        let (name, compose) = (scalar(&name), scalar(&volume.compose));
        text.push_str(&format!(
            "{lead}  - name: {name}\n{lead}    compose: {compose}\n{lead}    size: 10Gi\n"
        ));
    }
    text
}

/// Comments of the app; line breaks in what was found do not end them.
fn comments(lines: &[String], lead: &str) -> String {
    let plain =
        |line: &String| line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    lines.iter().map(|line| format!("  # {lead}{}\n", plain(line))).collect()
}

fn drivers() -> String {
    let mut ids: Vec<_> = kompox_model::driver::KNOWN.iter().map(|driver| driver.id).collect();
    ids.sort_unstable();
    ids.join(", ")
}

/// A YAML scalar that reads back as `text`: plain where that is certain, otherwise in double quotes.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let path = text.strip_prefix('~').filter(|rest| rest.starts_with('/')).unwrap_or(text);
    let plain = path.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '.')
        && path.chars().all(|c| c.is_ascii_alphanumeric() || "./_-@:".contains(c))
        && !path.ends_with(':')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if plain {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ => write!(out, "\\U{:08X}", u32::from(c))
                .unwrap_or_else(|_| unreachable!("a String takes all text")),
        }
    }
    out.push('"');
    out
}
