//! Vectors of port mappings.

use proptest::prelude::*;

use super::{Short, short};

fn shown(text: &str) -> String {
    let Short { host_ip, published, target, protocol } = match short(text) {
        Ok(short) => short,
        Err(wrong) => return format!("! {wrong}"),
    };
    let ip = host_ip.map(|ip| format!("{ip} ")).unwrap_or_default();
    let host = published.map(|range| format!("{}-{} > ", range.first, range.last)).unwrap_or_default();
    format!("{ip}{host}{}-{}/{}", target.start(), target.end(), protocol.as_str())
}

#[test]
fn vectors() {
    for (text, expected) in [
        ("80", "80-80/tcp"),
        ("80/", "80-80/tcp"),
        ("80/UDP", "80-80/udp"),
        ("8080:80", "8080-8080 > 80-80/tcp"),
        ("3000-3005", "3000-3005/tcp"),
        ("1-3:4-6/sctp", "1-3 > 4-6/sctp"),
        ("80-90:8080", "80-90 > 8080-8080/tcp"),
        ("127.0.0.1:81:80", "127.0.0.1 81-81 > 80-80/tcp"),
        ("[::1]:82:80", "::1 82-82 > 80-80/tcp"),
        ("127.0.0.1::83", "127.0.0.1 83-83/tcp"),
        (":84", "84-84/tcp"),
        ("0:80", "0-0 > 80-80/tcp"),
        ("", "! the port in the container is missing"),
        ("80:", "! the port in the container is missing"),
        ("99999", "! port 99999 is greater than 65535"),
        ("80/xyz", "! `xyz` is no protocol: write tcp, udp or sctp"),
        ("tcp", "! `tcp` is no port number"),
        ("1-2:3-5", "! 2 host ports for 3 container ports"),
        ("80:1-5", "! 1 host ports for 5 container ports"),
        ("5-1", "! `5-1` ends before it starts"),
        ("a:80", "! `a` is no port number"),
        ("300.1.1.1:80:80", "! `300.1.1.1` is no IP address"),
        ("0", "! a port in the container is 1 to 65535"),
        ("-1", "! `` is no port number"),
        ("+80", "! `+80` is no port number"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "([0-9]{1,6}|[-:/.\\[\\]]|tcp|\\PC){0,12}") {
        let _ = short(&text);
    }

    #[test]
    fn any_pair_of_ports(host in 1u16.., container in 1u16..) {
        prop_assert_eq!(shown(&format!("{host}:{container}")), format!("{host}-{host} > {container}-{container}/tcp"));
    }
}
