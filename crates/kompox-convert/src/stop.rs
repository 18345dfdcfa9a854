//! How the Pod stops: how long it may take, and which signal is sent. Pure.

use crate::copy_up::PROGRAM;
use crate::extension::ProjectOptions;
use crate::summary::Role;
use crate::unit::Unit;
use k8s_openapi::api::core::v1::{ExecAction, LifecycleHandler};
use kompox_compose::{Diagnostic, Diagnostics};

/// Docker's time between the stop signal and the kill, in seconds.
const GRACE: u32 = 10;

/// Signals by the names that kompox-node knows.
const SIGNALS: &[&str] = &[
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
    "WINCH", "IO", "PWR", "SYS",
];

/// Seconds that a service may take to stop.
pub(crate) fn grace(unit: &Unit<'_>) -> u32 {
    unit.service.stop_grace_period.map_or(GRACE, |period| {
        let up = period.value.as_secs().saturating_add(u64::from(period.value.subsec_nanos() > 0));
        u32::try_from(up).unwrap_or(u32::MAX)
    })
}

/// The Pod's terminationGracePeriodSeconds. Main containers stop together, then the sidecars one after the other; one
/// stage would use up the time of the next.
pub(crate) fn pod_grace(units: &[Unit<'_>]) -> u32 {
    let of = |role: Role| units.iter().filter(move |unit| unit.role == role).map(grace);
    let main = of(Role::Main).max().unwrap_or(0);
    of(Role::Sidecar).fold(main, u32::saturating_add).max(1)
}

/// The hook that sends a service's own stop signal; none where Kubernetes' own behaviour is right.
pub(crate) fn signal(
    unit: &Unit<'_>,
    options: &ProjectOptions,
    diagnostics: &mut Diagnostics,
) -> Option<LifecycleHandler> {
    let written = unit.service.stop_signal.as_ref()?;
    let name = written.value.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    if !SIGNALS.contains(&name) && !name.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number)) {
        let message = format!("`{}` is no signal", written.value);
        diagnostics.push(Diagnostic::error("convert.stop-signal", message).at(written.span));
        return None;
    }
    if unit.role != Role::Main {
        let message = format!(
            "`{}` gets the image's own stop signal: others wait for it, and a hook would run before they stop",
            unit.name()
        );
        diagnostics.push(Diagnostic::note("convert.stop-signal", message).at(written.span));
        return None;
    }
    if options.share_processes {
        let message = "`stop_signal` cannot be sent where the containers share their processes";
        diagnostics.push(
            Diagnostic::error("convert.stop-signal", message)
                .at(written.span)
                .help("remove it, or `x-kompox.shareProcesses`"),
        );
        return None;
    }
    let command = [PROGRAM, "signal", name, "--wait"].map(ToOwned::to_owned).to_vec();
    Some(LifecycleHandler {
        exec: Some(ExecAction { command: Some(command) }),
        ..LifecycleHandler::default()
    })
}
