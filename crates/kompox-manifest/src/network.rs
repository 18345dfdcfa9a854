//! `cluster.network` and `app.network`. Pure.

use crate::reader::{Field, Keys, Reader, Section};
use kompox_model::{AppNetwork, Cidr, ClusterNetwork, Egress, PortRange};
use kompox_yaml::Diagnostic;

/// Keys of `cluster.network`.
pub(crate) const CLUSTER: Keys = Keys { known: &["nodeCIDRs", "podCIDRs", "serviceCIDRs"], later: &[] };
/// Keys of `app.network`.
pub(crate) const APP: Keys = Keys { known: &["egress"], later: &[] };
/// Keys of `egress`.
pub(crate) const EGRESS: Keys = Keys { known: &["allow", "deny"], later: &[] };
/// Keys of an allowed network.
pub(crate) const ALLOW: Keys = Keys { known: &["cidr", "ports"], later: &[] };
const CODE: &str = "manifest.network";

/// Reads `cluster.network`.
pub(crate) fn read_cluster(reader: &mut Reader, field: &Field<'_>) -> Option<ClusterNetwork> {
    let section = reader.section(field, &CLUSTER)?;
    let mut networks = |key: &str| networks(reader, &section, key, not_everything);
    Some(ClusterNetwork {
        node_cidrs: networks("nodeCIDRs"),
        pod_cidrs: networks("podCIDRs"),
        service_cidrs: networks("serviceCIDRs"),
    })
}

/// Reads `app.network`.
pub(crate) fn read_app(reader: &mut Reader, field: &Field<'_>) -> Option<AppNetwork> {
    let section = reader.section(field, &APP)?;
    let egress = reader.optional(&section, "egress")?;
    let section = reader.section(&egress, &EGRESS)?;
    let deny =
        networks(reader, &section, "deny", |text| Cidr::written(text).map_err(|error| error.to_string()));
    let allow = reader.optional(&section, "allow").map(|field| reader.list(&field)).unwrap_or_default();
    let allow = allow.iter().filter_map(|item| read_allow(reader, item)).collect();
    Some(AppNetwork { allow, deny })
}

/// A network alone, or with ports.
fn read_allow(reader: &mut Reader, item: &Field<'_>) -> Option<Egress> {
    if item.node.as_mapping().is_none() {
        let network = reader.parsed(Some(item.clone()), CODE, not_everything)?;
        return Some(Egress { network: network.value, ports: Vec::new() });
    }
    let section = reader.section(item, &ALLOW)?;
    let network = reader.required(&section, "cidr");
    let network = reader.parsed(network, CODE, not_everything);
    let field = reader.optional(&section, "ports");
    let items = field.as_ref().map(|field| reader.list(field)).unwrap_or_default();
    let mut ports = Vec::new();
    for item in items {
        ports.extend(reader.parsed(Some(item), CODE, str::parse::<PortRange>).map(|range| range.value));
    }
    // No port at all would mean every port.
    if let Some(field) = field.filter(|field| field.node.as_sequence().is_some_and(<[_]>::is_empty)) {
        let message = format!("`{}` names no port", field.path);
        reader.report(
            Diagnostic::error(CODE, message)
                .at(field.key)
                .help("remove the key to allow all ports, or the whole entry"),
        );
    }
    Some(Egress { network: network?.value, ports })
}

fn networks(
    reader: &mut Reader,
    section: &Section<'_>,
    key: &str,
    parse: fn(&str) -> Result<Cidr, String>,
) -> Vec<Cidr> {
    let items = reader.optional(section, key).map(|field| reader.list(&field)).unwrap_or_default();
    items
        .into_iter()
        .filter_map(|item| reader.parsed(Some(item), CODE, parse))
        .map(|found| found.value)
        .collect()
}

/// A network of some addresses: all of them are not one cluster's, and would open or close everything at once.
fn not_everything(text: &str) -> Result<Cidr, String> {
    let network = Cidr::written(text).map_err(|error| error.to_string())?;
    if network.is_everything() {
        return Err(format!("`{text}` is every address there is; name the network that is meant"));
    }
    Ok(network)
}
