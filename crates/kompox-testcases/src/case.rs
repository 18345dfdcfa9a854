//! Recorded cases: a project, what Docker Compose answers, and what we answer where that differs. Reads and writes the
//! folder of cases.

use crate::Outcome;
use crate::project::{self, Project};
use std::error::Error;
use std::path::{Path, PathBuf};

/// The heading of Docker Compose's answer, and of ours.
const DOCKER: &str = "docker";
const KOMPOX: &str = "kompox";

/// A project and what is known of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file's name without its ending.
    pub name: String,
    path: PathBuf,
    text: String,
    /// What is loaded.
    pub project: Project,
    /// What Docker Compose answers.
    pub docker: Outcome,
    /// What we answer, if it differs or is a refusal.
    pub kompox: Option<Outcome>,
}

/// The folder with the tests of kompox-compose.
#[must_use]
pub fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../kompox-compose/tests")
}

/// Every case of a folder beneath [`tests`], by name.
///
/// # Errors
/// What cannot be read, or is no case, with its name.
pub fn cases(folder: &str) -> Result<Vec<Case>, Box<dyn Error>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(tests().join(folder))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "case") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.into_iter().map(Case::read).collect()
}

impl Case {
    /// Reads one.
    ///
    /// # Errors
    /// As [`cases`].
    pub fn read(path: PathBuf) -> Result<Self, Box<dyn Error>> {
        let wrong = |what: &str| format!("{}: {what}", path.display());
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(&error.to_string()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut case = Self {
            name,
            project: Project::default(),
            docker: Outcome::Refused(String::new()),
            kompox: None,
            text: String::new(),
            path: PathBuf::new(),
        };
        for (heading, text) in sections(&text) {
            match heading {
                DOCKER => case.docker = Outcome::parse(&text)?,
                KOMPOX => case.kompox = Some(Outcome::parse(&text)?),
                heading => case.project.section(heading, &text).ok_or_else(|| wrong(heading))?,
            }
        }
        Ok(Self { text, path, ..case })
    }

    /// Writes the section with Docker Compose's answer anew. Ours goes: it is written again where it differs.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn record_docker(&self, answer: &str) -> std::io::Result<()> {
        let text = before(&self.text, DOCKER);
        let ours = self.text.find(&heading(KOMPOX)).map_or("", |at| &self.text[at..]);
        std::fs::write(&self.path, format!("{text}{}{answer}{ours}", heading(DOCKER)))
    }

    /// Writes the section with our answer anew.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn record_kompox(&self, ours: &Outcome) -> std::io::Result<()> {
        let text = before(&self.text, KOMPOX);
        std::fs::write(&self.path, format!("{text}{}{}", heading(KOMPOX), ours.text()))
    }
}

fn heading(name: &str) -> String {
    format!("-- {name} --\n")
}

fn before<'a>(text: &'a str, name: &str) -> &'a str {
    text.find(&heading(name)).map_or(text, |at| &text[..at])
}

/// The sections of a text with their names.
pub(crate) fn sections(text: &str) -> Vec<(&str, String)> {
    let mut sections: Vec<(&str, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match (project::header(line.trim_end_matches('\n')), sections.last_mut()) {
            (Some(name), _) => sections.push((name, String::new())),
            (None, Some((_, text))) => text.push_str(line),
            (None, None) => {}
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_reads_as_the_same_project_from_its_own_text() {
        for case in cases("config").unwrap() {
            let mut again = Project::default();
            for (name, text) in sections(&case.project.text()) {
                again.section(name, &text).unwrap();
            }
            assert_eq!(again, case.project, "{}", case.name);
        }
    }

    #[test]
    fn what_is_no_text_is_written_as_bytes() {
        let mut project = Project::default();
        project.files.insert("/project/a".to_owned(), vec![0xff, b'\n']);
        project.files.insert("/b".to_owned(), b"-- a --\n".to_vec());
        project.request.push(("env".to_owned(), "A=b c".to_owned()));
        let text = project.text();
        assert_eq!(
            text,
            "-- ../b (escaped) --\n\"-- a --\\n\"\n-- a (bytes) --\nff0a\n-- request --\nenv A=b c\n"
        );
        let mut again = Project::default();
        sections(&text).iter().for_each(|(name, text)| again.section(name, text).unwrap());
        assert_eq!(again, project);
    }
}
