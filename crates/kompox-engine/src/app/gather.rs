//! Facts of the cluster that decide about an app's objects. IO through the cluster port.

use crate::network::{self, Enforcement};
use crate::{Error, Scope, refusal};
use futures::future::try_join5;
use kompox_convert::{Facts, IngressFacts};
use kompox_model::port::{ErrorKind, PortError, Query};
use kompox_model::{Cidr, Gvk};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Asks the cluster for everything the converter wants to know but its version, and for who enforces policies.
///
/// # Errors
/// NotFound when the ingress class or the controller's Service is missing; those of the cluster.
pub(crate) async fn facts(scope: &Scope<'_>) -> Result<(Facts, Enforcement), Error> {
    let call = scope.call();
    let ingress = &scope.cluster.ingress;
    let list = |query: Query| async move { scope.kubernetes.list(&call, &query).await };
    let endpoints = Query::new(Gvk::new("discovery.k8s.io", "v1", "EndpointSlice"), Some("default"))
        .labels("kubernetes.io/service-name=kubernetes");
    let (nodes, endpoints, services, pods, classes) = try_join5(
        list(Query::new(Gvk::core("Node"), None)),
        list(endpoints),
        list(Query::new(Gvk::core("Service"), Some(&ingress.namespace))),
        list(Query::new(Gvk::core("Pod"), Some(&ingress.namespace))),
        list(Query::new(Gvk::new("networking.k8s.io", "v1", "IngressClass"), None)),
    )
    .await?;
    if !classes
        .iter()
        .any(|class| class.pointer("/metadata/name") == Some(&Value::from(ingress.class.as_str())))
    {
        let known: Vec<_> = classes.iter().filter_map(|c| c.pointer("/metadata/name")?.as_str()).collect();
        return Err(Error::refused(
            refusal::cluster::INGRESS_CLASS_UNKNOWN,
            format!("the cluster has no ingress class `{}`", ingress.class),
            if known.is_empty() {
                "install an ingress controller first".to_owned()
            } else {
                format!("set cluster.ingress.class to one of: {}", known.join(", "))
            },
        ));
    }
    let pod_cidrs: BTreeSet<Cidr> =
        texts(&nodes, "/spec/podCIDRs").filter_map(|cidr| cidr.parse().ok()).collect();
    let enforcement = network::enforcement(scope.kubernetes, &call, &nodes).await?;
    let facts = Facts {
        node_addresses: node_addresses(&nodes),
        dual_stack: pod_cidrs.iter().any(|cidr| !cidr.is_ipv4()),
        pod_cidrs,
        api_endpoints: endpoints
            .iter()
            .filter_map(|slice| slice.get("endpoints")?.as_array())
            .flatten()
            .filter_map(|endpoint| endpoint.get("addresses")?.as_array())
            .flatten()
            .filter_map(|address| address.as_str()?.parse().ok())
            .collect(),
        denied_cidrs: BTreeSet::new(),
        ingress: controller(&ingress.namespace, &services, &pods)?,
        device_resources: device_resources(&nodes),
        ..Facts::offline()
    };
    Ok((facts, enforcement))
}

fn texts<'a>(objects: &'a [Value], pointer: &'a str) -> impl Iterator<Item = &'a str> {
    objects
        .iter()
        .filter_map(move |object| object.pointer(pointer)?.as_array())
        .flatten()
        .filter_map(Value::as_str)
}

fn node_addresses(nodes: &[Value]) -> BTreeSet<IpAddr> {
    nodes
        .iter()
        .filter_map(|node| node.pointer("/status/addresses")?.as_array())
        .flatten()
        .filter_map(|address| address.get("address")?.as_str()?.parse().ok())
        .collect()
}

/// Extended resources, whose names carry a domain.
fn device_resources(nodes: &[Value]) -> BTreeSet<String> {
    nodes
        .iter()
        .filter_map(|node| node.pointer("/status/allocatable")?.as_object())
        .flat_map(|resources| resources.keys())
        .filter(|name| name.contains('/'))
        .cloned()
        .collect()
}

/// The ingress controller's Pods: those behind the Service that publishes ports 80 and 443.
pub(crate) fn controller(namespace: &str, services: &[Value], pods: &[Value]) -> Result<IngressFacts, Error> {
    for service in services {
        let Some(selector) = service.pointer("/spec/selector").and_then(Value::as_object) else { continue };
        let pod_labels: BTreeMap<String, String> = selector
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        let target = |port: u64| {
            let ports = service.pointer("/spec/ports")?.as_array()?;
            let entry = ports.iter().find(|entry| entry["port"] == port)?;
            match entry.get("targetPort") {
                Some(Value::String(name)) => named_port(pods, &pod_labels, name),
                Some(number) => u16::try_from(number.as_u64()?).ok(),
                None => u16::try_from(port).ok(),
            }
        };
        if let (Some(web_port), Some(websecure_port)) = (target(80), target(443)) {
            return Ok(IngressFacts { pod_labels, web_port, websecure_port });
        }
    }
    Err(PortError::new(
        ErrorKind::NotFound,
        "kubernetes",
        "find",
        format!("ingress controller in Namespace {namespace}"),
    )
    .detail("no Service there publishes ports 80 and 443 of running Pods")
    .hint("set cluster.ingress.namespace to the Namespace of the ingress controller, or wait until it runs")
    .into())
}

/// Number of a named port of the Pods with these labels.
fn named_port(pods: &[Value], labels: &BTreeMap<String, String>, name: &str) -> Option<u16> {
    let has = |pod: &Value| {
        labels.iter().all(|(key, value)| {
            pod.pointer("/metadata/labels").and_then(|all| all.get(key)?.as_str()) == Some(value.as_str())
        })
    };
    pods.iter()
        .filter(|pod| has(pod))
        .filter_map(|pod| pod.pointer("/spec/containers")?.as_array())
        .flatten()
        .filter_map(|container| container.get("ports")?.as_array())
        .flatten()
        .find(|port| port["name"] == name)
        .and_then(|port| u16::try_from(port.get("containerPort")?.as_u64()?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_controller_is_found_by_its_service() {
        let service = json!({"spec": {"selector": {"app": "t"}, "ports": [{"port": 80, "targetPort": "web"}, {"port": 443, "targetPort": 8443}]}});
        let pod = json!({"metadata": {"labels": {"app": "t"}}, "spec": {"containers": [{"ports": [{"name": "web", "containerPort": 8000}]}]}});
        let facts = controller("traefik", std::slice::from_ref(&service), &[pod]).unwrap();
        assert_eq!((facts.web_port, facts.websecure_port), (8000, 8443));
        assert!(controller("traefik", &[service], &[]).is_err(), "a named port without a Pod is unknown");
    }

    #[test]
    fn addresses_and_devices_of_nodes() {
        let node = json!({"status": {
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": "n"}],
            "allocatable": {"cpu": "2", "nvidia.com/gpu": "1"},
        }});
        assert_eq!(node_addresses(std::slice::from_ref(&node)).len(), 1);
        assert_eq!(device_resources(&[node]).into_iter().collect::<Vec<_>>(), ["nvidia.com/gpu"]);
    }
}
