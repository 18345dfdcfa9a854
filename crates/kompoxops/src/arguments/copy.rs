//! `app cp`.

use clap::Args;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Arguments of `app cp`.
#[derive(Debug, Args)]
pub(crate) struct CopyArguments {
    /// What to copy: SERVICE:PATH, a path of this machine, or - for a tar archive on standard input
    #[arg(value_name = "SRC", value_parser = clap::value_parser!(CopyEnd))]
    pub(crate) source: CopyEnd,

    /// Where to: a path of this machine, SERVICE:PATH, or - for a tar archive on standard output
    #[arg(value_name = "DEST", value_parser = clap::value_parser!(CopyEnd))]
    pub(crate) destination: CopyEnd,

    /// Keep owners and the set-id and sticky bits; needs root where the copy goes
    #[arg(long)]
    pub(crate) archive: bool,

    /// If SRC is a link, copy what it points to
    #[arg(short = 'L', long)]
    pub(crate) follow_link: bool,
}

/// One end of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CopyEnd {
    /// In a container.
    Container {
        /// The compose service.
        service: String,
        /// The absolute path.
        path: String,
    },
    /// On this machine.
    Here(PathBuf),
    /// A tar archive on standard input or output.
    Stream,
}

impl From<OsString> for CopyEnd {
    fn from(text: OsString) -> Self {
        if text == OsStr::new("-") {
            return Self::Stream;
        }
        let place = text.to_str().and_then(|text| text.split_once(':'));
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match place {
            // `./a:b` and `/a:b` are paths of this machine.
            Some((service, path))
                if service.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
                    && service.chars().all(sound) =>
            {
                let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
                Self::Container { service: service.to_owned(), path }
            }
            _ => Self::Here(text.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_in_a_container_or_here() {
        let container =
            |service: &str, path: &str| CopyEnd::Container { service: service.into(), path: path.into() };
        for (text, expected) in [
            ("-", CopyEnd::Stream),
            ("web:/a", container("web", "/a")),
            ("web-1:a/b", container("web-1", "/a/b")),
            ("web:", container("web", "/")),
            ("web:/a:b", container("web", "/a:b")),
            ("./web:a", CopyEnd::Here("./web:a".into())),
            ("/web:a", CopyEnd::Here("/web:a".into())),
            ("a b:c", CopyEnd::Here("a b:c".into())),
            (":a", CopyEnd::Here(":a".into())),
            ("-x:a", CopyEnd::Here("-x:a".into())),
            ("a", CopyEnd::Here("a".into())),
        ] {
            assert_eq!(CopyEnd::from(OsString::from(text)), expected, "{text}");
        }
    }
}
