//! Host and domain names. Pure.

use crate::name::check_label;

/// The longest host name, in bytes (RFC 1123 with RFC 1035).
pub const LIMIT: usize = 253;

/// Why a text is no host name; each variant names the broken rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The text is empty.
    #[error("the host name is empty")]
    Empty,
    /// The text is longer than [`LIMIT`].
    #[error("host name `{text}` has {} characters, at most {LIMIT} are allowed", text.len())]
    TooLong {
        /// The refused text.
        text: String,
    },
    /// A `*` anywhere.
    #[error("host name `{text}` is a wildcard; each host must be written out")]
    Wildcard {
        /// The refused text.
        text: String,
    },
    /// Only one label.
    #[error("host name `{text}` has no dot; a full name such as `www.example.com` is needed")]
    OneLabel {
        /// The refused text.
        text: String,
    },
    /// A last label of digits only, as in an IPv4 address.
    #[error("`{text}` is an address, not a host name")]
    Address {
        /// The refused text.
        text: String,
    },
    /// A label that is empty, too long, has an illegal character or a hyphen at its edge.
    #[error("host name `{text}` is not legal: {reason}")]
    Label {
        /// The refused text.
        text: String,
        /// The broken rule.
        reason: String,
    },
}

/// Reads a fully qualified host or domain name (RFC 1123) and returns it in lower case.
///
/// # Errors
/// The first rule that `text` breaks.
pub fn parse(text: &str) -> Result<String, HostError> {
    let host = text.to_ascii_lowercase();
    let text = || text.to_owned();
    if host.is_empty() {
        return Err(HostError::Empty);
    }
    if host.len() > LIMIT {
        return Err(HostError::TooLong { text: text() });
    }
    if host.contains('*') {
        return Err(HostError::Wildcard { text: text() });
    }
    for label in host.split('.') {
        label_rule(label).map_err(|reason| HostError::Label { text: text(), reason })?;
    }
    match host.rsplit_once('.') {
        None => Err(HostError::OneLabel { text: text() }),
        Some((_, last)) if last.bytes().all(|b| b.is_ascii_digit()) => {
            Err(HostError::Address { text: text() })
        }
        Some(_) => Ok(host),
    }
}

/// The rule that `label` breaks, in the words of host names.
fn label_rule(label: &str) -> Result<(), String> {
    use crate::NameError;
    check_label("label", label, 63).map_err(|error| match error {
        NameError::Empty { .. } => "a label between the dots is empty".to_owned(),
        NameError::Character { found, .. } => {
            format!("it contains `{found}`; only letters, digits, hyphens and dots are allowed")
        }
        NameError::Edge { text, .. } => format!("label `{text}` must start and end with a letter or digit"),
        NameError::TooLong { text, length, limit, .. } => {
            format!("label `{text}` has {length} characters, at most {limit} are allowed")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn legal_names_are_lowered() {
        for (text, host) in [
            ("www.example.com", "www.example.com"),
            ("WWW.Example.COM", "www.example.com"),
            ("1a.example.x2", "1a.example.x2"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(parse(text).unwrap(), host);
        }
    }

    #[test]
    fn every_broken_rule_is_named() {
        let long = "a.".repeat(126) + "ab";
        for (text, reason) in [
            ("", "the host name is empty"),
            ("localhost", "has no dot"),
            ("*.example.com", "is a wildcard"),
            ("10.0.0.1", "is an address"),
            ("a..b", "a label between the dots is empty"),
            ("example.com.", "a label between the dots is empty"),
            ("a_b.example.com", "it contains `_`"),
            ("https://a.example.com", "it contains `:`"),
            ("-a.example.com", "must start and end with a letter or digit"),
            (long.as_str(), "has 254 characters"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(parse(&format!("{}.example.com", "a".repeat(64))).is_err());
    }

    proptest! {
        #[test]
        fn accepted_hosts_are_stable(text in "[a-zA-Z0-9.*_-]{0,80}") {
            if let Ok(host) = parse(&text) {
                prop_assert_eq!(parse(&host), Ok(host.clone()));
                prop_assert!(host.split('.').count() > 1 && host.split('.').all(|l| check_label("l", l, 63).is_ok()));
            }
        }
    }
}
