//! Which places can be reached from here, for tests of network policies. Opens connections, all at once.
//!
//! A place is `tcp://HOST:PORT`, which is reached by a connection, or `dns://HOST:PORT/NAME` and
//! `dns+tcp://HOST:PORT/NAME`, which are reached by an answer to a question for that name's address.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

/// A silent place is taken for closed after so long.
const LIMIT: Duration = Duration::from_secs(3);
/// Marks our question; there is only one on a connection.
const QUESTION: u16 = 0x4b50;

/// One line per place, in order: the place, then `open` or `closed:` with the reason.
pub(crate) fn reach(places: &[String]) -> std::result::Result<String, String> {
    let tries: Vec<_> = places
        .iter()
        .map(|place| parse(place).map(|attempt| std::thread::spawn(move || attempt.run())))
        .collect::<std::result::Result<_, _>>()?;
    let mut text = String::new();
    for (place, attempt) in places.iter().zip(tries) {
        let outcome = attempt.join().map_err(|_| format!("the attempt at {place} panicked"))?;
        match outcome {
            Ok(()) => text.push_str(&format!("{place} open\n")),
            Err(error) => text.push_str(&format!("{place} closed: {error}\n")),
        }
    }
    Ok(text)
}

enum Attempt {
    Tcp(String),
    Dns { server: String, name: String, tcp: bool },
}

fn parse(place: &str) -> std::result::Result<Attempt, String> {
    let unknown =
        || format!("{place} is no place: tcp://HOST:PORT, dns://HOST:PORT/NAME, dns+tcp://HOST:PORT/NAME");
    let (scheme, rest) = place.split_once("://").ok_or_else(unknown)?;
    let dns = |tcp| {
        let (server, name) = rest.split_once('/').ok_or_else(unknown)?;
        Ok(Attempt::Dns { server: server.to_owned(), name: name.to_owned(), tcp })
    };
    match scheme {
        "tcp" => Ok(Attempt::Tcp(rest.to_owned())),
        "dns" => dns(false),
        "dns+tcp" => dns(true),
        _ => Err(unknown()),
    }
}

impl Attempt {
    fn run(&self) -> Result<()> {
        match self {
            Self::Tcp(address) => connect(address).map(drop),
            Self::Dns { server, name, tcp: false } => {
                let socket = UdpSocket::bind("0.0.0.0:0")?;
                socket.connect(resolve(server)?)?;
                socket.set_read_timeout(Some(LIMIT))?;
                socket.send(&question(name))?;
                let mut answer = [0; 512];
                let length = socket.recv(&mut answer)?;
                is_answer(&answer[..length])
            }
            Self::Dns { server, name, tcp: true } => {
                let mut stream = connect(server)?;
                stream.set_read_timeout(Some(LIMIT))?;
                let question = question(name);
                let length = u16::try_from(question.len()).map_err(Error::other)?;
                stream.write_all(&[&length.to_be_bytes()[..], &question].concat())?;
                let mut answer = [0; 2 + 4];
                stream.read_exact(&mut answer)?;
                is_answer(&answer[2..])
            }
        }
    }
}

fn resolve(address: &str) -> Result<SocketAddr> {
    address.to_socket_addrs()?.next().ok_or_else(|| Error::other("the name has no address"))
}

fn connect(address: &str) -> Result<TcpStream> {
    TcpStream::connect_timeout(&resolve(address)?, LIMIT)
}

/// For the IPv4 addresses of a name.
fn question(name: &str) -> Vec<u8> {
    let mut bytes = QUESTION.to_be_bytes().to_vec();
    // Recursion wanted; one question, nothing else.
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        // A label of a legal name has at most 63 bytes.
        bytes.push(u8::try_from(label.len()).unwrap_or(63));
        bytes.extend(label.bytes().take(63));
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// Ours, and an answer; what it says does not matter.
fn is_answer(bytes: &[u8]) -> Result<()> {
    let ours =
        bytes.starts_with(&QUESTION.to_be_bytes()) && bytes.get(2).is_some_and(|flags| flags & 0x80 != 0);
    if ours { Ok(()) } else { Err(ErrorKind::InvalidData.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_and_closed_places_are_told_apart() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = format!("tcp://{}", listener.local_addr().unwrap());
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let dns = format!("dns://{}/a.test", server.local_addr().unwrap());
        let echo = std::thread::spawn(move || {
            let mut bytes = [0; 512];
            let (length, from) = server.recv_from(&mut bytes).unwrap();
            bytes[2] |= 0x80;
            server.send_to(&bytes[..length], from).unwrap();
        });
        let places = [open.clone(), format!("tcp://{closed}"), dns.clone()];
        let text = reach(&places).unwrap();
        echo.join().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines[2]), (&*format!("{open} open"), &*format!("{dns} open")));
        assert!(lines[1].starts_with(&format!("tcp://{closed} closed: ")), "{text}");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for place in ["", "127.0.0.1:80", "http://a:80", "dns://a:53"] {
            assert!(reach(&[place.to_owned()]).is_err(), "{place}");
        }
    }

    #[test]
    fn a_question_is_well_formed() {
        let text = question("ab.c.");
        assert_eq!(text[..12], [0x4b, 0x50, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(text[12..], *b"\x02ab\x01c\0\0\x01\0\x01");
        assert!(is_answer(&text).is_err(), "a question is no answer");
    }
}
