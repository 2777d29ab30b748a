//! A checkpoint's parents at a restore: CRIU reaches them by relative links, so what it is given has
//! to hold them all.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags, openat, readlinkat, statx};
use sys::Context;

use crate::checkpoint::Directories;
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result, Step};

impl Directories {
    /// The directory above the images and all that they build on, and the way from there to the
    /// images, which is empty where they stand alone.
    ///
    /// # Errors
    /// A parent is on another mount.
    pub fn together(&self) -> Result<(OwnedFd, PathBuf)> {
        let all: Vec<_> = [&self.images].into_iter().chain(&self.parents).collect();
        let proc = Procfs::open()?;
        let fds = proc.open_file("self/fd", OFlags::PATH | OFlags::DIRECTORY)?;
        let path_of = |fd: &OwnedFd| {
            let path = readlinkat(&fds, fd.as_raw_fd().to_string(), Vec::new());
            let path = path.sys("readlinkat", || "a directory of images")?;
            Ok::<_, Error>(PathBuf::from(OsStr::from_bytes(path.as_bytes())))
        };
        let paths: Vec<_> = all.iter().map(|fd| path_of(fd)).collect::<Result<_>>()?;
        let images: Vec<Component<'_>> = paths[0].components().collect();
        let shared = |path: &PathBuf| {
            images.iter().zip(path.components()).take_while(|(one, other)| **one == *other).count()
        };
        let depth = paths.iter().map(shared).min().unwrap_or(images.len());
        let way: PathBuf = images[depth..].iter().collect();
        let mut up = PathBuf::from(".");
        up.extend(images[depth..].iter().map(|_| ".."));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = openat(&self.images, &up, flags, Mode::empty())
            .sys("open", || up.display().to_string())
            .step(|| "what is above the checkpoint and its parents")?;
        let mount = mount_of(top.as_fd())?;
        for (fd, path) in all.iter().zip(&paths) {
            if mount_of(fd.as_fd())? != mount {
                let message = format!("{} is on another mount than the rest", path.display());
                return Err(Error::new(ErrorKind::System, message)
                    .with_hint("a checkpoint and its parents have to be in one file system"));
            }
        }
        Ok((top, way))
    }
}

fn mount_of(fd: BorrowedFd<'_>) -> Result<u64> {
    let stat = statx(fd, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).sys("statx", || "images")?;
    Ok(stat.stx_mnt_id)
}

#[cfg(test)]
mod tests;
