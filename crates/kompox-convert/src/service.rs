//! The Service of published ports. Pure.

use crate::Input;
use crate::metadata::Metadata;
use crate::ports::{Published, protocol};
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kompox_model::resource_name;

/// Lets Traefik send requests to the Service's address instead of to ready Pods only.
const NATIVE_LB: &str = "traefik.ingress.kubernetes.io/service.nativelb";

/// The Service; none without published ports.
///
/// Docker keeps publishing a service that is not healthy, so addresses that are not ready are published too: one
/// unhealthy container must not take the whole app down.
pub(crate) fn service(input: &Input<'_>, metadata: &Metadata, published: &[Published]) -> Option<Service> {
    if published.is_empty() {
        return None;
    }
    let ports = published.iter().map(|port| ServicePort {
        name: Some(format!("{}-{}", port.protocol.as_str(), port.port)),
        port: i32::from(port.port),
        protocol: Some(protocol(port.protocol).to_owned()),
        target_port: Some(IntOrString::Int(i32::from(port.target))),
        ..ServicePort::default()
    });
    let mut object = metadata.named(resource_name::APP);
    if is_traefik(input) {
        object.annotations.get_or_insert_default().insert(NATIVE_LB.to_owned(), "true".to_owned());
    }
    Some(Service {
        metadata: object,
        spec: Some(ServiceSpec {
            ports: Some(ports.collect()),
            publish_not_ready_addresses: Some(true),
            selector: Some(metadata.selector()),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}

/// Whether the cluster's ingress controller is Traefik, whose behaviour is known.
pub(crate) fn is_traefik(input: &Input<'_>) -> bool {
    input.cluster.ingress.controller == "traefik"
}
