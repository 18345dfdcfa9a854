//! What Kompox does on a cluster, as a table, and the question whether the credentials in use may. IO: the network;
//! nothing is written.
//!
//! The tests of the engine hold every request that commands send against this table.

use crate::client::Client;
use crate::kind::{Kind, beside, inside};
use crate::request::Limits;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http::Request;
use http::header::CONTENT_TYPE;
use k8s_openapi::api::{
    apps::v1 as apps, coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery,
    networking::v1 as networking, rbac::v1 as rbac,
};
use kompox_model::port::{ErrorKind, PortError, Right};
use serde_json::{Value, json};

/// Where the question is sent.
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
/// Questions on their way at once.
const AT_ONCE: usize = 8;

/// What is done to one kind.
struct Row {
    kind: Kind,
    subresource: &'static str,
    verbs: &'static [&'static str],
}

const fn row(kind: Kind, verbs: &'static [&'static str]) -> Row {
    Row { kind, subresource: "", verbs }
}

const fn pods(subresource: &'static str, verbs: &'static [&'static str]) -> Row {
    Row { kind: inside::<core::Pod>(), subresource, verbs }
}

/// Kept by us: compared (dry runs are patches), applied, waited for, pruned.
const KEPT: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// Every verb of every kind. A server-side apply of an object that is not there needs `create` beside `patch`. A command
/// in a container, like a connection to its port, is a `get` that newer servers also want to be a `create`. Rights that are
/// given to others (`app.access`) must be one's own.
const ROWS: &[Row] = &[
    row(beside::<core::Namespace>(), KEPT),
    row(beside::<core::Node>(), &["get", "list", "patch"]),
    row(beside::<core::PersistentVolume>(), KEPT),
    row(beside::<networking::IngressClass>(), &["list"]),
    row(inside::<core::ConfigMap>(), KEPT),
    row(inside::<core::Event>(), &["get", "list", "watch"]),
    row(inside::<core::PersistentVolumeClaim>(), KEPT),
    row(inside::<core::Pod>(), &["get", "list", "watch"]),
    pods("exec", &["create", "get"]),
    pods("log", &["get"]),
    pods("portforward", &["create", "get"]),
    row(inside::<core::Secret>(), KEPT),
    row(inside::<core::Service>(), KEPT),
    row(inside::<core::ServiceAccount>(), KEPT),
    row(inside::<apps::DaemonSet>(), KEPT),
    row(inside::<apps::Deployment>(), KEPT),
    row(inside::<networking::Ingress>(), KEPT),
    row(inside::<networking::NetworkPolicy>(), KEPT),
    row(inside::<rbac::Role>(), KEPT),
    row(inside::<rbac::RoleBinding>(), KEPT),
    row(inside::<coordination::Lease>(), &["get", "list", "create", "patch", "delete"]),
    row(inside::<discovery::EndpointSlice>(), &["list"]),
];

/// The table, one line for each verb.
fn wanted() -> impl Iterator<Item = (&'static str, &'static Row)> {
    ROWS.iter().flat_map(|row| row.verbs.iter().map(move |verb| (*verb, row)))
}

impl Client {
    /// Asks for each line of the table, some at once; the answers come in the order of the table.
    pub(crate) async fn review_rights(&self, limits: &Limits) -> Result<Vec<Right>, PortError> {
        let questions = wanted().map(|(verb, row)| self.review(limits, verb, row));
        // Collected first: a lazily mapped stream of futures is not known to be Send.
        let questions: Vec<_> = questions.collect();
        stream::iter(questions).buffered(AT_ONCE).try_collect().await
    }

    async fn review(
        &self,
        limits: &Limits,
        verb: &'static str,
        row: &'static Row,
    ) -> Result<Right, PortError> {
        let Row { kind, subresource, .. } = row;
        let resource = match *subresource {
            "" => kind.plural.to_owned(),
            subresource => format!("{}/{subresource}", kind.plural),
        };
        let site = self.site("review the right to", format_args!("{verb} {resource}"));
        // Without a Namespace it is asked for all of them.
        let question = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "verb": verb, "group": kind.group, "resource": kind.plural, "subresource": subresource,
            }},
        });
        let request = Request::post(REVIEWS)
            .header(CONTENT_TYPE, "application/json")
            .body(question.to_string().into_bytes())
            .map_err(kube::core::request::Error::BuildRequest);
        let answer = self.send(limits, &site, request).await.map_err(|failure| failure.into_port(&site))?;
        let allowed = answer.json(&site)?.pointer("/status/allowed").and_then(Value::as_bool);
        let allowed = allowed.ok_or_else(|| {
            site.error(ErrorKind::Internal).detail("the answer does not say whether it is allowed")
        })?;
        Ok(Right { verb: verb.to_owned(), group: kind.group.to_owned(), resource, allowed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn nothing_is_asked_twice() {
        let mut seen = BTreeSet::new();
        for (verb, row) in wanted() {
            assert!(seen.insert((verb, row.kind.group, row.kind.plural, row.subresource)), "{verb}");
        }
    }
}
