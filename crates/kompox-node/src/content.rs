//! The content of one file, from one file system's place to another. IO.

use crate::folder::change;
use rustix::fs::{IFlags, SeekFrom, ftruncate, ioctl_ficlone, ioctl_getflags, ioctl_setflags, seek};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read};

/// How the content of files comes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Byte by byte, holes left out.
    InFull,
    /// By sharing blocks; where that cannot be done, it is an error and never a full copy, which could fill the disk.
    Shared,
}

/// Brings the first `size` bytes of `from` into the empty file `to`.
pub(crate) fn copy(from: &File, to: &File, size: u64, how: How) -> io::Result<()> {
    match how {
        How::InFull => in_full(from, to, size),
        // Nothing to share, and some file systems refuse to.
        How::Shared if size == 0 => Ok(()),
        How::Shared => shared(from, to),
    }
}

fn shared(from: &File, to: &File) -> io::Result<()> {
    let cloned = change(|| ioctl_ficlone(to, from));
    let refused =
        cloned.as_ref().is_err_and(|error| error.raw_os_error() == Some(Errno::INVAL.raw_os_error()));
    if refused
        && let Ok(flags) = ioctl_getflags(from)
        && flags.contains(IFlags::NOCOW)
    {
        // btrfs shares such a file only with one that is like it.
        change(|| ioctl_setflags(to, ioctl_getflags(to)? | IFlags::NOCOW))?;
        return change(|| ioctl_ficlone(to, from));
    }
    cloned
}

fn in_full(from: &File, mut to: &File, size: u64) -> io::Result<()> {
    let mut at = 0;
    while at < size {
        let (start, end) = match seek(from, SeekFrom::Data(at)) {
            Ok(start) => (start, seek(from, SeekFrom::Hole(start))?.min(size)),
            // The rest is a hole.
            Err(Errno::NXIO) => break,
            // No file system of its own kind, such as one in user space.
            Err(Errno::INVAL | Errno::NOTSUP) => (at, size),
            Err(error) => return Err(error.into()),
        };
        if start >= end {
            break;
        }
        seek(from, SeekFrom::Start(start))?;
        seek(to, SeekFrom::Start(start))?;
        change(|| Ok(()))?;
        let copied = io::copy(&mut from.take(end - start), &mut to)?;
        if copied < end - start {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter meanwhile"));
        }
        at = end;
    }
    // A hole at the end has no byte that would make the file that long.
    change(|| ftruncate(to, size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, SeekFrom as At, Write};
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn holes_stay_holes() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str| {
            let path = folder.path().join(name);
            File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap()
        };
        let size = 3 << 30;
        for data in [&[][..], &[0], &[1 << 30, 2 << 30], &[0, size - 1]] {
            let (mut from, to) = (open("from"), open("to"));
            from.set_len(size).unwrap();
            for at in data {
                from.seek(At::Start(*at)).unwrap();
                from.write_all(b"x").unwrap();
            }
            copy(&from, &to, size, How::InFull).unwrap();
            let found = to.metadata().unwrap();
            assert_eq!(found.len(), size);
            assert!(found.blocks() * 512 <= 1 << 20, "{} blocks", found.blocks());
            for at in data {
                let mut byte = [0];
                (&to).seek(At::Start(*at)).unwrap();
                (&to).read_exact(&mut byte).unwrap();
                assert_eq!(&byte, b"x", "{at}");
            }
        }
    }
}
