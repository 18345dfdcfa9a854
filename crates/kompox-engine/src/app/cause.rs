//! What lies behind a failed container, as a row of the table: Kubernetes' reason, and what its own last lines say. Pure.

use crate::app::readiness::{OUT_OF_MEMORY, START_ERROR};
use crate::refusal::{Refusal, pod as row};

/// The row that fits a container that ended for `cause` with these last lines.
pub(crate) fn classify(cause: &str, log: &[String]) -> Refusal {
    let says = |text: &str| log.iter().any(|line| line.to_lowercase().contains(text));
    match cause {
        OUT_OF_MEMORY => row::OUT_OF_MEMORY,
        "CrashLoopBackOff" | "Error" if says("address already in use") => row::ADDRESS_IN_USE,
        "CrashLoopBackOff" | "Error" if says("no space left on device") => row::DISK_FULL,
        "CrashLoopBackOff" => row::CRASHED,
        "Error" => row::ONE_SHOT,
        "ErrImageNeverPull" | "ImagePullBackOff" | "InvalidImageName" => row::IMAGE,
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" | START_ERROR => {
            row::NOT_CREATED
        }
        "Evicted" => row::EVICTED,
        _ => row::FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_code() {
        for (cause, log, code) in [
            ("OOMKilled", "", "app.pod.out-of-memory"),
            ("ImagePullBackOff", "", "app.pod.image"),
            ("CrashLoopBackOff", "oh", "app.pod.crashed"),
            ("CrashLoopBackOff", "write: No space left on device", "app.pod.disk-full"),
            ("CrashLoopBackOff", "bind: Address already in use", "app.pod.address-in-use"),
            ("Error", "oh", "app.pod.one-shot-failed"),
            ("CreateContainerConfigError", "", "app.pod.container-not-created"),
            ("StartError", "", "app.pod.container-not-created"),
            ("Evicted", "", "app.pod.evicted"),
            ("Preempted", "", "app.pod.failed"),
            // A word in a log is no cause when Kubernetes knows a better one.
            ("OOMKilled", "address already in use", "app.pod.out-of-memory"),
        ] {
            assert_eq!(classify(cause, &[log.to_owned()]).code, code, "{cause} {log}");
        }
    }
}
