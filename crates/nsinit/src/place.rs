//! The directory that a container belongs to.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use libcontainer::{Result, Step};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstat, openat, statat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sys::{Context, SysError};

/// A directory, told from others of the same name by what the kernel calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// So much of a directory's name goes into an id.
const NAME: usize = 64;

impl Place {
    /// The current directory.
    ///
    /// # Errors
    /// ENOENT when it has been removed.
    pub fn here() -> Result<Self> {
        let path = std::env::current_dir()
            .sys("getcwd", || "")
            .step(|| "the current directory")
            .hint(|| "it may have been removed: cd elsewhere and back")?;
        let stat = statat(CWD, ".", AtFlags::empty()).sys("stat", || ".")?;
        Ok(Self { path, device: stat.st_dev, inode: stat.st_ino })
    }

    /// Its absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The id of its container: its name, and a hash that tells it from others of that name.
    pub fn id(&self) -> String {
        let name = self.path.file_name().unwrap_or("root".as_ref()).to_string_lossy();
        let legal = |c: char| c.is_ascii_alphanumeric() || "_+-.".contains(c);
        let mut id: String =
            name.chars().map(|c| if legal(c) { c } else { '_' }).take(NAME).collect();
        id.push_str(&format!("-{:08x}", hash(self.device, self.inode)));
        id
    }

    /// The directory, if it is still there under its path.
    pub fn open(&self) -> Result<Option<OwnedFd>> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = match openat(CWD, &self.path, flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(errno) => {
                return Err(SysError::new("open", self.path.display().to_string(), errno).into());
            }
        };
        let stat = fstat(&directory).sys("fstat", || self.path.display().to_string())?;
        let same = (stat.st_dev, stat.st_ino) == (self.device, self.inode);
        Ok(same.then_some(directory))
    }
}

/// FNV-1a, 64 bits folded to 32: short, stable from run to run, and spread well enough.
fn hash(device: u64, inode: u64) -> u32 {
    let bytes = device.to_le_bytes().into_iter().chain(inode.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests;
