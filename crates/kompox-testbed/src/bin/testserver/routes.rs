//! What each path answers. Reads and writes files below the data folder.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use crate::fetch;
use crate::options::Options;
use crate::request::Request;

/// The running server.
pub(crate) struct Server {
    /// What it was asked to do.
    pub(crate) options: Options,
    /// Since when.
    pub(crate) started: Instant,
}

/// An answer to be written.
pub(crate) struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    /// Text.
    pub(crate) fn text(status: u16, text: impl Into<String>) -> Self {
        Self { status, body: text.into().into_bytes() }
    }

    /// Writes it; the connection is closed after it.
    pub(crate) fn write(&self, mut stream: impl Write) -> std::io::Result<()> {
        write!(
            stream,
            "HTTP/1.1 {} {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.status,
            if self.status < 400 { "OK" } else { "Error" },
            self.body.len()
        )?;
        stream.write_all(&self.body)
    }
}

impl Server {
    /// The answer to a request.
    pub(crate) fn answer(&self, request: &Request) -> Answer {
        if self.started.elapsed() < self.options.start_delay {
            return Answer::text(503, "still starting\n");
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/") => Answer::text(200, format!("{}\n", self.options.name)),
            ("GET", "/env") => environment(request.value("name")),
            ("GET", "/fetch") => fetched(request.value("url").unwrap_or_default()),
            (method @ ("GET" | "PUT" | "DELETE"), "/file") => self.file(method, request),
            ("GET", "/stat") => self.on_path(request, |path| {
                let metadata = fs::symlink_metadata(path)?;
                let (mode, user, group) = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
                Ok(format!("{mode:04o} {user}:{group}\n").into_bytes())
            }),
            _ => Answer::text(404, "there are: /, /env, /fetch, /file, /stat\n"),
        }
    }

    fn file(&self, method: &str, request: &Request) -> Answer {
        self.on_path(request, |path| match method {
            "PUT" => {
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent)?;
                }
                fs::write(path, &request.body).map(|()| Vec::new())
            }
            "DELETE" => fs::remove_file(path).map(|()| Vec::new()),
            _ => fs::read(path),
        })
    }

    fn on_path(&self, request: &Request, run: impl FnOnce(&Path) -> std::io::Result<Vec<u8>>) -> Answer {
        let Some(path) = below(&self.options.data, request.value("path").unwrap_or_default()) else {
            return Answer::text(400, "path= has to stay below the data folder\n");
        };
        match run(&path) {
            Ok(body) => Answer { status: 200, body },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Answer::text(404, format!("{error}\n"))
            }
            Err(error) => Answer::text(500, format!("{error}\n")),
        }
    }
}

fn environment(name: Option<&str>) -> Answer {
    match name {
        Some(name) => match std::env::var(name) {
            Ok(value) => Answer::text(200, value),
            Err(_) => Answer::text(404, format!("{name} is not set\n")),
        },
        None => {
            let mut lines: Vec<String> =
                std::env::vars().map(|(name, value)| format!("{name}={value}\n")).collect();
            lines.sort();
            Answer::text(200, lines.concat())
        }
    }
}

fn fetched(url: &str) -> Answer {
    match fetch::get(url) {
        Ok(answer) => Answer::text(answer.status, answer.body),
        Err(message) => Answer::text(502, format!("{message}\n")),
    }
}

/// A path below a folder, or nothing if it would leave it. The folder itself is the empty path.
fn below(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let stays = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    stays.then(|| folder.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_data_folder() {
        let data = Path::new("/data");
        assert_eq!(below(data, "a/./b"), Some(PathBuf::from("/data/a/./b")));
        for path in ["../x", "a/../../x", "/etc/passwd"] {
            assert_eq!(below(data, path), None, "{path}");
        }
    }
}
