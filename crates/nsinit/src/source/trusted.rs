//! Reading a file that decides what a container may do.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use libcontainer::{Error, ErrorKind, Result};
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use sys::{Context, SysError};

/// More than any configuration needs.
const MOST: u64 = 16 << 20;

/// The file's bytes; `None` where there is no file.
///
/// # Errors
/// A symbolic link, a file that is no regular one, or that belongs to somebody else than root or
/// the caller: what a container or another user put there.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    // A FIFO must not keep us waiting.
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match openat(CWD, path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => {
            return Err(refused("is a symbolic link").with_hint("name the file itself by --config"));
        }
        Err(errno) => return Err(SysError::new("open", "", errno).into()),
    };
    let stat = fstat(&file).sys("fstat", || "")?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(refused("is not a regular file"));
    }
    let caller = rustix::process::geteuid().as_raw();
    if stat.st_uid != 0 && stat.st_uid != caller {
        return Err(refused(&format!("belongs to uid {}, not to root or you", stat.st_uid))
            .with_hint("look at what it says, then chown it"));
    }
    if u64::try_from(stat.st_size).is_ok_and(|size| size > MOST) {
        return Err(refused("is too large for a configuration"));
    }
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).sys("read", || "")?;
    Ok(Some(bytes))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig { field: String::new() }, why)
}

#[cfg(test)]
mod tests;
