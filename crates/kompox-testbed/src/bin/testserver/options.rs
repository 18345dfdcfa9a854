//! What the server is asked to do. Pure.

use std::path::PathBuf;
use std::time::Duration;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
testserver [OPTION VALUE]…; each option is also a variable, TESTSERVER_PORT and so on
  --port N           listen there (8080)
  --name TEXT        what / answers (testserver)
  --data DIR         where /file reads and writes (/data)
  --journal FILE     append a line when starting and when asked to stop
  --need URL         fetch this first; end with 2 unless it answers below 400
  --start-delay S    answer 503 for so many seconds
  --listen-late S    open the port only after so many seconds
  --exit-code N      end with this code, at once unless --exit-after
  --exit-after S     end after so many seconds (code 0 unless --exit-code)
  --fill-memory MIB  take so much memory
  --stop-delay S     take so many seconds to stop after SIGTERM
  --ignore-term yes  do not stop on SIGTERM
testserver get URL   fetch once
testserver reach tcp://HOST:PORT | dns://HOST:PORT/NAME | dns+tcp://HOST:PORT/NAME …
                     say which places can be reached
";

/// All switches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// Listening port.
    pub(crate) port: u16,
    /// Answer of `/`.
    pub(crate) name: String,
    /// Root of `/file`.
    pub(crate) data: PathBuf,
    /// File that gets a line per start and stop.
    pub(crate) journal: Option<PathBuf>,
    /// What has to answer before this starts.
    pub(crate) need: Option<String>,
    /// How long to answer 503.
    pub(crate) start_delay: Duration,
    /// How long not to listen.
    pub(crate) listen_late: Duration,
    /// Code to end with.
    pub(crate) exit_code: Option<u8>,
    /// When to end.
    pub(crate) exit_after: Option<Duration>,
    /// Mebibytes to take.
    pub(crate) fill_memory: usize,
    /// How long stopping takes.
    pub(crate) stop_delay: Duration,
    /// Whether SIGTERM is ignored.
    pub(crate) ignore_term: bool,
}

impl Options {
    /// Reads arguments, and variables for those not given.
    pub(crate) fn parse(
        arguments: &[String],
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let mut given = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let known = argument.strip_prefix("--").filter(|name| NAMES.contains(name));
            let name = known.ok_or_else(|| format!("unknown argument {argument}; try --help"))?;
            let value = rest.next().ok_or_else(|| format!("{argument} needs a value"))?;
            given.push((name, value.clone()));
        }
        let value = |name: &str| {
            let of_argument = given.iter().rev().find(|(given, _)| *given == name);
            let upper = format!("TESTSERVER_{}", name.replace('-', "_").to_uppercase());
            of_argument.map(|(_, value)| value.clone()).or_else(|| variable(&upper))
        };
        Ok(Self {
            port: number("port", value("port"))?.unwrap_or(8080),
            name: value("name").unwrap_or_else(|| "testserver".to_owned()),
            data: value("data").map_or_else(|| PathBuf::from("/data"), PathBuf::from),
            journal: value("journal").map(PathBuf::from),
            need: value("need"),
            start_delay: seconds("start-delay", value("start-delay"))?.unwrap_or_default(),
            listen_late: seconds("listen-late", value("listen-late"))?.unwrap_or_default(),
            exit_code: number("exit-code", value("exit-code"))?,
            exit_after: seconds("exit-after", value("exit-after"))?,
            fill_memory: number("fill-memory", value("fill-memory"))?.unwrap_or_default(),
            stop_delay: seconds("stop-delay", value("stop-delay"))?.unwrap_or_default(),
            ignore_term: match value("ignore-term").as_deref() {
                None | Some("no" | "") => false,
                Some("yes") => true,
                Some(other) => return Err(format!("--ignore-term: yes or no, not {other}")),
            },
        })
    }
}

const NAMES: &[&str] = &[
    "port",
    "name",
    "data",
    "journal",
    "need",
    "start-delay",
    "listen-late",
    "exit-code",
    "exit-after",
    "fill-memory",
    "stop-delay",
    "ignore-term",
];

fn number<T: std::str::FromStr>(name: &str, value: Option<String>) -> Result<Option<T>, String> {
    value.map(|text| text.parse().map_err(|_| format!("--{name}: {text} is no number here"))).transpose()
}

fn seconds(name: &str, value: Option<String>) -> Result<Option<Duration>, String> {
    let seconds: Option<f64> = number(name, value)?;
    seconds
        .map(|seconds| {
            Duration::try_from_secs_f64(seconds).map_err(|_| format!("--{name}: not a span of time"))
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Options, String> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Options::parse(&arguments, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn arguments_win_over_variables() {
        let variables = [("TESTSERVER_PORT", "1"), ("TESTSERVER_EXIT_CODE", "7")];
        let options = parse(&["--port", "80", "--start-delay", "0.5"], &variables).unwrap();
        assert_eq!((options.port, options.exit_code), (80, Some(7)));
        assert_eq!(options.start_delay, Duration::from_millis(500));
        assert_eq!(options.data, PathBuf::from("/data"));
    }

    #[test]
    fn nonsense_is_refused() {
        for arguments in [&["--prot", "1"][..], &["--port"], &["--port", "x"], &["--listen-late", "-1"]] {
            assert!(parse(arguments, &[]).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn every_option_is_in_the_help() {
        assert!(NAMES.iter().all(|name| HELP.contains(&format!("  --{name} "))));
    }
}
