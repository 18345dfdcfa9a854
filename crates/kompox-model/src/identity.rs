//! The identity of an app and what is derived from it. Pure.

use crate::hash;
use crate::{AppName, ClusterName, ProviderName, WorkspaceName};
use std::fmt;

/// What an app is, whatever cluster holds it: names are unique per workspace and provider, so that a disk can
/// follow the app to another cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct AppIdentity {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// The provider.
    pub provider: ProviderName,
    /// The app.
    pub app: AppName,
}

impl AppIdentity {
    /// Six digits for the workspace and provider.
    #[must_use]
    pub fn provider_hash(&self) -> String {
        hash::short(&[self.workspace.as_str(), self.provider.as_str()])
    }

    /// Six digits for workspace, provider and app.
    #[must_use]
    pub fn app_hash(&self) -> String {
        hash::short(&[self.workspace.as_str(), self.provider.as_str(), self.app.as_str()])
    }

    /// Six digits for workspace, provider and `cluster`.
    #[must_use]
    pub fn cluster_hash(&self, cluster: &ClusterName) -> String {
        hash::short(&[self.workspace.as_str(), self.provider.as_str(), cluster.as_str()])
    }

    /// The value of annotation and tag `kompox.dev/app`: `{workspace}/{cluster}/{app}` (STA-02, C-35).
    #[must_use]
    pub fn location(&self, cluster: &ClusterName) -> String {
        format!("{}/{}/{}", self.workspace, cluster, self.app)
    }
}

/// The full identity as `{workspace}/{provider}/{app}`, the value of annotation `kompox.dev/identity`.
impl fmt::Display for AppIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.workspace, self.provider, self.app)
    }
}

impl std::str::FromStr for AppIdentity {
    type Err = crate::NameError;

    /// Reads `{workspace}/{provider}/{app}`; missing parts are reported as empty names.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '/');
        let mut next = || parts.next().unwrap_or_default();
        Ok(Self { workspace: next().parse()?, provider: next().parse()?, app: next().parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_texts() {
        let identity: AppIdentity = "ops/aks1/my-app".parse().unwrap();
        let cluster = ClusterName::new("my-aks").unwrap();
        assert_eq!(identity.provider_hash(), "1nedct");
        assert_eq!(identity.cluster_hash(&cluster), "tw4oie");
        assert_eq!(identity.app_hash(), "65qkh4");
        assert_eq!(identity.location(&cluster), "ops/my-aks/my-app");
        assert_eq!(identity.to_string(), "ops/aks1/my-app");
    }

    #[test]
    fn broken_texts_are_refused() {
        for text in ["", "a", "a/b", "a/b/c/d", "a//c"] {
            assert!(text.parse::<AppIdentity>().is_err(), "{text}");
        }
    }
}
