//! `compose import`. IO: reads the compose files and what they refer to; writes to stdout only.

use super::super::{init, preview};
use crate::arguments::ImportComposeArguments;
use crate::exit::Failure;
use crate::output;
use crate::session::Session;
use kompox_compose::Severity;
use std::path::Path;

/// Where the configuration is meant to lie: what it names is relative to this.
const HERE: &str = ".";

pub(super) fn run(session: &Session<'_>, arguments: ImportComposeArguments) -> Result<(), Failure> {
    let here = Path::new(HERE);
    let named = arguments.project.clone();
    std::fs::metadata(&named).map_err(|source| Failure::File {
        action: "read",
        path: named.clone(),
        hint: Some("name a folder with a compose file, or the file".to_owned()),
        source,
    })?;
    let mut facts = init::facts_of(session, arguments.starter, here, &named)?;
    let what = named.display().to_string();
    let Some(mut preview) = preview::look(session.global.file(), here, &mut facts)? else {
        return Err(Failure::Invalid { what, errors: 1 });
    };
    preview.diagnostics.sort();
    if !preview.loaded {
        let errors = session.screen.diagnostics(&preview.diagnostics, &preview.sources);
        return Err(Failure::Invalid { what, errors });
    }
    let refused = preview.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    for one in refused {
        let report = one.report(&preview.sources);
        let place = report.places.first();
        let place = place.map(|at| format!("{}:{}:{}: ", at.file, at.line, at.column)).unwrap_or_default();
        let help = report.help.map(|help| format!("; {help}")).unwrap_or_default();
        facts.decisions.push(format!("{place}{}{help}", report.message));
    }
    output::write(&kompox_manifest::starter(&facts))?;
    session.screen.diagnostics(&preview.diagnostics, &preview.sources);
    facts.hints.iter().for_each(|hint| session.screen.note(hint));
    session.screen.note(match preview.problems() {
        0 => "nothing must be decided; next: kompoxops app validate",
        _ => "decide what is marked DECIDE in the file; next: kompoxops app validate",
    });
    Ok(())
}
