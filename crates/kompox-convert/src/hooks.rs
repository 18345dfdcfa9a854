//! Lifecycle hooks of a container: `post_start`, `pre_stop`, and the hook that sends a service's own stop signal. Pure.

use crate::copy_up::PROGRAM;
use crate::extension::ProjectOptions;
use crate::stop;
use crate::summary::Role;
use crate::unit::Unit;
use k8s_openapi::api::core::v1::{ExecAction, Lifecycle, LifecycleHandler};
use kompox_compose::{Diagnostic, Diagnostics, Hook};

/// The hooks of a service's container.
pub(crate) fn lifecycle(
    unit: &Unit<'_>,
    options: &ProjectOptions,
    diagnostics: &mut Diagnostics,
) -> Option<Lifecycle> {
    let signal = stop::signal(unit, options, diagnostics);
    let post_start = hook(unit, "post_start", &unit.service.post_start, diagnostics);
    let own = hook(unit, "pre_stop", &unit.service.pre_stop, diagnostics);
    if let (Some(_), Some(hook), Some(written)) =
        (&own, unit.service.pre_stop.first(), &unit.service.stop_signal)
    {
        if signal.is_some() {
            let message = "`pre_stop` and `stop_signal` cannot both be had: the signal is sent by a hook";
            diagnostics.push(
                Diagnostic::error("convert.hook", message)
                    .at(hook.span)
                    .label(written.span, "the signal")
                    .help("send the signal in the hook, or remove one of them"),
            );
        }
    } else if let (Some(_), Some(hook), true) =
        (&own, unit.service.pre_stop.first(), unit.role == Role::Sidecar)
    {
        let message = format!(
            "`pre_stop` of `{}` runs when the Pod begins to stop, before the services that need it have stopped",
            unit.name()
        );
        diagnostics.push(Diagnostic::note("convert.hook", message).at(hook.span));
    }
    let pre_stop = own.or(signal);
    let any = post_start.is_some() || pre_stop.is_some();
    any.then(|| Lifecycle { post_start, pre_stop, ..Lifecycle::default() })
}

/// True when a hook runs the program of Kompox.
pub(crate) fn needs_program(lifecycle: Option<&Lifecycle>) -> bool {
    let command =
        lifecycle.and_then(|lifecycle| lifecycle.pre_stop.as_ref()?.exec.as_ref()?.command.as_ref());
    command.is_some_and(|command| command.first().is_some_and(|program| program == PROGRAM))
}

/// One hook as Kubernetes can have it: a command in the container, as its user and with its environment.
fn hook(
    unit: &Unit<'_>,
    key: &str,
    hooks: &[Hook],
    diagnostics: &mut Diagnostics,
) -> Option<LifecycleHandler> {
    let mut refuse = |message: String, span, help: &str| {
        diagnostics.push(Diagnostic::error("convert.hook", message).at(span).help(help));
        None
    };
    let (first, rest) = hooks.split_first()?;
    if let Some(second) = rest.first() {
        let message = format!("a container can have one `{key}` hook");
        return refuse(message, second.span, "put the commands into a script of the image or of a config");
    }
    for entry in &first.other {
        if !entry.key.starts_with("x-") {
            let message = format!("`{key}.{}` is refused: a hook runs as the container does", entry.key);
            return refuse(message, entry.key_span, "remove it; `env NAME=VALUE …` sets a variable");
        }
    }
    if unit.role == Role::OneShot {
        let message = format!("`{key}` of `{}` is refused: it is a job that ends by itself", unit.name());
        return refuse(message, first.span, "run the command in another job");
    }
    let command = first.command.as_ref().filter(|command| !command.value.is_empty());
    let Some(command) = command else {
        return refuse(format!("`{key}` has no command"), first.span, "write `command`");
    };
    // Unlike args, the command of a hook is not expanded.
    let exec = ExecAction { command: Some(command.value.clone()) };
    Some(LifecycleHandler { exec: Some(exec), ..LifecycleHandler::default() })
}
