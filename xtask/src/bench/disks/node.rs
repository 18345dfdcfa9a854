//! kompox-node and one store of it: requests as its callers send them. Runs it.

use crate::Outcome;
use crate::measure::{Measured, measure};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Version of the requests, which kompox-node refuses when it is another one.
const VERSION: u32 = 5;
const TIME: &str = "2026-01-31T08:15:00Z";
/// Hash of the only app, and part of its name.
pub(super) const APP: &str = "k9x84f";

/// A program and a folder with its store, its input and its output.
pub(in crate::bench) struct Node {
    program: PathBuf,
    folder: PathBuf,
}

impl Node {
    pub(in crate::bench) fn new(program: &Path, folder: PathBuf) -> Result<Self, Box<dyn std::error::Error>> {
        fs::create_dir_all(&folder)?;
        Ok(Self { program: program.to_owned(), folder })
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// Makes the first disk of a volume and returns where its data goes.
    pub(in crate::bench) fn disk(
        &self,
        volume: &str,
        gibibytes: u64,
    ) -> Result<PathBuf, Box<dyn std::error::Error>> {
        self.add_disk(volume, "d1", 0, gibibytes)
    }

    /// Makes a disk of a volume whose record has this generation.
    pub(super) fn add_disk(
        &self,
        volume: &str,
        disk: &str,
        generation: u64,
        gibibytes: u64,
    ) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let create = created(volume, disk, generation, gibibytes, "empty");
        self.ask("create", &create)?;
        Ok(self.root().join(format!("{APP}/{volume}/disks/{disk}/data")))
    }

    /// Makes a snapshot of a disk that nothing uses.
    pub(super) fn snapshot(
        &self,
        volume: &str,
        disk: &str,
        name: &str,
    ) -> Result<Measured, Box<dyn std::error::Error>> {
        let create = json!({"volume": reference(volume), "disk": disk, "snapshot": name, "created_at": TIME, "at_rest": true});
        Ok(self.ask("create_snapshot", &create)?.0)
    }

    pub(super) fn delete_snapshot(&self, volume: &str, name: &str) -> Outcome {
        let delete = json!({"volume": reference(volume), "snapshot": name});
        self.ask("delete_snapshot", &delete).map(|_| ())
    }

    /// Deletes a disk that was never assigned.
    pub(super) fn delete(&self, volume: &str, disk: &str, generation: u64) -> Outcome {
        let delete = json!({"volume": reference(volume), "disk": disk, "generation": generation});
        self.ask("delete", &delete).map(|_| ())
    }

    /// Lists one app or all; returns what was listed.
    pub(super) fn list(&self, one: bool) -> Result<(Measured, Value), Box<dyn std::error::Error>> {
        let app = if one { app() } else { Value::Null };
        let (measured, answer) = self.ask("list", &json!({"app": app}))?;
        Ok((measured, answer["outcome"]["ok"]["listing"].clone()))
    }

    /// Writes the export of disk `d1` to `file`.
    pub(in crate::bench) fn export(
        &self,
        volume: &str,
        file: &Path,
    ) -> Result<Measured, Box<dyn std::error::Error>> {
        let header = json!({"version": VERSION, "volume": reference(volume), "from": {"disk": "d1"}, "at_rest": true, "exported_at": TIME, "level": 3});
        let input = self.input(&header)?;
        let measured = self.run("export", &input, file)?;
        let answer = measured.stderr.lines().last().unwrap_or_default();
        check("export", &serde_json::from_str(answer)?)?;
        Ok(measured)
    }

    /// The stream that makes disk `d2` of an export.
    pub(super) fn import_stream(
        &self,
        volume: &str,
        gibibytes: u64,
        export: &Path,
    ) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let create = created(volume, "d2", 1, gibibytes, "import:archive");
        let path = self.input(&json!({"version": VERSION, "create": create}))?;
        let stream = self.folder.join("stream");
        let mut file = fs::File::create(&stream)?;
        std::io::copy(&mut fs::File::open(path)?, &mut file)?;
        std::io::copy(&mut fs::File::open(export)?, &mut file)?;
        Ok(stream)
    }

    pub(super) fn import(&self, stream: &Path) -> Result<Measured, Box<dyn std::error::Error>> {
        let output = self.folder.join("answer");
        let measured = self.run("import", stream, &output)?;
        check("import", &serde_json::from_slice(&fs::read(output)?)?)?;
        Ok(measured)
    }

    fn ask(&self, name: &str, operation: &Value) -> Result<(Measured, Value), Box<dyn std::error::Error>> {
        let input = self.input(&json!({"version": VERSION, "operation": {name: operation}}))?;
        let output = self.folder.join("answer");
        let measured = self.run("store", &input, &output)?;
        let answer = serde_json::from_slice(&fs::read(output)?)?;
        check(name, &answer)?;
        Ok((measured, answer))
    }

    fn input(&self, value: &Value) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let path = self.folder.join("input");
        fs::write(&path, format!("{value}\n"))?;
        Ok(path)
    }

    /// One process from file to file. The shell that opens them becomes the program, so it is the program's memory that
    /// is measured.
    fn run(&self, name: &str, input: &Path, output: &Path) -> Result<Measured, Box<dyn std::error::Error>> {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$1\" \"$2\" --root \"$3\" < \"$4\" > \"$5\"", "sh"]);
        command.arg(&self.program).arg(name).arg(self.root()).arg(input).arg(output);
        measure(&mut command)
    }
}

fn created(volume: &str, disk: &str, generation: u64, gibibytes: u64, source: &str) -> Value {
    json!({
        "volume": reference(volume),
        "generation": generation,
        "disk": disk,
        "size_bytes": gibibytes << 30,
        "created_at": TIME,
        "source": source,
    })
}

fn app() -> Value {
    let identity = json!({"workspace": "bench", "provider": "local", "app": format!("app-{APP}")});
    json!({"identity": identity, "app_hash": APP})
}

fn reference(volume: &str) -> Value {
    json!({"app": app(), "holder": {"cluster": "bench", "cluster_uid": "bench"}, "volume": volume})
}

/// kompox-node ends well also when it answers with a failure.
fn check(what: &str, answer: &Value) -> Outcome {
    if answer["outcome"]["ok"].is_null() { Err(format!("{what}: {answer}").into()) } else { Ok(()) }
}
