//! One entry of a tar archive, read: its header, and the pax records that say more. Pure.

use super::attributes::Attribute;
use super::pax;
use super::sparse::Sparse;
use crate::failure::{Result, invalid};
use tar::{EntryType, Header};

/// An entry as the archive has it; nothing of it is trusted.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) path: Vec<u8>,
    pub(super) kind: EntryType,
    /// With its special bits.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Seconds and nanoseconds.
    pub(super) time: (i64, u32),
    /// Bytes of data that follow, a map of holes not included.
    pub(super) size: u64,
    /// What a link points to.
    pub(super) link: Vec<u8>,
    /// Major and minor number of a device.
    pub(super) device: (u32, u32),
    pub(super) attributes: Vec<Attribute>,
    /// The holes of a file that has some.
    pub(super) sparse: Option<Sparse>,
    /// Whether only the plain header says all of this.
    pub(super) bare: bool,
}

/// What the headers before an entry said about it.
#[derive(Default)]
pub(super) struct Before {
    pub(super) pax: Option<Vec<u8>>,
    pub(super) long_name: Option<Vec<u8>>,
    pub(super) long_link: Option<Vec<u8>>,
}

/// The member and, when its data begin with a map of its holes, the file's size with them.
pub(super) fn member(header: &Header, before: &Before) -> Result<(Member, Option<u64>)> {
    let broken = |error| invalid(format!("its header is not understood: {error}"));
    let kind = header.entry_type();
    let mut member = Member {
        path: header.path_bytes().into_owned(),
        kind,
        mode: header.mode().map_err(broken)? & 0o7777,
        uid: 0,
        gid: 0,
        // A time that is none, such as one before 1970 in an old form of header, is no reason to refuse an entry.
        time: (header.mtime().ok().and_then(|time| i64::try_from(time).ok()).unwrap_or(0), 0),
        size: header.entry_size().map_err(broken)?,
        link: header.link_name_bytes().map(|link| link.into_owned()).unwrap_or_default(),
        device: (0, 0),
        attributes: Vec::new(),
        sparse: None,
        bare: before.pax.is_none() && before.long_name.is_none() && before.long_link.is_none(),
    };
    if matches!(kind, EntryType::Char | EntryType::Block) {
        let number =
            |number: std::io::Result<Option<u32>>| number.map_err(broken).map(Option::unwrap_or_default);
        member.device = (number(header.device_major())?, number(header.device_minor())?);
    }
    if let Some(name) = &before.long_name {
        member.path.clone_from(name);
    }
    if let Some(link) = &before.long_link {
        member.link.clone_from(link);
    }
    let mut more = More::default();
    if let Some(records) = &before.pax {
        pax::each(records, |key, value| more.take(&mut member, key, value))?;
    }
    member.uid = id("user", more.uid.or_else(|| header.uid().ok()))?;
    member.gid = id("group", more.gid.or_else(|| header.gid().ok()))?;
    if let Some(name) = more.sparse_name {
        member.path = name;
    }
    match (more.sparse_form, more.sparse_size) {
        ((None, None), None) => Ok((member, None)),
        ((Some(1), Some(0)), Some(size)) => Ok((member, Some(size))),
        _ => Err(invalid("its holes are in a form that is not read")
            .hint("make the archive with `tar --format=posix --sparse-version=1.0`, or without --sparse")),
    }
}

/// The system takes the highest id for "leave it".
fn id(what: &str, id: Option<u64>) -> Result<u32> {
    id.and_then(|id| u32::try_from(id).ok())
        .filter(|id| *id != u32::MAX)
        .ok_or_else(|| invalid(format!("the {what} id is out of range")))
}

#[derive(Default)]
struct More {
    uid: Option<u64>,
    gid: Option<u64>,
    sparse_form: (Option<u64>, Option<u64>),
    sparse_name: Option<Vec<u8>>,
    sparse_size: Option<u64>,
}

impl More {
    fn take(&mut self, member: &mut Member, key: &[u8], value: &[u8]) -> Result<()> {
        let number = || {
            pax::number(value)
                .ok_or_else(|| invalid(format!("`{}` is no number", String::from_utf8_lossy(key))))
        };
        match key {
            b"path" => member.path = value.to_vec(),
            b"linkpath" => member.link = value.to_vec(),
            b"size" => member.size = number()?,
            b"uid" => self.uid = Some(number()?),
            b"gid" => self.gid = Some(number()?),
            b"mtime" => {
                member.time = pax::parse_time(value).ok_or_else(|| invalid("its time is no time"))?;
            }
            b"GNU.sparse.major" => self.sparse_form.0 = Some(number()?),
            b"GNU.sparse.minor" => self.sparse_form.1 = Some(number()?),
            b"GNU.sparse.name" => self.sparse_name = Some(value.to_vec()),
            b"GNU.sparse.realsize" => self.sparse_size = Some(number()?),
            // The forms before 1.0, which nobody may take for a plain file.
            _ if key.starts_with(b"GNU.sparse.") => self.sparse_form = (Some(0), Some(0)),
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    member.attributes.push(Attribute { name: pax::unescape(name), value: value.to_vec() });
                }
            }
        }
        Ok(())
    }
}
