//! `app shell`: which shell a container has. IO through the cluster port.

use crate::app::exec;
use crate::{Error, Scope, refusal};
use kompox_model::port::{ErrorKind, ExecRequest, exec_bytes};

/// Shells, the most comfortable first.
const SHELLS: [&str; 2] = ["bash", "sh"];

/// The first known shell that runs in the container of a service.
///
/// # Errors
/// NotFound without a Pod or such a service, Invalid when the service must be named, Unsupported when its image has no
/// shell; those of the cluster.
pub async fn find_shell(scope: &Scope<'_>, service: Option<&str>) -> Result<&'static str, Error> {
    let (pod, container) = exec::place(scope, service).await?;
    for shell in SHELLS {
        let request = ExecRequest {
            namespace: scope.namespace(),
            pod: pod.clone(),
            container: Some(container.clone()),
            command: [shell, "-c", "exit 0"].map(str::to_owned).to_vec(),
            tty: false,
        };
        match exec_bytes(scope.kubernetes, &scope.call(), &request, &[]).await {
            Ok((0, ..)) => return Ok(shell),
            // One that cannot even end is none.
            Ok(_) => {}
            // The Pod was seen, so this is about the program.
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::refused(
        refusal::app::SHELL_NONE,
        format!("the image of {container} has no shell: neither {}", SHELLS.join(" nor ")),
        format!("run a program that it does have: kompoxops app exec -s {container} -- PROGRAM"),
    ))
}
