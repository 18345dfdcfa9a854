//! `completion` and `man`: what the definition of the command line is worth beside its help. Writes the pages that the
//! user asks for.

use crate::arguments::{Arguments, CompletionArguments, ManArguments};
use crate::exit::Failure;
use crate::output;
use clap::{Command, CommandFactory};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

pub(super) fn completion(arguments: &CompletionArguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "kompoxops", &mut script);
    output::write(&String::from_utf8_lossy(&script))
}

/// Writes one page for each command into a folder, or the main page to standard output.
pub(super) fn man(arguments: &ManArguments) -> Result<(), Failure> {
    let mut root = Arguments::command();
    // Gives subcommands their global options and full names.
    root.build();
    match &arguments.to {
        None => output::write(&String::from_utf8_lossy(&page(&root, "kompoxops").map_err(Failure::Output)?)),
        Some(folder) => {
            let failed = |path: &Path| {
                let path = path.to_owned();
                move |source| Failure::File { action: "write", path, hint: None, source }
            };
            fs::create_dir_all(folder).map_err(failed(folder))?;
            for (name, command) in all(&root, "kompoxops") {
                let path = folder.join(format!("{name}.1"));
                let text = page(command, &name).map_err(failed(&path))?;
                let mut beside = tempfile::NamedTempFile::new_in(folder).map_err(failed(&path))?;
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
                beside.as_file().set_permissions(mode).map_err(failed(&path))?;
                beside.write_all(&text).map_err(failed(&path))?;
                beside.persist(&path).map_err(|error| failed(&path)(error.error))?;
            }
            Ok(())
        }
    }
}

/// A command and all below it, each with the name of its page.
fn all<'a>(command: &'a Command, name: &str) -> Vec<(String, &'a Command)> {
    let below = command.get_subcommands().filter(|command| command.get_name() != "help");
    let below = below.flat_map(|command| all(command, &format!("{name}-{}", command.get_name())));
    [(name.to_owned(), command)].into_iter().chain(below).collect()
}

fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    // No date, so that equal programs give equal pages.
    clap_mangen::Man::new(command.clone()).title(name).date("").render(&mut text)?;
    Ok(text)
}
