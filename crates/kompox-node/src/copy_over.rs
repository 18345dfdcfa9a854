//! Copies between a running container and the user's machine: this end of them. IO.

use crate::failure::{Result, invalid};
use crate::not_understood;
use kompox_node_protocol::{Copied, PackPlan, UnpackPlan};
use kompox_tree::{Arrival, Owners, Packed, pack, receive};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;

/// Writes the archive that a plan asks for.
pub(crate) fn out(plan: &[u8], output: impl Write) -> Result<Copied> {
    let plan = PackPlan::decode(plan).map_err(|error| not_understood(&error))?;
    let Packed { entries, bytes, left_out, first_left_out } =
        pack(absolute(&plan.path)?, plan.follow, output)?;
    Ok(Copied { entries, bytes, left_out, first_left_out })
}

/// Takes in an archive as a plan says.
pub(crate) fn into(plan: &[u8], input: impl Read) -> Result<Copied> {
    let plan = UnpackPlan::decode(plan).map_err(|error| not_understood(&error))?;
    let arrival = Arrival {
        path: absolute(&plan.path)?,
        name: plan.name.as_deref().map(OsStr::new),
        foreign: plan.foreign,
        owners: if plan.keep_owners { Owners::Kept } else { Owners::Ours },
    };
    let (entries, bytes) = receive(&arrival, input)?;
    Ok(Copied { entries, bytes, ..Copied::default() })
}

fn absolute(path: &str) -> Result<&Path> {
    let path = Path::new(path);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(invalid(format!("`{}` is no absolute path", path.display())))
    }
}
