//! A browser without a screen: forms, cookies and API calls against an app's public host. Sends requests.

use kompox_testbed::https::{self, Answer, Request};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a new route and a server behind it may take; a database that nobody waits for makes its files meanwhile.
const PATIENCE: Duration = Duration::from_mins(3);

/// One visitor of one host.
pub(crate) struct Browser {
    address: IpAddr,
    authority: PathBuf,
    host: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// A visitor of a host behind the ingress controller at `address`.
    pub(crate) fn new(address: IpAddr, authority: PathBuf, host: &str) -> Self {
        Self { address, authority, host: host.to_owned(), cookies: BTreeMap::new() }
    }

    /// Fetches a page until the answer is 200 and contains the text.
    pub(crate) fn sees(&mut self, path: &str, text: &str) -> String {
        let started = Instant::now();
        loop {
            let answer = self.send("GET", path, &[], "");
            match answer {
                Ok(answer) if answer.status == 200 && answer.body.contains(text) => return answer.body,
                _ if started.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(250)),
                other => panic!("https://{}{path} does not show {text:?}: {other:?}", self.host),
            }
        }
    }

    /// Sends a form; the answer has to be a page or a redirect.
    pub(crate) fn submits(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<_> =
            fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        self.posts(path, &["Content-Type: application/x-www-form-urlencoded"], &body.join("&"))
    }

    /// Sends anything else; the answer has to be a success.
    pub(crate) fn posts(&mut self, path: &str, headers: &[&str], body: &str) -> Answer {
        let answer = self.send("POST", path, headers, body).expect("an answer");
        assert!(answer.status < 400, "POST {path}: {} {}", answer.head, answer.body);
        answer
    }

    /// Fetches with headers; the answer has to be 200.
    pub(crate) fn gets(&mut self, path: &str, headers: &[&str]) -> String {
        let answer = self.send("GET", path, headers, "").expect("an answer");
        assert_eq!(answer.status, 200, "GET {path}: {} {}", answer.head, answer.body);
        answer.body
    }

    fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: &str,
    ) -> kompox_testbed::Result<Answer> {
        let mut headers: Vec<String> = headers.iter().map(|&header| header.to_owned()).collect();
        if !self.cookies.is_empty() {
            let cookies: Vec<_> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.push(format!("Cookie: {}", cookies.join("; ")));
        }
        let request = Request { method, path, headers: &headers, body };
        let answer = https::send(self.address, &self.host, &request, &self.authority)?;
        for line in answer.head.lines() {
            let cookie = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
            if let Some((name, value)) =
                cookie.and_then(|(_, cookie)| cookie.trim().split(';').next()?.split_once('='))
            {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

/// The value of a hidden field of a page, which the form gives back.
pub(crate) fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).expect("the hidden field");
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => all.push(char::from(byte)),
            _ => all.push_str(&format!("%{byte:02X}")),
        }
        all
    })
}
