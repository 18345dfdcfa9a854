//! `app exec`: a command in a container of the app. IO through the cluster port.

use crate::app::{live, logs};
use crate::{Error, Scope, refusal};
use kompox_model::port::{ExecRequest, ExecStreams};

/// What to run where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecOptions {
    /// The compose service; none is allowed when the app has only one.
    pub service: Option<String>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Allocate a terminal.
    pub tty: bool,
}

/// Runs a command and returns its exit code.
///
/// # Errors
/// NotFound without a Pod or such a service, Invalid when the service must be named; those of the cluster.
pub async fn exec(scope: &Scope<'_>, options: &ExecOptions, streams: ExecStreams<'_>) -> Result<i32, Error> {
    let (pod, container) = place(scope, options.service.as_deref()).await?;
    let request = ExecRequest {
        namespace: scope.namespace(),
        pod,
        container: Some(container),
        command: options.command.clone(),
        tty: options.tty,
    };
    Ok(scope.kubernetes.exec(&scope.call(), &request, streams).await?)
}

/// The Pod and the container of a service, or of the only one.
pub(crate) async fn place(scope: &Scope<'_>, service: Option<&str>) -> Result<(String, String), Error> {
    let pods = live::pods(scope).await?;
    let pod = logs::newest(scope, &pods)?;
    let all = logs::containers(pod);
    let services: Vec<_> = all.iter().filter(|container| !container.ours).map(|c| c.name.as_str()).collect();
    let container = match (service, services.as_slice()) {
        (Some(service), _) => logs::find_container(&all, service)?,
        (None, [only]) => only,
        (None, several) => {
            return Err(Error::refused(
                refusal::app::SERVICE_AMBIGUOUS,
                "the app has several services",
                format!("name one of: {}", several.join(", ")),
            ));
        }
    };
    Ok((logs::pod_name(pod).to_owned(), container.to_owned()))
}
