//! Healthchecks as startup and readiness probes, never as liveness probes. Pure.

use crate::escape::literal;
use crate::summary::Role;
use crate::unit::Unit;
use k8s_openapi::api::core::v1::{ExecAction, Probe};
use kompox_compose::{Diagnostic, Diagnostics, HealthTest, Healthcheck, Located};
use std::time::Duration;

/// Docker's defaults.
const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(30);
const RETRIES: u32 = 3;
/// How often a starting container is asked where the file does not say it.
const START_INTERVAL: Duration = Duration::from_secs(5);

/// The probes of a container.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    pub(crate) startup: Option<Probe>,
    pub(crate) readiness: Option<Probe>,
    /// After this time without success Compose calls the service unhealthy.
    pub(crate) verdict: Option<Duration>,
}

/// The probes of a service; `readiness` is false where a Pod that is not ready would be cut off from its ingress.
///
/// A startup probe holds up everything that comes after it, so a sidecar gets one only if somebody waits until it is
/// healthy. It never kills: a database may take hours to recover.
pub(crate) fn probes(unit: &Unit<'_>, readiness: bool, diagnostics: &mut Diagnostics) -> Probes {
    let Some(check) = unit.service.healthcheck.as_ref().filter(|_| unit.role != Role::OneShot) else {
        return Probes::default();
    };
    let Some(command) = command(unit, check, diagnostics) else { return Probes::default() };
    let interval = value(check.interval.as_ref(), INTERVAL);
    let retries =
        check.retries.map_or(RETRIES, |retries| if retries.value == 0 { RETRIES } else { retries.value });
    let probe = |period: Duration, failures: i32| Probe {
        exec: Some(ExecAction { command: Some(command.clone()) }),
        period_seconds: Some(seconds(period)),
        timeout_seconds: Some(seconds(value(check.timeout.as_ref(), TIMEOUT))),
        failure_threshold: Some(failures),
        ..Probe::default()
    };
    let period = value(check.start_interval.as_ref(), interval.min(START_INTERVAL));
    let start_period = check.start_period.as_ref().map_or(Duration::ZERO, |period| period.value);
    let startup = unit.gates || unit.role == Role::Main;
    Probes {
        startup: startup.then(|| probe(period, i32::MAX)),
        readiness: readiness.then(|| probe(interval, i32::try_from(retries).unwrap_or(i32::MAX))),
        verdict: (startup || readiness)
            .then(|| start_period.saturating_add(interval.saturating_mul(retries))),
    }
}

/// A zero means the default, as in Docker.
fn value(given: Option<&Located<Duration>>, default: Duration) -> Duration {
    given.map(|given| given.value).filter(|value| !value.is_zero()).unwrap_or(default)
}

/// Whole seconds, rounded up.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// Whole seconds as probes want them: at least one.
fn seconds(duration: Duration) -> i32 {
    i32::try_from(whole_seconds(duration).max(1)).unwrap_or(i32::MAX)
}

fn command(unit: &Unit<'_>, check: &Healthcheck, diagnostics: &mut Diagnostics) -> Option<Vec<String>> {
    match &check.test {
        HealthTest::Disabled => None,
        HealthTest::Image => {
            let message =
                format!("the image's own healthcheck of `{}` is not known here: no probes", unit.name());
            diagnostics.push(
                Diagnostic::note("convert.healthcheck.image", message)
                    .at(check.span)
                    .help("repeat the image's HEALTHCHECK as `test`"),
            );
            None
        }
        HealthTest::Command(words) => Some(literals(words).collect()),
        HealthTest::Shell(words) => {
            if words.first().is_some_and(|script| script.contains("||") || script.contains(';')) {
                let message =
                    "a check of several commands that hangs is seen late and leaves processes behind";
                diagnostics.push(
                    Diagnostic::note("convert.healthcheck.shell", message)
                        .at(check.keys.get("test").copied().unwrap_or(check.span))
                        .help("use the tool's own timeout, such as `curl --max-time 5` or `pg_isready -t 5`"),
                );
            }
            Some(["/bin/sh".to_owned(), "-c".to_owned()].into_iter().chain(literals(words)).collect())
        }
    }
}

/// The kubelet expands the command of a probe as it does args, though with the Pod's own variables only: `$$` becomes `$`.
fn literals(words: &[String]) -> impl Iterator<Item = String> {
    words.iter().map(|word| literal(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up() {
        for (millis, expected) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (90_000, 90)] {
            assert_eq!(seconds(Duration::from_millis(millis)), expected);
        }
        assert_eq!(seconds(Duration::MAX), i32::MAX);
    }
}
