//! Whether a cluster, and our access to it, have what apps need: gather, judge, report. IO through the ports; nothing is
//! written. A question that cannot be answered is a finding, not an error.

mod judge;

use crate::app::gather;
use crate::cluster::ClusterScope;
use crate::network;
use crate::{Error, refusal};
use futures::join;
use kompox_model::port::{AppScope, DiskInventory, ErrorKind, PortError, Query, Right};
use kompox_model::{AppIdentity, AppName, Gvk};

/// The oldest Kubernetes that has everything the Pods use.
pub const OLDEST_KUBERNETES: (u32, u32) = (1, 33);
/// The Kubernetes that the tests run on.
pub const TESTED_KUBERNETES: (u32, u32) = (1, 36);
/// Any app will do: what is asked is whether every place that keeps disks answers.
const NO_APP: &str = "doctor";

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// Apps work, but something is weaker than it should be or could not be seen.
    Warn,
    /// Apps will not work.
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What was looked at, in one word; stable.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found, in one sentence.
    pub finding: String,
    /// What helps; none when it is as it should be.
    pub remedy: Option<String>,
}

/// What all checks found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Examination {
    /// Name of the cluster.
    pub cluster: String,
    /// The checks, in the order in which they matter. Without a connection it is the only one.
    pub checks: Vec<Check>,
    /// Everything that Kompox does on clusters, each with whether these credentials may; empty when it could not be asked.
    pub rights: Vec<Right>,
}

impl Examination {
    /// What the command ends with: a refusal while any check failed.
    ///
    /// # Errors
    /// `cluster.unfit`.
    pub fn verdict(&self) -> Result<(), Error> {
        let failed: Vec<_> =
            self.checks.iter().filter(|check| check.outcome == Outcome::Fail).map(|c| c.name).collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(Error::refused(
            refusal::cluster::UNFIT,
            format!("cluster {} is not fit for apps: {}", self.cluster, failed.join(", ")),
            "do what the remedies of the checks that failed say, then repeat the command",
        ))
    }
}

/// Examines the cluster.
///
/// # Errors
/// Cancelled, and Timeout of the whole command; everything else is a finding.
pub async fn examine(scope: &ClusterScope<'_>) -> Result<Examination, Error> {
    let call = scope.call();
    let ingress = &scope.cluster.ingress;
    let cluster = scope.cluster.name.to_string();
    let list = |query: Query| async move { scope.kubernetes.list(&call, &query).await };
    let facts = answered(scope, scope.kubernetes.facts(&call).await)?;
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => {
            return Ok(Examination { cluster, checks: vec![judge::unreachable(&error)], rights: Vec::new() });
        }
    };
    let networking = |kind| Query::new(Gvk::new("networking.k8s.io", "v1", kind), None);
    let (rights, nodes, classes, services, pods, status) = join!(
        scope.kubernetes.rights(&call),
        list(Query::new(Gvk::core("Node"), None)),
        list(networking("IngressClass")),
        list(Query::new(Gvk::core("Service"), Some(&ingress.namespace))),
        list(Query::new(Gvk::core("Pod"), Some(&ingress.namespace))),
        scope.driver.cluster_status(&call, scope.cluster),
    );
    let (rights, nodes) = (answered(scope, rights)?, answered(scope, nodes)?);
    let (classes, services, pods) =
        (answered(scope, classes)?, answered(scope, services)?, answered(scope, pods)?);
    let policies = match &nodes {
        Ok(nodes) => Some(answered(scope, network::enforcement(scope.kubernetes, &call, nodes).await)?),
        Err(_) => None,
    };
    let disks = answered(scope, disks(scope, &facts.uid).await)?;
    let controller = services.and_then(|services| {
        let pods = pods?;
        Ok((gather::controller(&ingress.namespace, &services, &pods), services))
    });
    let mut checks = vec![
        judge::connection(&facts),
        judge::version(facts.version),
        judge::clock(scope.kubernetes.clock_ahead()),
        judge::rights(&rights),
        judge::nodes(&nodes),
        judge::ingress_class(&ingress.class, &classes),
        judge::ingress_controller(&ingress.namespace, controller),
        judge::driver(scope.driver.id(), &answered(scope, status)?),
    ];
    checks.extend(disks.transpose().map(|disks| judge::disks(&disks)));
    checks.extend(policies.map(|policies| judge::policies(&policies)));
    Ok(Examination { cluster, checks, rights: rights.unwrap_or_default() })
}

/// Whether every place that keeps disks answers; none for a driver without disks.
async fn disks(scope: &ClusterScope<'_>, cluster_uid: &str) -> Result<Option<DiskInventory>, PortError> {
    let Some(disks) = scope.driver.disks() else { return Ok(None) };
    let app: AppName = NO_APP.parse().map_err(|error| {
        PortError::new(ErrorKind::Internal, "engine", "name", NO_APP).because(format!("{error}"))
    })?;
    let identity =
        AppIdentity { workspace: scope.workspace.name.clone(), provider: scope.provider.name.clone(), app };
    let app = AppScope { identity: &identity, cluster: scope.cluster, cluster_uid };
    disks.list(&scope.call(), app).await.map(Some)
}

/// Only giving up is an error; a question that failed is a finding.
fn answered<T>(
    scope: &ClusterScope<'_>,
    answer: Result<T, PortError>,
) -> Result<Result<T, PortError>, Error> {
    let over = scope.deadline.is_some_and(|deadline| deadline <= std::time::Instant::now());
    match answer {
        Err(error) if error.kind == ErrorKind::Cancelled || (over && error.kind == ErrorKind::Timeout) => {
            Err(error.into())
        }
        other => Ok(other),
    }
}
