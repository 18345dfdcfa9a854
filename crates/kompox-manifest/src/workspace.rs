//! The `workspace` section, also called `service` (C-02). Pure.

use crate::reader::{Field, Keys, NAME, Reader, Section};
use kompox_model::{Workspace, WorkspaceName, host};

/// The keys besides its name.
pub(crate) const KEYS: Keys = Keys { known: &["domain"], later: &[] };

/// Reads name and base domain of version 1.
pub(crate) fn read(reader: &mut Reader, field: &Field<'_>) -> Option<Workspace> {
    let section = reader.section_of(field, &[&NAME, &KEYS])?;
    let name = reader.required(&section, "name");
    let name = reader.parsed(name, "manifest.name", str::parse::<WorkspaceName>);
    let domain = read_domain(reader, &section);
    Some(Workspace { name: name?.value, domain: domain? })
}

/// Reads the base domain.
pub(crate) fn read_domain(reader: &mut Reader, section: &Section<'_>) -> Option<String> {
    let domain = reader.required(section, "domain");
    reader.parsed(domain, "manifest.domain", host::parse).map(|domain| domain.value)
}
