//! A small HTTPS client for tests and the demo: one request by host name to a given address, verified
//! against a given authority and nothing else. Runs openssl, which a cluster's keys need anyway; a
//! TLS library would be most of what `cargo xtask` compiles.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::program::Program;

/// For one request; the first page of a large application may take a while.
const LIMIT: Duration = Duration::from_mins(1);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The lines before the body.
    pub head: String,
    /// The body, as far as it is text.
    pub body: String,
}

/// What is asked for, except by a plain GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// `GET`, `POST` and the like.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Header lines such as `Cookie: a=b`, without those for host and length.
    pub headers: &'a [String],
    /// What is sent.
    pub body: &'a str,
}

/// Fetches `https://{host}{path}` from `address`, port 443, trusting only the authority in the PEM
/// file `authority`.
///
/// # Errors
/// When the connection or the handshake fails, the certificate is not for `host` or not of that
/// authority, or the answer is no HTTP.
pub fn get(address: IpAddr, host: &str, path: &str, authority: &Path) -> Result<Answer> {
    get_within(address, host, path, authority, LIMIT)
}

/// Fetches with a limit of its own: what hangs for longer is no answer.
///
/// # Errors
/// As [`get`], and when the limit has passed.
pub fn get_within(
    address: IpAddr,
    host: &str,
    path: &str,
    authority: &Path,
    limit: Duration,
) -> Result<Answer> {
    exchange(address, host, &Request { method: "GET", path, headers: &[], body: "" }, authority, limit)
}

/// Sends any request in the same way.
///
/// # Errors
/// As [`get`].
pub fn send(address: IpAddr, host: &str, request: &Request<'_>, authority: &Path) -> Result<Answer> {
    exchange(address, host, request, authority, LIMIT)
}

fn exchange(
    address: IpAddr,
    host: &str,
    request: &Request<'_>,
    authority: &Path,
    limit: Duration,
) -> Result<Answer> {
    let Request { method, path, headers, body } = request;
    // Version 1.0 keeps the answer in one piece that ends with the connection.
    let mut text = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nAccept: */*\r\n");
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    headers.iter().for_each(|header| text.extend([header, "\r\n"]));
    text.extend(["\r\n", body]);
    let output = Program::new("timeout")
        .args([&limit.as_secs_f64().to_string(), "openssl", "s_client", "-quiet", "-verify_quiet"])
        .args(["-connect", &std::net::SocketAddr::new(address, 443).to_string()])
        .args(["-servername", host, "-verify_hostname", host, "-verify_return_error"])
        .args(["-no-CApath", "-no-CAstore", "-CAfile"])
        .arg(authority)
        .input(text)
        .run()?;
    parse(&output)
        .map_err(|detail| Error::Form { what: format!("the answer of https://{host}{path}"), detail })
}

/// Fetches until the answer has the wanted status, for at most `patience`: an ingress controller
/// takes new routes over after a moment.
///
/// # Errors
/// Those of the last attempt, or the last other status.
pub fn get_until(
    address: IpAddr,
    host: &str,
    path: &str,
    authority: &Path,
    wanted: u16,
    patience: Duration,
) -> Result<Answer> {
    let started = Instant::now();
    loop {
        let last = get(address, host, path, authority);
        match &last {
            Ok(answer) if answer.status == wanted => return last,
            _ if started.elapsed() < patience => std::thread::sleep(Duration::from_millis(250)),
            Ok(answer) => {
                let detail = format!("status {} instead of {wanted}", answer.status);
                return Err(Error::Form { what: format!("the answer of https://{host}{path}"), detail });
            }
            Err(_) => return last,
        }
    }
}

fn parse(text: &str) -> std::result::Result<Answer, String> {
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no end of the head")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| format!("no status in {head:?}"))?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_body_come_apart() {
        let answer = parse("HTTP/1.0 404 Not Found\r\nA: b\r\n\r\nnothing\r\n\r\nhere").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (404, "nothing\r\n\r\nhere"));
        assert!(parse("hello").is_err());
    }
}
