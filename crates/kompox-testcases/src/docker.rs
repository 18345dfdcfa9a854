//! What the real Docker Compose makes of a project. Writes the project into a folder of its own and starts the program
//! there, with an environment of the project's own; `config` asks no daemon.

use crate::project::{DIRECTORY, HOME, PATH, Project};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds after which an answer is not waited for any longer.
const PATIENCE: &str = "60";

/// The program.
#[derive(Clone, Debug)]
pub struct Docker {
    program: PathBuf,
}

impl Docker {
    /// Uses the program at a path.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    /// Its answer in the text form of an [`Outcome`](crate::Outcome): the JSON as it is printed, or the first line of
    /// the error. The folder is taken out of it.
    ///
    /// # Errors
    /// When the folder cannot be written or the program does not answer.
    pub fn ask(&self, project: &Project) -> Result<String, Box<dyn Error>> {
        Ok(match self.run(project)? {
            Ok(json) => json,
            Err(lines) => format!("refused: {}\n", lines.first().map_or("(no text)", String::as_str)),
        })
    }

    /// The same with all lines of the error in one.
    ///
    /// # Errors
    /// As [`Docker::ask`].
    pub fn ask_why(&self, project: &Project) -> Result<String, Box<dyn Error>> {
        Ok(self.run(project)?.unwrap_or_else(|lines| format!("refused: {}\n", lines.join(" "))))
    }

    /// The JSON, or the lines of the error.
    fn run(&self, project: &Project) -> Result<Result<String, Vec<String>>, Box<dyn Error>> {
        let folder = tempfile::Builder::new().prefix("kompox").tempdir()?;
        let root = folder.path().canonicalize()?;
        let inside = |path: &str| root.join(path.trim_start_matches('/'));
        for (path, bytes) in &project.files {
            write(&inside(path), bytes)?;
        }
        let working = inside(&project.working_directory());
        fs::create_dir_all(inside(DIRECTORY))?;
        fs::create_dir_all(&working)?;
        let mut command = Command::new("timeout");
        command.arg(PATIENCE).arg(&self.program).current_dir(working);
        command.env_clear().env("PATH", PATH).env("HOME", inside(HOME));
        for (key, value) in &project.request {
            let flag = match key.as_str() {
                "file" => "-f",
                "profile" => "--profile",
                "name" => "-p",
                "env-file" => "--env-file",
                "directory" => "--project-directory",
                "env" => {
                    let (name, value) = value.split_once('=').ok_or("`env` without `=`")?;
                    command.env(name, value);
                    continue;
                }
                "cd" => continue,
                other => return Err(format!("`{other}` is no option").into()),
            };
            command.args([flag, value]);
        }
        let output = command.args(["config", "--format", "json"]).output()?;
        let root = root.to_string_lossy();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*root, "");
        if output.status.success() {
            return Ok(Ok(format!("{}\n", text(&output.stdout).trim_end_matches('\n'))));
        }
        if output.status.code() == Some(124) {
            return Err(format!("no answer within {PATIENCE} seconds").into());
        }
        let is_message = |line: &&str| !line.trim().is_empty() && !line.starts_with("time=\"");
        Ok(Err(text(&output.stderr).lines().filter(is_message).map(str::to_owned).collect()))
    }
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)
}
