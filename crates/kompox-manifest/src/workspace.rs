//! The `workspace` section, also called `service` (C-02). Pure.

use crate::reader::{Field, Keys, Reader};
use kompox_model::{Workspace, WorkspaceName, host};

const KEYS: Keys = Keys { known: &["name", "domain"], later: &[] };

/// Reads name and base domain.
pub(crate) fn read(reader: &mut Reader, field: &Field<'_>) -> Option<Workspace> {
    let section = reader.section(field, &KEYS)?;
    let name = reader.required(&section, "name");
    let name = reader.parsed(name, "manifest.name", str::parse::<WorkspaceName>);
    let domain = reader.required(&section, "domain");
    let domain = reader.parsed(domain, "manifest.domain", host::parse);
    Some(Workspace { name: name?.value, domain: domain?.value })
}
