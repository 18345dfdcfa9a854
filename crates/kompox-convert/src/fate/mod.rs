//! The fate of every compose key: one table that the converter obeys and the documentation is printed from. Pure.

mod apply;
mod explain;
mod markdown;
mod table;

pub(crate) use apply::apply;
pub use explain::{Explained, explain};
pub use markdown::compose_support;
pub use table::TABLE;

/// What becomes of a key. There is no fifth fate: a key without a row is refused as unknown to this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The same behaviour.
    Map,
    /// Close to it; a note says what differs.
    Adapt,
    /// An error with its position and the way out.
    Refuse,
    /// Meaningless on a cluster; a note, once per key.
    Ignore,
}

impl Fate {
    /// The word the documentation shows.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Adapt => "adapt",
            Self::Refuse => "refuse",
            Self::Ignore => "ignore",
        }
    }
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// At the top of the file.
    Top,
    /// In a service.
    Service,
    /// In `deploy` of a service.
    Deploy,
    /// In `healthcheck` of a service.
    Healthcheck,
    /// In an entry of `depends_on`.
    DependsOn,
    /// In an entry of `ports`.
    Port,
    /// In an entry of `volumes` of a service.
    Mount,
    /// In an entry of `networks` of a service.
    Attachment,
    /// In an entry of `secrets` or `configs` of a service.
    FileMount,
    /// In an entry of the top-level `volumes`.
    Volume,
    /// In an entry of the top-level `networks`.
    Network,
    /// In an entry of the top-level `secrets` or `configs`.
    FileSource,
    /// In `x-kompox` of a service.
    ServiceExtension,
    /// In `x-kompox` at the top of the file.
    TopExtension,
}

impl Section {
    /// The heading in the documentation.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Top => "Top level",
            Self::Service => "Services",
            Self::Deploy => "`deploy`",
            Self::Healthcheck => "`healthcheck`",
            Self::DependsOn => "`depends_on`",
            Self::Port => "`ports`",
            Self::Mount => "`volumes` of a service",
            Self::Attachment => "`networks` of a service",
            Self::FileMount => "`secrets` and `configs` of a service",
            Self::Volume => "Top-level `volumes`",
            Self::Network => "Top-level `networks`",
            Self::FileSource => "Top-level `secrets` and `configs`",
            Self::ServiceExtension => "`x-kompox` of a service",
            Self::TopExtension => "Top-level `x-kompox`",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Where the key stands.
    pub section: Section,
    /// The key.
    pub key: &'static str,
    /// What becomes of it.
    pub fate: Fate,
    /// How, or why not, and what to write instead.
    pub text: &'static str,
}

/// The row of a key, if this version knows it.
#[must_use]
pub fn find(section: Section, key: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.section == section && row.key == key)
}
