//! The static helper in Pods and on nodes: disk store, copies, copy-up, hold, signal.
//!
//! Every command does one thing and ends; nothing here is meant to be typed by hand. This module owns the streams
//! and the exit code.

mod args;
mod attended;
mod attributes;
mod backend;
mod btrfs;
mod content;
mod copy;
mod copy_over;
mod copy_up;
mod create;
mod data;
mod delete;
mod disk;
mod erase;
mod export;
mod fence;
mod fill;
mod hold;
mod import;
mod install;
mod job;
mod listing;
mod occupied;
mod origin;
mod quiesce;
mod random;
mod record;
mod request;
mod signal;
mod snapshot;
mod steps;
mod store;
mod target;
mod trash;
mod volume;
mod write_files;

use kompox_tree::{failure, fault, folder, lock, sync, tree, unpack};

use args::{Command, PlanText};
use failure::{Result, cannot, invalid};
use kompox_node_protocol::{
    Answer, CopyUpPlan, DecodeError, ExportHeader, Failure, FillHeader, ImportHeader, Kind, MAX_JSON_BYTES,
    PROTOCOL_VERSION, QuiescePlan, Request, Success, WriteFilesPlan,
};
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::ExitCode;
use store::Place;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(message) => {
            eprintln!("kompox-node: {message}; see kompox-node --help");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { message, hint, .. }) => {
            eprintln!("kompox-node: {message}");
            if let Some(hint) = hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Store { root, wait, backend } => {
            let mut input = BufReader::new(std::io::stdin().lock());
            let line = read_line(&mut input);
            let request =
                line.and_then(|text| Request::decode(&text).map_err(|error| not_understood(&error)));
            say_answer(request.and_then(|request| {
                let place = Place { path: &root, expected: request.store.as_deref(), wait, backend };
                request::answer(place, &request.operation)
            }))
        }
        Command::Fill { root, wait } => {
            let mut input = BufReader::new(std::io::stdin().lock());
            let line = read_line(&mut input);
            let header =
                line.and_then(|text| FillHeader::decode(&text).map_err(|error| not_understood(&error)));
            let filled = header.and_then(|header| fill::run(&root, wait, &header, &mut input));
            // Through exec, a command with input that nobody took is never reported as ended. What is wrong with
            // input that is not wanted does not matter.
            let _ = std::io::copy(&mut input, &mut std::io::sink());
            say_answer(filled.map(Success::Filled))
        }
        Command::Export { root, wait } => {
            // Not locked: whoever watches over its end reads it.
            let mut input = BufReader::new(std::io::stdin());
            let line = read_line(&mut input);
            let header =
                line.and_then(|text| ExportHeader::decode(&text).map_err(|error| not_understood(&error)));
            let exported = header.and_then(|header| {
                if header.attended {
                    attended::end_with(input)?;
                }
                let place = Place { path: &root, expected: header.store.as_deref(), wait, backend: None };
                export::run(place, &header, std::io::stdout().lock(), |progress| {
                    // Who does not listen any more to the progress may still take the archive.
                    let _ = say_aside(Ok(Success::Progress(progress)));
                })
            });
            say_aside(exported.map(Success::Exported))
        }
        Command::Import { root, wait, backend } => {
            // Not locked: the thread that expands reads it.
            let mut input = BufReader::new(std::io::stdin());
            let line = read_line(&mut input);
            let header =
                line.and_then(|text| ImportHeader::decode(&text).map_err(|error| not_understood(&error)));
            let created = header.and_then(|header| {
                let place = Place { path: &root, expected: header.store.as_deref(), wait, backend };
                import::run(place, &header, &mut input, |warning| {
                    let _ = writeln!(std::io::stderr(), "kompox-node: {warning}");
                })
            });
            say_answer(created.map(|created| Success::Created(Box::new(created))))?;
            // As for `fill`; whoever sends stops when the answer is there.
            let _ = std::io::copy(&mut input, &mut std::io::sink());
            Ok(())
        }
        Command::CopyUp(plan) => {
            let plan = CopyUpPlan::decode(&plan_text(plan)?).map_err(|error| not_understood(&error))?;
            copy_up::run(&plan, lock::WAIT, |line| println!("{line}"))
        }
        Command::WriteFiles(plan) => write_files::run(
            &WriteFilesPlan::decode(&plan_text(plan)?).map_err(|error| not_understood(&error))?,
        ),
        Command::Pack(plan) => {
            let packed = plan_text(plan).and_then(|text| copy_over::out(&text, std::io::stdout().lock()));
            say_aside(packed.map(Success::Copied))
        }
        Command::Unpack(plan) => {
            let mut input = std::io::stdin().lock();
            let copied = plan_text(plan).and_then(|text| copy_over::into(&text, &mut input));
            say_answer(copied.map(Success::Copied))?;
            // As for `fill`; whoever sends stops when the answer is there.
            let _ = std::io::copy(&mut input, &mut std::io::sink());
            Ok(())
        }
        Command::Quiesce(plan) => {
            let plan = plan_text(plan)
                .and_then(|text| QuiescePlan::decode(&text).map_err(|error| not_understood(&error)));
            match plan {
                Ok(plan) => quiesce::run(&plan.hook, say_answer),
                Err(failure) => say_answer(Err(failure)),
            }
        }
        Command::Install { folder } => install::run(&folder),
        Command::Hold => hold::run(),
        Command::Signal { signal, pid, wait } => signal::run(signal, pid, wait),
        Command::Version => {
            say(&format!("kompox-node {} protocol {PROTOCOL_VERSION}\n", env!("CARGO_PKG_VERSION")))
        }
        Command::Help => say(args::HELP),
    }
}

/// One line, or everything when there is no line end: a transport may be unable to close the stream.
fn read_line(input: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let limit = MAX_JSON_BYTES as u64 + 1;
    input.take(limit).read_until(b'\n', &mut text).map_err(|error| cannot("read", "the request", error))?;
    if text.len() > MAX_JSON_BYTES {
        return Err(invalid(format!("the request is longer than {MAX_JSON_BYTES} bytes")));
    }
    Ok(text)
}

fn not_understood(error: &DecodeError) -> Failure {
    match error {
        DecodeError::Version { .. } => Failure::new(Kind::Unsupported, error.to_string())
            .hint("use one version of the command line and of the kompox-node image"),
        DecodeError::Shape { .. } => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            invalid(format!("{error}{cause}"))
        }
    }
}

fn plan_text(plan: PlanText) -> Result<Vec<u8>> {
    match plan {
        PlanText::Given(text) => Ok(text.into_bytes()),
        PlanText::File(path) => std::fs::read(&path).map_err(|error| cannot("read", path.display(), error)),
    }
}

fn say_answer(result: Result<Success>) -> Result<()> {
    // A run that ends after its last change and before its answer must be repeatable too.
    fault::point().map_err(|error| cannot("write", "the answer", error))?;
    let mut text = Answer::new(result).encode();
    text.push('\n');
    say(&text)
}

/// The same where standard output carries an archive.
fn say_aside(result: Result<Success>) -> Result<()> {
    fault::point().map_err(|error| cannot("write", "the answer", error))?;
    let mut text = Answer::new(result).encode();
    text.push('\n');
    std::io::stderr().write_all(text.as_bytes()).map_err(|error| cannot("write", "the answer", error))
}

fn say(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|e| cannot("write", "the answer", e))
}
