//! The command line. No IO.

use crate::lock;
use kompox_node_protocol::Backend;
use rustix::process::Signal;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
kompox-node: a helper of Kompox in Pods and on nodes; not meant to be used by hand.

Usage: kompox-node COMMAND

  store --root DIR [STORE OPTIONS]            one JSON request on stdin, one JSON answer on stdout
  fill --root DIR [STORE OPTIONS]             one JSON header line, then a tar archive on stdin; one answer
  export --root DIR [STORE OPTIONS]           one JSON header line on stdin; a disk or snapshot as an export on
                                              stdout; progress and one answer on stderr
  import --root DIR [STORE OPTIONS]           one JSON header line, then an export or tar archive on stdin; a disk
                                              is made of it; one answer
  copy-up --plan JSON | --plan-file FILE      fill empty volumes from this container's image
  write-files --plan JSON | --plan-file FILE  write files with exact owner and mode
  pack --plan JSON | --plan-file FILE         a tree as a tar archive on stdout; one answer on stderr
  unpack --plan JSON | --plan-file FILE       a tar archive on stdin into a tree; one answer
  quiesce --plan JSON | --plan-file FILE      hold data still until a line on stdin; answers before and after
  install --to DIR                            copy this program to DIR/kompox-node
  hold                                        wait for SIGTERM or SIGINT, then end with 0
  signal NAME|NUMBER [--wait] [--pid PID]     signal process 1 (or PID); --wait: until it has ended
  version                                     print the version

Store options:
  --lock-wait SECONDS                         how long to wait for other processes
  --backend auto|directory|reflink|btrfs      how new disks and snapshots are kept; auto is the best that the
                                              file system can do, existing ones stay as they are

Exit codes: 0 done (store, fill, export, import, pack, unpack, quiesce: answered, also with an error in the answer),
1 failed, 2 wrong usage.
";

/// A parsed command line.
#[derive(Debug)]
pub(crate) enum Command {
    /// Without a back end the file system decides.
    Store {
        root: PathBuf,
        wait: Duration,
        backend: Option<Backend>,
    },
    Fill {
        root: PathBuf,
        wait: Duration,
    },
    Export {
        root: PathBuf,
        wait: Duration,
    },
    Import {
        root: PathBuf,
        wait: Duration,
        backend: Option<Backend>,
    },
    CopyUp(PlanText),
    WriteFiles(PlanText),
    Pack(PlanText),
    Unpack(PlanText),
    Quiesce(PlanText),
    Install {
        folder: PathBuf,
    },
    Hold,
    Signal {
        signal: Signal,
        pid: i32,
        wait: bool,
    },
    Version,
    Help,
}

/// Where a plan is.
#[derive(Debug)]
pub(crate) enum PlanText {
    Given(String),
    File(PathBuf),
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// A sentence on what is wrong.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut rest = Rest(arguments.into_iter().collect());
    let command = rest.word().ok_or("a command is missing")?;
    let command = match command.as_str() {
        "store" => {
            Command::Store { root: rest.path("--root")?, wait: rest.wait()?, backend: rest.backend()? }
        }
        "fill" => {
            // Understood as for a store, though nothing that it makes has a back end.
            rest.backend()?;
            Command::Fill { root: rest.path("--root")?, wait: rest.wait()? }
        }
        "export" => {
            rest.backend()?;
            Command::Export { root: rest.path("--root")?, wait: rest.wait()? }
        }
        "import" => {
            Command::Import { root: rest.path("--root")?, wait: rest.wait()?, backend: rest.backend()? }
        }
        "copy-up" => Command::CopyUp(rest.plan()?),
        "write-files" => Command::WriteFiles(rest.plan()?),
        "pack" => Command::Pack(rest.plan()?),
        "unpack" => Command::Unpack(rest.plan()?),
        "quiesce" => Command::Quiesce(rest.plan()?),
        "install" => Command::Install { folder: rest.path("--to")? },
        "hold" => Command::Hold,
        "signal" => {
            let wait = rest.flag("--wait");
            let pid = match rest.option("--pid")? {
                Some(text) => text.parse().map_err(|_| format!("`{text}` is not the number of a process"))?,
                None => 1,
            };
            let name = rest.word().ok_or("the signal is missing")?;
            let signal = crate::signal::parse(&name).map_err(|failure| failure.message)?;
            Command::Signal { signal, pid, wait }
        }
        "version" | "--version" => Command::Version,
        "help" | "--help" | "-h" => Command::Help,
        other => return Err(format!("`{other}` is not a command")),
    };
    match rest.0.first() {
        Some(argument) => Err(format!("`{}` is not understood here", argument.to_string_lossy())),
        None => Ok(command),
    }
}

