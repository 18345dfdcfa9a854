//! Starting cargo and other programs at the root of the checkout.

use std::process::Command;

/// A cargo command in the checkout, by the cargo that runs us.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::build::root()).args(arguments);
    command
}
