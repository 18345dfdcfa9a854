//! Lists and watches by plain HTTP on a socket. Opens connections.
//!
//! Version 1.0 of the protocol: an answer is everything up to the end of the connection, a watch one line per event.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

/// After so long a watch ends by itself and everything is listed again.
const WATCH_SECONDS: u64 = 300;
/// Longer than any watch.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS + 30);

/// An API server behind a socket.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    socket: PathBuf,
}

impl Api {
    pub(crate) fn new(socket: &str) -> Self {
        Self { socket: PathBuf::from(socket) }
    }

    /// Every object, and the version to watch from.
    pub(crate) fn list(&self, path: &str) -> Result<(Vec<Value>, String)> {
        let mut body = String::new();
        self.get(path)?.read_to_string(&mut body)?;
        let mut list: Value = serde_json::from_str(&body)?;
        let version = list.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        let version =
            version.ok_or_else(|| Error::other(format!("{path}: a list without version")))?.to_owned();
        let items = match list["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        Ok((items, version))
    }

    /// Events from a version on, until the watch ends.
    pub(crate) fn watch(
        &self,
        path: &str,
        version: &str,
    ) -> Result<impl Iterator<Item = Result<Value>> + use<>> {
        let path = format!("{path}?watch=1&timeoutSeconds={WATCH_SECONDS}&resourceVersion={version}");
        let lines = self.get(&path)?.lines();
        Ok(lines.map(|line| Ok(serde_json::from_str(&line?)?)))
    }

    fn get(&self, path: &str) -> Result<BufReader<UnixStream>> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(SILENCE))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\n\r\n")?;
        let mut answer = BufReader::new(stream);
        let status = line(&mut answer)?;
        while !line(&mut answer)?.is_empty() {}
        if status.split(' ').nth(1) == Some("200") {
            return Ok(answer);
        }
        let mut body = String::new();
        answer.read_to_string(&mut body)?;
        Err(Error::other(format!("{path}: {status}: {}", body.trim())))
    }
}

/// One line of the head.
fn line(answer: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if answer.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