struct Rest(Vec<OsString>);

impl Rest {
    fn word(&mut self) -> Option<String> {
        if self.0.is_empty() { None } else { Some(self.0.remove(0).to_string_lossy().into_owned()) }
    }

    fn flag(&mut self, name: &str) -> bool {
        let place = self.0.iter().position(|argument| argument == name);
        place.map(|place| self.0.remove(place)).is_some()
    }

    fn raw(&mut self, name: &str) -> Result<Option<OsString>, String> {
        let Some(place) = self.0.iter().position(|argument| argument == name) else { return Ok(None) };
        if place + 1 == self.0.len() {
            return Err(format!("{name} needs a value"));
        }
        self.0.remove(place);
        Ok(Some(self.0.remove(place)))
    }

    fn option(&mut self, name: &str) -> Result<Option<String>, String> {
        let not_text =
            |value: OsString| format!("{name} has a value that is not text: {}", value.to_string_lossy());
        self.raw(name)?.map(|value| value.into_string().map_err(not_text)).transpose()
    }

    fn path(&mut self, name: &str) -> Result<PathBuf, String> {
        let value = self.raw(name)?.map(PathBuf::from).ok_or_else(|| format!("{name} is missing"))?;
        if value.is_absolute() { Ok(value) } else { Err(format!("{name} needs an absolute path")) }
    }

    fn wait(&mut self) -> Result<Duration, String> {
        match self.option("--lock-wait")? {
            Some(text) => text
                .parse()
                .map(Duration::from_secs)
                .map_err(|_| format!("`{text}` is not a number of seconds")),
            None => Ok(lock::WAIT),
        }
    }

    fn backend(&mut self) -> Result<Option<Backend>, String> {
        let Some(name) = self.option("--backend")? else { return Ok(None) };
        if name == "auto" {
            return Ok(None);
        }
        let all = [Backend::Directory, Backend::Reflink, Backend::Btrfs];
        match all.into_iter().find(|backend| backend.name() == name) {
            Some(backend) => Ok(Some(backend)),
            None => Err(format!("`{name}` is no back end: use auto, directory, reflink or btrfs")),
        }
    }

    fn plan(&mut self) -> Result<PlanText, String> {
        match (self.option("--plan")?, self.raw("--plan-file")?) {
            (Some(text), None) => Ok(PlanText::Given(text)),
            (None, Some(path)) => Ok(PlanText::File(path.into())),
            (None, None) | (Some(_), Some(_)) => Err("give either --plan or --plan-file".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn every_mistake_is_named() {
        for (line, expected) in [
            ("", "a command is missing"),
            ("restore", "`restore` is not a command"),
            ("store", "--root is missing"),
            ("store --root", "--root needs a value"),
            ("store --root disks", "--root needs an absolute path"),
            ("store --root /s --lock-wait soon", "`soon` is not a number of seconds"),
            ("store --root /s --backend zfs", "`zfs` is no back end: use auto, directory, reflink or btrfs"),
            ("store --root /s more", "`more` is not understood here"),
            ("copy-up", "give either --plan or --plan-file"),
            ("copy-up --plan {} --plan-file /p", "give either --plan or --plan-file"),
            ("signal", "the signal is missing"),
            ("signal TERM --pid x", "`x` is not the number of a process"),
            ("signal NO", "`NO` is not a signal that can be sent: use a name such as SIGINT"),
            ("hold on", "`on` is not understood here"),
        ] {
            assert_eq!(parsed(line).unwrap_err(), expected, "{line}");
        }
    }

    #[test]
    fn options_stand_anywhere() {
        for line in
            ["signal TERM --wait --pid 7", "signal --wait --pid 7 TERM", "signal --pid 7 SIGTERM --wait"]
        {
            match parsed(line).unwrap() {
                Command::Signal { signal, pid: 7, wait: true } => assert_eq!(signal, Signal::TERM),
                other => panic!("{line}: {other:?}"),
            }
        }
        assert!(matches!(parsed("store --lock-wait 3 --root /s"),
            Ok(Command::Store { wait, backend: None, .. }) if wait == Duration::from_secs(3)));
        assert!(matches!(
            parsed("store --backend btrfs --root /s"),
            Ok(Command::Store { backend: Some(Backend::Btrfs), .. })
        ));
        assert!(matches!(parsed("fill --root /s --backend auto"), Ok(Command::Fill { .. })));
    }
}
