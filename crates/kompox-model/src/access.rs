//! Who else may look into an app. Pure.

use std::collections::BTreeSet;

/// `app.access`: who may see the app's Pods, events and logs and run commands in its containers, but change no object.
/// Names as the API server of the cluster knows them.
///
/// A command can read everything that a container can: the app's data, environment and secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppAccess {
    /// User names.
    pub users: BTreeSet<String>,
    /// Groups of users.
    pub groups: BTreeSet<String>,
}

impl AppAccess {
    /// Whether nobody is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }
}
