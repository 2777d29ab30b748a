//! One directory of one hierarchy, and its control files read and written through its descriptor.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use sys::SysError;

use crate::{Error, Result};

/// An open cgroup directory.
#[derive(Debug)]
pub(crate) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Dir {
    /// Opens the directory for reading, as bpf(2) wants it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path: path.to_owned() }),
            Err(errno) => Err(failed(format!("opening {}", path.display()), "openat", errno)),
        }
    }

    /// The group of this name below it.
    pub(crate) fn child(&self, name: &OsStr) -> Result<Self> {
        self.near(name, self.path.join(name))
    }

    /// The group above it.
    pub(crate) fn parent(&self) -> Result<Self> {
        let path = self.path.parent().unwrap_or(Path::new("/")).to_owned();
        self.near(OsStr::new(".."), path)
    }

    fn near(&self, name: &OsStr, path: PathBuf) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path }),
            Err(errno) => Err(failed(format!("opening {}", path.display()), "openat", errno)),
        }
    }

    /// Its place in the file system, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a control file.
    pub(crate) fn file(&self, name: &str, flags: OFlags) -> Result<OwnedFd> {
        rustix::fs::openat(
            &self.fd,
            name,
            flags | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|errno| {
            failed(format!("opening {name} of {}", self.path.display()), "openat", errno)
        })
    }

    /// The whole text of a control file.
    pub(crate) fn read(&self, name: &str) -> Result<String> {
        let fd = self.file(name, OFlags::RDONLY)?;
        read_control(&fd).map_err(|errno| {
            failed(format!("reading {name} of {}", self.path.display()), "read", errno)
        })
    }

    /// The same, or nothing where the file is not there or its feature is switched off.
    pub(crate) fn read_optional(&self, name: &str) -> Result<Option<String>> {
        match self.read(name) {
            Ok(text) => Ok(Some(text)),
            Err(error) if matches!(error.errno(), Some(Errno::NOENT | Errno::OPNOTSUPP)) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes a control file by one write(2), which is how cgroupfs wants a value.
    pub(crate) fn write(&self, name: &str, value: &str) -> Result<()> {
        self.write_each(name, [value])
    }

    /// Writes several values to a control file in turn, one write(2) each.
    pub(crate) fn write_each<V: AsRef<str>>(
        &self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Result<()> {
        let mut fd = None;
        for value in values {
            let value = value.as_ref();
            let result = match &fd {
                Some(fd) => write_once(fd, value),
                None => {
                    let new = self.file(name, OFlags::WRONLY)?;
                    let result = write_once(&new, value);
                    fd = Some(new);
                    result
                }
            };
            result.map_err(|errno| {
                let what = format!("writing {value:?} to {name} of {}", self.path.display());
                failed(what, "write", errno)
            })?;
        }
        Ok(())
    }
}

/// The whole text of a control file at a path, from the directory `at` where that is relative.
pub(crate) fn read_at(at: impl AsFd, path: &Path) -> Result<String> {
    let failed = |call, errno| failed(format!("reading {}", path.display()), call, errno);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(at, path, flags, Mode::empty())
        .map_err(|errno| failed("openat", errno))?;
    read_control(&fd).map_err(|errno| failed("read", errno))
}

/// An error of `call`, with what it was for.
pub(crate) fn failed(what: String, call: &'static str, errno: Errno) -> Error {
    Error::system(what, SysError::new(call, "", errno))
}

fn write_once(fd: &OwnedFd, value: &str) -> std::result::Result<(), Errno> {
    loop {
        match rustix::io::write(fd, value.as_bytes()) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// What the kernel makes of a file at a time (seq_file), at least.
const PAGE: usize = 4096;

/// Reads a control file from the position to its end, which it has come to when less was there than
/// there was space for: its lines are short, and it comes by whole pages less one line.
fn read_control(fd: &OwnedFd) -> std::result::Result<String, Errno> {
    read(fd, |count, space| count < space.min(PAGE / 2))
}

/// Reads any file from the position to its end.
pub(crate) fn read_all(fd: &OwnedFd) -> std::result::Result<String, Errno> {
    read(fd, |_, _| false)
}

/// Control files are text; what is not UTF-8 (it cannot be, but for device names in net_prio) is
/// replaced.
fn read(fd: &OwnedFd, is_end: impl Fn(usize, usize) -> bool) -> std::result::Result<String, Errno> {
    let mut text = vec![0_u8; PAGE];
    let mut used = 0;
    loop {
        if used == text.len() {
            text.resize(used * 2, 0);
        }
        let space = text.len() - used;
        match rustix::io::read(fd, &mut text[used..]) {
            Ok(0) => break,
            Ok(count) => {
                used += count;
                if is_end(count, space) {
                    break;
                }
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    text.truncate(used);
    Ok(String::from_utf8(text)
        .unwrap_or_else(|wrong| String::from_utf8_lossy(wrong.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests;
