//! A compose project as it lies on this machine: which files it has, and what they may read. IO: reads files.

use crate::exit::Failure;
use crate::project_files::FolderFiles;
use kompox_compose::{ComposeFile, Diagnostics, Found, Selection, Sources};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files of a compose project.
pub(crate) struct ComposeProject {
    /// What was found.
    pub(crate) found: Found,
    /// What the project may read.
    pub(crate) files: FolderFiles,
}

impl ComposeProject {
    /// Finds the files that a user selected, as Docker Compose does. What is wrong is in the diagnostics.
    pub(crate) fn find(
        selection: &Selection,
        environment: &BTreeMap<String, String>,
        allow_outside: bool,
        sources: &mut Sources,
    ) -> Result<(Option<Self>, Diagnostics), Failure> {
        let mut diagnostics = Diagnostics::new();
        let failure = |path: &Path| {
            let path = path.to_owned();
            move |source| Failure::File { action: "read", path, hint: None, source }
        };
        let here = std::env::current_dir().map_err(failure(Path::new(".")))?;
        // A user may name any file; what the files themselves name is read beneath the project directory only.
        let anywhere = FolderFiles::new(Path::new("/"), true).map_err(failure(Path::new("/")))?;
        let working = text(&here)?;
        let found =
            kompox_compose::discover(selection, &working, environment, &anywhere, sources, &mut diagnostics);
        let Some(found) = found else { return Ok((None, diagnostics)) };
        let directory = PathBuf::from(&found.directory);
        let files = FolderFiles::new(&directory, allow_outside).map_err(failure(&directory))?;
        Ok((Some(Self { found, files }), diagnostics))
    }

    /// The compose files in order.
    pub(crate) fn compose(&self) -> Vec<ComposeFile<'_>> {
        let files = self.found.files.iter();
        files.map(|file| ComposeFile { name: &file.name, path: &file.path, text: &file.text }).collect()
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| Failure::Usage {
        message: format!("{} is not a UTF-8 path", path.display()),
        hint: "work in a folder with another name".to_owned(),
    })
}
