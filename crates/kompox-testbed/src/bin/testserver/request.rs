//! Reading one HTTP/1.1 request. Pure but for the stream it is given.

use std::io::{BufRead, Read};

/// The largest body taken.
const LIMIT: u64 = 64 * 1024 * 1024;

/// A request, as far as this server looks at it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// `GET`, `PUT`, …
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    /// Query values by name, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// What was sent along.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A query value.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a request; none if the client only opened a connection, as probes do.
pub(crate) fn read(stream: &mut impl BufRead) -> Result<Option<Request>, String> {
    let Some(first) = line(stream)? else { return Ok(None) };
    let mut words = first.split(' ');
    let (Some(method), Some(target), Some(_)) = (words.next(), words.next(), words.next()) else {
        return Err(format!("not a request line: {first}"));
    };
    let mut length = 0;
    while let Some(header) = line(stream)?.filter(|header| !header.is_empty()) {
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(|_| format!("not a length: {value}"))?;
        }
    }
    if length > LIMIT {
        return Err("the body is too large".to_owned());
    }
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body).map_err(|error| error.to_string())?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    });
    Ok(Some(Request { method: method.to_owned(), path: decode(path), query: query.collect(), body }))
}

fn line(stream: &mut impl BufRead) -> Result<Option<String>, String> {
    let mut line = String::new();
    match stream.read_line(&mut line) {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) => Err(error.to_string()),
    }
}

/// Percent-decoding; what is no valid escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_and_body() {
        let text = "PUT /file?path=a%2Fb.txt&x HTTP/1.1\r\nContent-Length: 3\r\nHost: h\r\n\r\nabcdef";
        let request = read(&mut text.as_bytes()).unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/file"));
        assert_eq!((request.value("path"), request.value("x")), (Some("a/b.txt"), Some("")));
        assert_eq!(request.body, b"abc");
    }

    #[test]
    fn silence_and_noise() {
        assert_eq!(read(&mut "".as_bytes()), Ok(None));
        assert!(read(&mut "hello\r\n\r\n".as_bytes()).is_err());
        assert_eq!(decode("100%&%zz%41"), "100%&%zzA");
    }
}
