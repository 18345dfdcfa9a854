//! Data on stdout: tables, JSON, YAML and names. IO: writes to stdout only.

mod difference;
mod table;

pub(crate) use difference::unified;
pub(crate) use table::{Table, printable};

use crate::arguments::OutputForm;
use crate::exit::Failure;
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write};

/// Writes `text` to stdout. A reader that has gone away, as in `… | head -1`, wants no more: that is success.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// Data that a command gives in every form.
pub(crate) trait Data: Serialize {
    /// For people.
    fn table(&self) -> String;

    /// The names of what the data is about.
    fn names(&self) -> Vec<String>;
}

/// Writes data in the form that was asked for, tables by default.
pub(crate) fn print(data: &impl Data, form: Option<OutputForm>) -> Result<(), Failure> {
    write(&match form.unwrap_or(OutputForm::Table) {
        OutputForm::Table => data.table(),
        OutputForm::Json => json(data)?,
        OutputForm::Yaml => kompox_yaml::write(&value(data)?),
        OutputForm::Name => lines(&data.names()),
    })
}

/// Names, one a line.
pub(crate) fn lines(names: &[String]) -> String {
    names.iter().map(|name| format!("{name}\n")).collect()
}

/// JSON for people and programs, with a final line break.
pub(crate) fn json(data: &impl Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(data).map_err(|error| Failure::Output(error.into()))?;
    text.push('\n');
    Ok(text)
}

/// JSON on one line.
pub(crate) fn line(data: &impl Serialize) -> Result<String, Failure> {
    Ok(format!("{}\n", value(data)?))
}

/// Data as JSON, to be shown in another form.
pub(crate) fn value(data: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(data).map_err(|error| Failure::Output(error.into()))
}
