//! `app tunnel`.

use clap::Args;
use kompox_engine::app::WantedPort;
use std::net::IpAddr;
use std::str::FromStr;

/// Arguments of `app tunnel`.
#[derive(Debug, Args)]
pub(crate) struct TunnelArguments {
    /// What leads where: PORT, LOCAL:PORT, SERVICE, SERVICE:PORT or LOCAL:SERVICE:PORT; LOCAL 0 takes a free port
    #[arg(value_name = "[LOCAL:]PORT", required = true)]
    pub(crate) ports: Vec<TunnelPort>,

    /// Address of this machine to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) address: IpAddr,
}

/// A port on this machine and one of the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TunnelPort {
    /// The port on this machine; none means the same number.
    pub(crate) local: Option<u16>,
    /// The compose service.
    pub(crate) service: Option<String>,
    /// The port in the app; none means the service's only one.
    pub(crate) port: Option<u16>,
}

impl TunnelPort {
    /// The app's side of it.
    pub(crate) fn wanted(&self) -> WantedPort {
        WantedPort { service: self.service.clone(), port: self.port }
    }
}

/// Why a text is no pair of ports.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a port such as 80, 8080:80, web, web:80 or 8080:web:80")]
pub(crate) struct TunnelPortError;

impl FromStr for TunnelPort {
    type Err = TunnelPortError;

    fn from_str(text: &str) -> Result<Self, TunnelPortError> {
        let number = |text: &str| text.parse::<u16>().map_err(|_| TunnelPortError);
        let port =
            |text: &str| number(text).and_then(|port| (port > 0).then_some(port).ok_or(TunnelPortError));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let service = |text: &str| {
            let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            // What begins with a dash is an option that went astray.
            let named = !text.is_empty() && !text.starts_with('-');
            let named = named && !is_number(text) && text.chars().all(sound);
            named.then(|| Some(text.to_owned())).ok_or(TunnelPortError)
        };
        let parts: Vec<&str> = text.split(':').collect();
        Ok(match parts.as_slice() {
            [only] if is_number(only) => Self { local: None, service: None, port: Some(port(only)?) },
            [name] => Self { local: None, service: service(name)?, port: None },
            [local, last] if is_number(local) && is_number(last) => {
                Self { local: Some(number(local)?), service: None, port: Some(port(last)?) }
            }
            [local, name] if is_number(local) => {
                Self { local: Some(number(local)?), service: service(name)?, port: None }
            }
            [name, last] => Self { local: None, service: service(name)?, port: Some(port(last)?) },
            [local, name, last] => {
                Self { local: Some(number(local)?), service: service(name)?, port: Some(port(last)?) }
            }
            _ => return Err(TunnelPortError),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let form = |local, service: Option<&str>, port| {
            Ok(TunnelPort { local, service: service.map(ToOwned::to_owned), port })
        };
        for (text, expected) in [
            ("80", form(None, None, Some(80))),
            ("8080:80", form(Some(8080), None, Some(80))),
            ("0:80", form(Some(0), None, Some(80))),
            ("web", form(None, Some("web"), None)),
            ("web:80", form(None, Some("web"), Some(80))),
            ("8080:web", form(Some(8080), Some("web"), None)),
            ("8080:web-1:80", form(Some(8080), Some("web-1"), Some(80))),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        for text in
            ["", ":", "0", "80:0", "web:", ":80", "65536", "80:web:x", "1:2:3:4", "a b", "web:http", "-1"]
        {
            assert_eq!(text.parse::<TunnelPort>(), Err(TunnelPortError), "{text}");
        }
    }
}
