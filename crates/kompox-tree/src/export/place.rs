//! The entries of an archive as files, folders, links and devices, exactly. IO.
//!
//! A folder gets its time, what it lets inherit and, where that keeps its owner out, its mode when it is left, as
//! what is made in it would change the one and take over the other.

use super::DATA;
use super::attributes::{Attribute, INHERITED, Reader, Setter, stop_inheriting};
use super::member::Member;
use super::members::{Members, is_file};
use super::reading::Taker;
use crate::archive::plain_path;
use crate::failure::{Result, cannot, invalid};
use crate::fault;
use crate::folder::{Folder, PRIVATE, PUBLIC, change, set_mode, set_owner};
use crate::make::times;
use crate::sync::Syncer;
use kompox_node_protocol::{Failure, Kind};
use rustix::fs::{Dev, FileType, Mode, Timespec, makedev};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tar::EntryType;

/// So many bytes of what folders let inherit are kept until they are left.
const LATE: usize = 1024 * 1024;

/// Writes beneath a folder that was empty.
pub(super) struct Placer<'a> {
    top: &'a Folder,
    /// Path of the folder that is open, and the folders on the way to it.
    at: PathBuf,
    folder: Folder,
    levels: Vec<Level>,
    late: usize,
    reader: Reader,
    pub(super) setter: Setter,
    syncer: Syncer,
}

/// What a folder gets when it is left.
#[derive(Default)]
struct Level {
    mode: Option<Mode>,
    time: Option<Timespec>,
    inherited: Option<Attribute>,
}

impl<'a> Placer<'a> {
    pub(super) fn new(top: &'a Folder) -> Result<Self> {
        Ok(Self {
            top,
            at: PathBuf::new(),
            folder: top.again()?,
            levels: vec![Level::default()],
            late: 0,
            reader: Reader::new(),
            setter: Setter::default(),
            syncer: Syncer::default(),
        })
    }

    /// Everything is on the device when this returns.
    pub(super) fn finish(mut self) -> Result<Setter> {
        while !self.levels.is_empty() {
            self.leave()?;
        }
        self.syncer.finish(self.top)?;
        Ok(self.setter)
    }

    /// Opens the folder at `path`, and leaves those that it is not in.
    fn enter(&mut self, path: &Path) -> Result<()> {
        while !path.starts_with(&self.at) {
            self.leave()?;
        }
        let rest = path.strip_prefix(&self.at).map(Path::to_owned).unwrap_or_default();
        for name in &rest {
            if !self.again(name)? {
                let folder = self.folder.new_folder(name, PUBLIC)?;
                self.push(name, folder, Level::default());
            }
        }
        Ok(())
    }

    /// Goes back into a folder that is there already, as archives from elsewhere may. False when there is none.
    fn again(&mut self, name: &OsStr) -> Result<bool> {
        let Some(folder) = self.folder.find_folder(name)? else { return Ok(false) };
        let stat = folder.stat()?;
        let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
        let time =
            Timespec { tv_sec: stat.st_mtime, tv_nsec: i64::try_from(stat.st_mtime_nsec).unwrap_or(0) };
        let mut level = Level { mode: None, time: Some(time), inherited: None };
        let attributes = self.reader.of(folder.fd(), || folder.path().display().to_string())?;
        if let Some(inherited) = attributes.into_iter().find(|attribute| attribute.name == INHERITED) {
            stop_inheriting(&folder)?;
            self.keep_late(&mut level, inherited)?;
        }
        open_up(&folder, mode, &mut level)?;
        self.push(name, folder, level);
        Ok(true)
    }

    fn push(&mut self, name: &OsStr, folder: Folder, level: Level) {
        self.at.push(name);
        self.folder = folder;
        self.levels.push(level);
    }

    fn leave(&mut self) -> Result<()> {
        let Some(level) = self.levels.pop() else { return Ok(()) };
        let folder = &self.folder;
        let shown = || folder.path().display().to_string();
        if let Some(inherited) = &level.inherited {
            self.late -= inherited.value.len();
            self.setter.set(folder.fd(), inherited, shown)?;
        }
        if let Some(mode) = level.mode {
            folder.set_mode(mode)?;
        }
        if let Some(time) = level.time {
            change(|| rustix::fs::futimens(folder.fd(), &times(time)))
                .map_err(|error| cannot("set the time of", shown(), error))?;
        }
        self.syncer.folder(folder)?;
        if self.at.pop() {
            self.folder =
                if self.at == Path::new("") { self.top.again()? } else { self.top.folder(&self.at)? };
        }
        Ok(())
    }

    /// Gives the open folder what its entry says.
    fn own(&mut self, member: &Member) -> Result<()> {
        self.folder.set_owner(member.uid, member.gid)?;
        let mut level = self.levels.last_mut().map(std::mem::take).unwrap_or_default();
        level.time = Some(time(member));
        for attribute in &member.attributes {
            if attribute.name == INHERITED {
                self.keep_late(&mut level, attribute.clone())?;
            } else {
                let folder = &self.folder;
                self.setter.set(folder.fd(), attribute, || folder.path().display().to_string())?;
            }
        }
        open_up(&self.folder, Mode::from_raw_mode(member.mode), &mut level)?;
        if let Some(last) = self.levels.last_mut() {
            *last = level;
        }
        Ok(())
    }

    fn keep_late(&mut self, level: &mut Level, attribute: Attribute) -> Result<()> {
        self.late -= level.inherited.take().map_or(0, |before| before.value.len());
        self.late += attribute.value.len();
        if self.late > LATE {
            return Err(invalid(format!("what folders let inherit has more than {LATE} bytes")));
        }
        level.inherited = Some(attribute);
        Ok(())
    }

