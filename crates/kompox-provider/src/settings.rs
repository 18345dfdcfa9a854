//! Typed reading of driver settings. Pure.
//!
//! Unknown keys are the loader's concern; here only the keys that a driver asks for are read.

use kompox_model::driver::is_secret;
use kompox_model::port::{ErrorKind, PortError};
use kompox_model::quantity::Bytes;
use kompox_model::{Cluster, Provider, Settings};
use secrecy::SecretString;

/// Reads the settings of one provider or cluster for one driver. Every error is Invalid and names the key; values of
/// secret keys are never part of it. A key without a value counts as not given.
#[derive(Clone)]
pub struct SettingsReader<'a> {
    adapter: &'static str,
    target: String,
    settings: &'a Settings,
}

impl<'a> SettingsReader<'a> {
    /// The settings of `provider`, read by the driver `adapter`.
    #[must_use]
    pub fn provider(adapter: &'static str, provider: &'a Provider) -> Self {
        Self { adapter, target: format!("provider {}", provider.name), settings: &provider.settings }
    }

    /// The settings of `cluster`, read by the driver `adapter`.
    #[must_use]
    pub fn cluster(adapter: &'static str, cluster: &'a Cluster) -> Self {
        Self { adapter, target: format!("cluster {}", cluster.name), settings: &cluster.settings }
    }

    fn invalid(&self, detail: String) -> PortError {
        PortError::new(ErrorKind::Invalid, self.adapter, "read settings of", self.target.clone())
            .detail(detail)
    }

    /// The error for a `value` of `key` that is not what is `wanted`.
    #[must_use]
    pub fn wrong(&self, key: &str, value: &str, wanted: &str) -> PortError {
        match is_secret(key) {
            true => self.invalid(format!("{key} is not {wanted}")),
            false => self.invalid(format!("{key} is `{value}`, which is not {wanted}")),
        }
    }

    /// The value of `key`.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.settings.get(key).filter(|value| !value.is_empty())
    }

    /// The value of `key`, not to be shown.
    #[must_use]
    pub fn secret(&self, key: &str) -> Option<SecretString> {
        self.text(key).map(SecretString::from)
    }

    /// The values of all `keys` (DRV-28, DRV-32).
    ///
    /// # Errors
    /// `missing: KEY1, KEY2` with every key that is not given, in the order of `keys`.
    pub fn required<const N: usize>(&self, keys: [&'static str; N]) -> Result<[&'a str; N], PortError> {
        let missing: Vec<_> = keys.into_iter().filter(|key| self.text(key).is_none()).collect();
        if !missing.is_empty() {
            return Err(self.invalid(format!("missing: {}", missing.join(", "))));
        }
        Ok(keys.map(|key| self.text(key).unwrap_or_default()))
    }

    /// The value of `key` as a switch: `true` or `false`.
    ///
    /// # Errors
    /// Any other value.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, PortError> {
        self.text(key)
            .map(|value| value.parse().map_err(|_| self.wrong(key, value, "true or false")))
            .transpose()
    }

    /// The value of `key` as an absolute path without `.`, `..`, doubled or final slashes; not the root.
    ///
    /// # Errors
    /// Any other value.
    pub fn path(&self, key: &str) -> Result<Option<&'a str>, PortError> {
        let wanted = "an absolute path without `.`, `..`, doubled or final slashes, such as /var/lib/data";
        self.text(key)
            .map(|value| is_clean_path(value).then_some(value).ok_or_else(|| self.wrong(key, value, wanted)))
            .transpose()
    }

    /// The value of `key` as an amount of bytes such as `10Gi`.
    ///
    /// # Errors
    /// Any other value.
    pub fn size(&self, key: &str) -> Result<Option<Bytes>, PortError> {
        self.text(key)
            .map(|value| {
                Bytes::parse(value).map_err(|_| self.wrong(key, value, "an amount such as 512Mi or 10Gi"))
            })
            .transpose()
    }

    /// One of `words`.
    ///
    /// # Errors
    /// Invalid, naming the key and the words.
    pub fn one_of(&self, key: &str, words: &[&str]) -> Result<Option<&'a str>, PortError> {
        match self.text(key) {
            Some(text) if !words.contains(&text) => {
                Err(self.wrong(key, text, &format!("one of {}", words.join(", "))))
            }
            other => Ok(other),
        }
    }
}

