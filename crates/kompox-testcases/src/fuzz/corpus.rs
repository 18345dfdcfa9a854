//! What is damaged. Reads the tests of kompox-compose.

use crate::case::tests;
use crate::generate::Schema;
use crate::mutate::is_yaml;
use crate::{Donors, Project, cases, documents};
use kompox_yaml::Node;
use std::error::Error;
use std::fs;
use std::path::Path;

/// Projects, and their parts.
#[derive(Debug)]
pub(super) struct Corpus {
    pub(super) projects: Vec<Project>,
    /// Every compose file.
    pub(super) texts: Vec<Vec<u8>>,
    /// Every document of a compose file that can be read.
    pub(super) documents: Vec<Node>,
    pub(super) donors: Donors,
    pub(super) schema: Schema,
}

impl Corpus {
    /// Reads all of it.
    pub(super) fn read() -> Result<Self, Box<dyn Error>> {
        let recorded = cases("config")?.into_iter().chain(cases("regressions")?);
        let mut projects: Vec<_> = recorded.map(|case| case.project).collect();
        for entry in fs::read_dir(tests().join("golden"))? {
            let mut project = Project::default();
            add(&mut project, &entry?.path(), "/project")?;
            projects.push(project);
        }
        for entry in fs::read_dir(tests().join("refused"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "yml") {
                let files = [("/project/compose.yaml".to_owned(), fs::read(path)?)];
                projects.push(Project { files: files.into(), request: Vec::new() });
            }
        }
        // The order of a folder is the file system's; numbers of inputs shall mean the same everywhere.
        projects.sort_by_cached_key(Project::text);
        let files = projects.iter().flat_map(|project| &project.files);
        let texts: Vec<_> = files.filter(|(path, _)| is_yaml(path)).map(|(_, bytes)| bytes.clone()).collect();
        let readable = texts.iter().filter_map(|bytes| documents(std::str::from_utf8(bytes).ok()?));
        let documents: Vec<_> = readable.flatten().collect();
        let mut donors = Donors::default();
        documents.iter().for_each(|document| donors.add(document));
        Ok(Self { projects, texts, documents, donors, schema: Schema::read()? })
    }
}

/// Adds a folder's files.
fn add(project: &mut Project, folder: &Path, below: &str) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{below}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            add(project, &entry.path(), &path)?;
        } else {
            project.files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}
