//! Files of known hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): which keys a host may have. Pure.
//!
//! Certificate authorities are not read: the host of one counts as unknown. Lines that cannot be read vouch for nobody.

use aws_lc_rs::hmac;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, PublicKey};

/// What a file says of a host's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is one of the host's.
    Known,
    /// It says nothing of the host.
    Unknown,
    /// The host has other keys only.
    Other,
    /// Nobody may use it.
    Revoked,
}

/// Judges a key that the host of this name (`HOST`, or `[HOST]:PORT`) has shown.
pub(super) fn judge(file: &str, host: &str, key: &PublicKey) -> Verdict {
    let same = |entry: &Entry| entry.public_key().key_data() == key.key_data();
    if entries(file).any(|entry| entry.marker() == Some(&Marker::Revoked) && same(&entry)) {
        return Verdict::Revoked;
    }
    let mut known = keys_of(file, host).peekable();
    if known.peek().is_none() {
        return Verdict::Unknown;
    }
    match known.any(|entry| same(&entry)) {
        true => Verdict::Known,
        false => Verdict::Other,
    }
}

/// The algorithms of the keys that the host is known by: a server shows the key that its client prefers.
pub(super) fn algorithms(file: &str, host: &str) -> Vec<Algorithm> {
    keys_of(file, host).map(|entry| entry.public_key().algorithm()).collect()
}

fn entries(file: &str) -> impl Iterator<Item = Entry> {
    file.lines().map(str::trim).filter(|line| !line.starts_with('#')).filter_map(|line| line.parse().ok())
}

fn keys_of(file: &str, host: &str) -> impl Iterator<Item = Entry> {
    entries(file).filter(move |entry| entry.marker().is_none() && is_of(entry.host_patterns(), host))
}

fn is_of(patterns: &HostPatterns, host: &str) -> bool {
    // Names are hashed in lower case, too.
    let host = host.to_lowercase();
    match patterns {
        HostPatterns::HashedName { salt, hash } => {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&key, host.as_bytes(), hash).is_ok()
        }
        HostPatterns::Patterns(patterns) => {
            let matching = |pattern: &str| matches(pattern.to_lowercase().as_bytes(), host.as_bytes());
            let excluded = patterns.iter().filter_map(|pattern| pattern.strip_prefix('!')).any(matching);
            !excluded && patterns.iter().any(|pattern| matching(pattern))
        }
    }
}

/// `*` stands for any characters, `?` for one.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // Where to go on when a star has to take one more.
    let mut back = None;
    let (mut p, mut t) = (0, 0);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match back {
                Some((after, taken)) => {
                    back = Some((after, taken + 1));
                    (p, t) = (after, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";
    /// `example.com`, hashed by ssh-keygen -H.
    const HASHED: &str = "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak=";

    fn said(file: &str, host: &str) -> Verdict {
        judge(file, host, &ONE.parse().unwrap())
    }

    #[test]
    fn every_form_of_a_host_is_found() {
        for (hosts, host) in [
            ("node-1", "node-1"),
            ("node-1,10.0.0.5", "10.0.0.5"),
            ("Node-1", "node-1"),
            ("[127.0.0.1]:2222", "[127.0.0.1]:2222"),
            ("*.example.com", "a.example.com"),
            ("node-?", "node-1"),
            ("n*-*1", "node-x-1"),
            (HASHED, "example.com"),
            (HASHED, "Example.COM"),
        ] {
            assert_eq!(
                said(&format!("# a comment\n\n{hosts} {ONE} comment\n"), host),
                Verdict::Known,
                "{hosts}"
            );
            assert_eq!(said(&format!("{hosts} {TWO}\n"), host), Verdict::Other, "{hosts}");
        }
    }

    #[test]
    fn no_other_host_is() {
        for (hosts, host) in [
            ("node-1", "node-10"),
            ("node-1", "[node-1]:2222"),
            ("[node-1]:2222", "node-1"),
            ("*.example.com,!bad.example.com", "bad.example.com"),
            ("node-?", "node-"),
            ("*", ""),
            (HASHED, "example.org"),
        ] {
            let expected = if host.is_empty() { Verdict::Known } else { Verdict::Unknown };
            assert_eq!(said(&format!("{hosts} {ONE}\n"), host), expected, "{hosts}");
        }
    }

    #[test]
    fn one_of_several_keys_is_enough_and_a_revoked_one_never_is() {
        assert_eq!(said(&format!("a {TWO}\na {ONE}\n"), "a"), Verdict::Known);
        assert_eq!(said(&format!("a {ONE}\n@revoked * {ONE}\n"), "a"), Verdict::Revoked);
        assert_eq!(said(&format!("a {ONE}\n@revoked b {TWO}\n"), "a"), Verdict::Known);
        assert_eq!(said(&format!("@cert-authority a {ONE}\n"), "a"), Verdict::Unknown);
    }

    #[test]
    fn a_line_that_cannot_be_read_vouches_for_nobody_and_harms_no_other() {
        for line in ["a", "a ssh-ed25519", "a ssh-ed25519 AAAA", "a ssh-odd AAAAB3", "|1|x|y", "@odd a b c"] {
            assert_eq!(said(line, "a"), Verdict::Unknown, "{line}");
            assert_eq!(said(&format!("{line}\na {ONE}"), "a"), Verdict::Known, "{line}");
        }
    }

    #[test]
    fn the_algorithms_are_those_of_the_host() {
        assert_eq!(algorithms(&format!("a {ONE}\nb {TWO}\n"), "a"), [Algorithm::Ed25519]);
        assert!(algorithms(&format!("a {ONE}\n"), "c").is_empty());
    }
}