/// True for an absolute path that has one spelling only.
fn is_clean_path(path: &str) -> bool {
    let parts = path.strip_prefix('/').map(|rest| rest.split('/'));
    let clean = |part: &str| !matches!(part, "" | "." | "..") && !part.chars().any(char::is_control);
    parts.is_some_and(|mut parts| parts.all(clean))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn provider(pairs: &[(&str, &str)]) -> Provider {
        Provider {
            name: "prv".parse().unwrap(),
            driver: "aks".to_owned(),
            settings: pairs.iter().copied().collect(),
        }
    }

    #[test]
    fn every_missing_key_is_named_at_once() {
        let provider = provider(&[("B", "b"), ("EMPTY", "")]);
        let reader = SettingsReader::provider("aks", &provider);
        assert_eq!(reader.required(["B"]).unwrap(), ["b"]);
        let error = reader.required(["C", "B", "A", "EMPTY"]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert_eq!(error.detail.as_deref(), Some("missing: C, A, EMPTY"));
        assert_eq!(error.to_string(), "aks: read settings of provider prv: missing: C, A, EMPTY");
    }

    #[test]
    fn values_have_types() {
        let provider = provider(&[
            ("YES", "true"),
            ("NO", "false"),
            ("MAYBE", "yes"),
            ("SIZE", "10Gi"),
            ("BAD_SIZE", "10 GB"),
            ("PATH", "/var/lib/kompox/disks"),
        ]);
        let reader = SettingsReader::provider("aks", &provider);
        assert_eq!(reader.flag("YES").unwrap(), Some(true));
        assert_eq!(reader.flag("NO").unwrap(), Some(false));
        assert_eq!(reader.flag("NONE").unwrap(), None);
        assert_eq!(
            reader.flag("MAYBE").unwrap_err().detail.unwrap(),
            "MAYBE is `yes`, which is not true or false"
        );
        assert_eq!(reader.size("SIZE").unwrap(), Some(Bytes(10 << 30)));
        assert_eq!(reader.size("NONE").unwrap(), None);
        assert!(reader.size("BAD_SIZE").unwrap_err().detail.unwrap().contains("BAD_SIZE is `10 GB`"));
        assert_eq!(reader.one_of("NO", &["true", "false"]).unwrap(), Some("false"));
        assert_eq!(reader.one_of("NONE", &["true"]).unwrap(), None);
        assert_eq!(
            reader.one_of("MAYBE", &["auto", "btrfs"]).unwrap_err().detail.unwrap(),
            "MAYBE is `yes`, which is not one of auto, btrfs"
        );
        assert_eq!(reader.path("PATH").unwrap(), Some("/var/lib/kompox/disks"));
    }

    #[test]
    fn paths_are_absolute_and_clean() {
        for good in ["/a", "/a/b.c", "/..a/b", "/a b"] {
            assert!(is_clean_path(good), "{good}");
        }
        for bad in ["", "/", "a", "./a", "/a/", "//a", "/a//b", "/a/.", "/a/../b", "/..", "/a\nb", "/a\0"] {
            assert!(!is_clean_path(bad), "{bad:?}");
        }
    }

    #[test]
    fn secret_values_are_not_repeated() {
        let provider = provider(&[("AZURE_CLIENT_SECRET", "canary")]);
        let reader = SettingsReader::provider("aks", &provider);
        let shown = format!("{:?}", reader.flag("AZURE_CLIENT_SECRET").unwrap_err());
        assert!(shown.contains("AZURE_CLIENT_SECRET") && !shown.contains("canary"), "{shown}");
        let secret = reader.secret("AZURE_CLIENT_SECRET").unwrap();
        assert!(!format!("{secret:?}").contains("canary"));
        assert_eq!(secret.expose_secret(), "canary");
        assert!(reader.secret("NONE").is_none());
    }
}
