//! The header of an entry as it is written: the plain one, after a pax header where that cannot say all. Pure.

use super::attributes::Attribute;
use super::members::BLOCK;
use super::pax;
use crate::archive::HEADER_LIMIT;
use crate::failure::Result;
use kompox_node_protocol::{Failure, Kind};
use rustix::fs::{Stat, major, minor};
use tar::{EntryType, Header};

/// What the fields of a plain header hold at most.
const NAME: usize = 100;
const ID: u32 = 0o777_7777;
const NUMBER: u64 = 0o777_7777_7777;

/// What is said of an entry.
pub(super) struct Head<'a> {
    pub(super) path: &'a [u8],
    pub(super) kind: EntryType,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) time: (i64, u32),
    /// Bytes that follow.
    pub(super) size: u64,
    pub(super) link: &'a [u8],
    pub(super) device: (u32, u32),
    pub(super) attributes: &'a [Attribute],
    /// The size with holes of a file whose data begin with a map of them.
    pub(super) real: Option<u64>,
}

impl<'a> Head<'a> {
    /// One of the program's own entries.
    pub(super) fn own(path: &'a str, size: u64) -> Self {
        Self {
            path: path.as_bytes(),
            kind: EntryType::Regular,
            mode: 0o644,
            uid: 0,
            gid: 0,
            time: (0, 0),
            size,
            link: b"",
            device: (0, 0),
            attributes: &[],
            real: None,
        }
    }

    /// An entry of the tree, without data.
    pub(super) fn of(path: &'a [u8], kind: EntryType, stat: &Stat) -> Self {
        let device = match kind {
            EntryType::Char | EntryType::Block => (major(stat.st_rdev), minor(stat.st_rdev)),
            _ => (0, 0),
        };
        Self {
            path,
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            time: (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            device,
            ..Self::own("", 0)
        }
    }

    /// Adds the blocks of the header to `out`.
    ///
    /// # Errors
    /// Unsupported when the attributes are more than a reader takes.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let records = self.records();
        if !records.is_empty() {
            if (records.len() + 2 * BLOCK) as u64 > HEADER_LIMIT {
                let path = String::from_utf8_lossy(self.path);
                let message = format!("the attributes of `{path}` have more than {HEADER_LIMIT} bytes");
                return Err(Failure::new(Kind::Unsupported, message));
            }
            let pax = Head { kind: EntryType::XHeader, ..Head::own("PaxHeader", records.len() as u64) };
            out.extend_from_slice(pax.plain().as_bytes());
            out.extend_from_slice(&records);
            out.resize(out.len().next_multiple_of(BLOCK), 0);
        }
        out.extend_from_slice(self.plain().as_bytes());
        Ok(())
    }

    fn records(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let (long_path, long_link) = (self.real.is_none() && self.path.len() > NAME, self.link.len() > NAME);
        let is_text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
        if (long_path && !is_text(self.path)) || (long_link && !is_text(self.link)) {
            pax::add(&mut out, b"hdrcharset", b"BINARY");
        }
        if long_path {
            pax::add(&mut out, b"path", self.path);
        }
        if long_link {
            pax::add(&mut out, b"linkpath", self.link);
        }
        for (key, id) in [(b"uid", self.uid), (b"gid", self.gid)] {
            if id > ID {
                pax::add(&mut out, key, id.to_string().as_bytes());
            }
        }
        if self.size > NUMBER {
            pax::add(&mut out, b"size", self.size.to_string().as_bytes());
        }
        if self.time.1 > 0 || self.plain_time() != Some(self.time.0) {
            pax::add(&mut out, b"mtime", pax::time(self.time.0, self.time.1).as_bytes());
        }
        if let Some(real) = self.real {
            pax::add(&mut out, b"GNU.sparse.major", b"1");
            pax::add(&mut out, b"GNU.sparse.minor", b"0");
            pax::add(&mut out, b"GNU.sparse.name", self.path);
            pax::add(&mut out, b"GNU.sparse.realsize", real.to_string().as_bytes());
        }
        for attribute in self.attributes {
            let key = [b"SCHILY.xattr.", &pax::escape(&attribute.name)[..]].concat();
            pax::add(&mut out, &key, &attribute.value);
        }
        out
    }

    /// The time when a plain header can hold it.
    fn plain_time(&self) -> Option<i64> {
        u64::try_from(self.time.0).is_ok_and(|time| time <= NUMBER).then_some(self.time.0)
    }

    fn plain(&self) -> Header {
        let mut header = Header::new_ustar();
        let path = if self.real.is_some() { b"GNUSparseFile.0" } else { self.path };
        let old = header.as_old_mut();
        for (field, value) in [(&mut old.name, path), (&mut old.linkname, self.link)] {
            let length = value.len().min(NAME);
            field[..length].copy_from_slice(&value[..length]);
        }
        header.set_entry_type(self.kind);
        header.set_mode(self.mode);
        // Where a field is too small, its pax record counts.
        header.set_uid(u64::from(if self.uid > ID { 0 } else { self.uid }));
        header.set_gid(u64::from(if self.gid > ID { 0 } else { self.gid }));
        header.set_size(if self.size > NUMBER { 0 } else { self.size });
        header.set_mtime(self.plain_time().and_then(|time| u64::try_from(time).ok()).unwrap_or(0));
        if let Some(ustar) = header.as_ustar_mut() {
            ustar.set_device_major(self.device.0);
            ustar.set_device_minor(self.device.1);
        }
        header.set_cksum();
        header
    }
}
