//! `cargo xtask tidy`: the rules of the project that no compiler checks. Reads the whole checkout; writes
//! nothing. Each check is a pure function over what was read, and gives findings.

mod arrows;
mod docs;
mod errors;
mod layout;
mod licence;
mod metadata;
mod purity;
mod rust;
mod shell;
mod tree;
mod words;

use std::fmt;
use std::path::Path;
use tree::Tree;

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: Option<usize>,
    message: String,
    /// True when the rule is advice: it is shown and fails nothing.
    warning: bool,
}

impl Finding {
    fn new(path: &str, line: Option<usize>, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into(), warning: false }
    }

    fn warning(path: &str, message: impl Into<String>) -> Self {
        Self { warning: true, ..Self::new(path, None, message) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.warning { "warning" } else { "error" };
        match self.line {
            Some(line) => write!(f, "{}:{line}: {kind}: {}", self.path, self.message),
            None => write!(f, "{}: {kind}: {}", self.path, self.message),
        }
    }
}

/// Checks the checkout at `root` and prints every finding.
///
/// # Errors
/// The number of broken rules, or why the checkout could not be read.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let tree = Tree::read(root).map_err(|error| format!("cannot read the checkout: {error}"))?;
    let metadata = metadata::Metadata::of(root)?;
    let mut findings = Vec::new();
    findings.extend(layout::check(&tree));
    findings.extend(words::check(&tree));
    findings.extend(purity::check(&tree));
    findings.extend(shell::check(&tree));
    findings.extend(docs::check(&tree));
    findings.extend(errors::check(&tree));
    findings.extend(arrows::check(&metadata));
    findings.extend(licence::check(&tree, &metadata));
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| !finding.warning).count();
    let warnings = findings.len() - errors;
    println!("tidy: {} files, {errors} errors, {warnings} warnings", tree.files.len());
    if errors == 0 { Ok(()) } else { Err(format!("tidy: {errors} broken rules")) }
}