    fn file(&mut self, name: &OsStr, member: &Member, content: &mut Members<'_>) -> Result<()> {
        let file = self.folder.create_file(name, Mode::RUSR | Mode::WUSR)?;
        let folder = &self.folder;
        let shown = || folder.shown(name);
        write(&file, member, content, &shown)?;
        let failed = |error| cannot("set the owner of", shown(), error);
        set_owner(&file, member.uid, member.gid).map_err(failed)?;
        // After the owner, which clears capabilities; before the mode, as a list of rights changes it.
        for attribute in &member.attributes {
            self.setter.set(&file, attribute, shown)?;
        }
        set_mode(&file, Mode::from_raw_mode(member.mode)).map_err(failed)?;
        change(|| rustix::fs::futimens(&file, &times(time(member))))
            .map_err(|error| cannot("set the time of", shown(), error))?;
        self.syncer.file(&file, shown)
    }

    /// One more name for an entry that was made before.
    fn link(&mut self, name: &OsStr, member: &Member, ours: bool) -> Result<()> {
        let nothing = || invalid("it is a hard link to nothing");
        let first =
            if ours { member.link.strip_prefix(DATA.as_bytes()).ok_or_else(nothing)? } else { &member.link };
        let first = plain_path(first, ours)?;
        let (Some(parent), Some(first_name)) = (first.parent(), first.file_name()) else {
            return Err(nothing());
        };
        let there = match parent {
            _ if parent == self.at => self.folder.again()?,
            _ if parent == Path::new("") => self.top.again()?,
            _ => self.top.folder(parent)?,
        };
        let stat = there.look(first_name)?.ok_or_else(nothing)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            return Err(invalid("it is a hard link to a folder"));
        }
        self.folder.hard_link(name, &there, first_name)
    }

    fn special(&mut self, name: &OsStr, member: &Member, kind: FileType, number: Dev) -> Result<()> {
        let folder = &self.folder;
        folder.special(name, kind, number)?;
        folder.set_owner_of(name, member.uid, member.gid)?;
        for attribute in &member.attributes {
            self.setter.set_name(folder, name, attribute)?;
        }
        folder.set_mode_of(name, Mode::from_raw_mode(member.mode))?;
        folder.set_time_of(name, time(member))
    }
}

impl Taker for Placer<'_> {
    fn take(&mut self, path: &Path, member: &Member, content: &mut Members<'_>, ours: bool) -> Result<()> {
        // Old archives tell a folder by the slash at its end only.
        let is_folder = member.kind == EntryType::Directory
            || (!ours && is_file(member.kind) && member.path.ends_with(b"/") && member.size == 0);
        let Some(name) = path.file_name() else {
            self.enter(path)?;
            return if is_folder { self.own(member) } else { Err(invalid("it is not a folder")) };
        };
        self.enter(path.parent().unwrap_or(path))?;
        let number = makedev(member.device.0, member.device.1);
        let done = match member.kind {
            _ if is_folder => {
                if !self.again(name)? {
                    let folder = self.folder.new_folder(name, PRIVATE)?;
                    self.push(name, folder, Level::default());
                }
                self.own(member)
            }
            kind if is_file(kind) => self.file(name, member, content),
            EntryType::Symlink => self.folder.symlink(name, &member.link).and_then(|()| {
                self.folder.set_owner_of(name, member.uid, member.gid)?;
                self.folder.set_time_of(name, time(member))
            }),
            EntryType::Link => self.link(name, member, ours),
            EntryType::Fifo => self.special(name, member, FileType::Fifo, 0),
            EntryType::Char => self.special(name, member, FileType::CharacterDevice, number),
            EntryType::Block => self.special(name, member, FileType::BlockDevice, number),
            other => Err(invalid(format!("entries of type {other:?} are not taken"))),
        };
        done.map_err(|failure| match failure.kind {
            Kind::Denied if failure.hint.is_none() => {
                failure.hint("only root can make files of others and devices")
            }
            _ => failure,
        })
    }
}

/// Sets the mode, but keeps the folder open to its owner until it is left.
fn open_up(folder: &Folder, mode: Mode, level: &mut Level) -> Result<()> {
    let open = mode | Mode::RWXU;
    level.mode = (open != mode).then_some(mode);
    folder.set_mode(open)
}

fn write(file: &File, member: &Member, content: &mut Members<'_>, shown: &impl Fn() -> String) -> Result<()> {
    let failed = |error| -> Failure { cannot("write", shown(), error) };
    let whole = [(0, member.size)];
    let extents = member.sparse.as_ref().map_or(&whole[..], |sparse| &sparse.extents);
    for (offset, length) in extents {
        let mut done = 0;
        while done < *length {
            let chunk = content.chunk()?;
            let part = usize::try_from(length - done).unwrap_or(usize::MAX).min(chunk.len());
            if part == 0 {
                return Err(invalid("it has less data than its holes leave"));
            }
            fault::point().and_then(|()| file.write_all_at(&chunk[..part], offset + done)).map_err(failed)?;
            content.consume(part);
            done += part as u64;
        }
    }
    let Some(sparse) = &member.sparse else { return Ok(()) };
    change(|| rustix::fs::ftruncate(file, sparse.real)).map_err(|error| {
        let failure = failed(error);
        if failure.kind == Kind::Quota && failure.hint.is_none() {
            failure.hint("this file system takes no files of that size: use another one")
        } else {
            failure
        }
    })
}

fn time(member: &Member) -> Timespec {
    Timespec { tv_sec: member.time.0, tv_nsec: i64::from(member.time.1) }
}
