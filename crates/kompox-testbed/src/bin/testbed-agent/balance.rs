//! Gives every Service of type LoadBalancer the node's address, as a cloud's controller would with
//! one of its own; kube-proxy then serves it there. Starts kubectl.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What the watch prints for each Service, blank-separated.
const COLUMNS: &str = "NAMESPACE:.metadata.namespace,NAME:.metadata.name,TYPE:.spec.type,\
                       ADDRESS:.status.loadBalancer.ingress[0].ip,CLASS:.spec.loadBalancerClass";

/// Before a watch that ended (the API server restarts) is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Watches until killed.
pub(crate) fn balance(kubectl: &str, kubeconfig: &str, address: &str) -> Result<(), String> {
    let ingress = format!(r#"{{"status":{{"loadBalancer":{{"ingress":[{{"ip":"{address}"}}]}}}}}}"#);
    loop {
        let mut watch = Command::new(kubectl)
            .args(["--kubeconfig", kubeconfig, "get", "services", "--all-namespaces", "--watch"])
            .args(["--no-headers", "--output", &format!("custom-columns={COLUMNS}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {kubectl}: {error}"))?;
        let lines = watch.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        for line in lines.into_iter().flatten().map_while(Result::ok) {
            if let Some((namespace, name)) = waiting(&line) {
                // A refusal (the Service is gone already) is in the log; the next event tries again.
                Command::new(kubectl)
                    .args(["--kubeconfig", kubeconfig, "--namespace", namespace, "patch", "service", name])
                    .args(["--subresource=status", "--type=merge", "--patch", &ingress])
                    .status()
                    .map_err(|error| format!("cannot start {kubectl}: {error}"))?;
            }
        }
        watch.wait().map_err(|error| format!("cannot wait for {kubectl}: {error}"))?;
        std::thread::sleep(PAUSE);
    }
}

/// Namespace and name of a Service that has no address yet and is not meant for another controller.
fn waiting(line: &str) -> Option<(&str, &str)> {
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        [namespace, name, "LoadBalancer", "<none>", "<none>"] => Some((namespace, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::waiting;

    #[test]
    fn only_services_without_address_and_class_wait() {
        assert_eq!(waiting("web  front   LoadBalancer   <none>      <none>"), Some(("web", "front")));
        assert_eq!(waiting("web  front   LoadBalancer   10.99.0.1   <none>"), None);
        assert_eq!(waiting("web  front   LoadBalancer   <none>      other.example/lb"), None);
        assert_eq!(waiting("web  back    ClusterIP      <none>      <none>"), None);
    }
}
