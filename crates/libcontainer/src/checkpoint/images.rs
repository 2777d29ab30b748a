//! The directories of a checkpoint: made for it, and looked at before they are trusted.
//!
//! CRIU opens images by name in the directory that it is given, and follows links: an image that
//! is a link would show a file of the host's to the container, a log that is one would be written
//! over. So nothing in these directories may be anything but a file.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, readlinkat, statat, unlinkat};
use rustix::io::Errno;
use sys::{Context, SysError};

use crate::checkpoint::Criu;
use crate::{Error, ErrorKind, Result, Step};

/// The link that CRIU makes to an earlier checkpoint's directory (criu(8), `--prev-images-dir`).
const PARENT: &str = "parent";

/// How many checkpoints may build on one another.
const LONGEST_CHAIN: usize = 500;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The open directories of one call.
#[derive(Debug)]
pub struct Directories {
    /// Of the images.
    pub images: OwnedFd,
    /// What these build on, the nearest first; known after [`check`](Self::check) only.
    pub parents: Vec<OwnedFd>,
    /// Of logs and statistics.
    pub work: OwnedFd,
    /// The log's name in there.
    pub log: &'static str,
    /// Its path, for people.
    pub log_path: PathBuf,
}

impl Directories {
    /// Makes them for a checkpoint.
    pub fn make(criu: &Criu, log: &'static str) -> Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .create(&criu.images)
            .sys("mkdir", || criu.images.display().to_string())
            .step(|| "the directory of the images")?;
        Self::open(criu, log)
    }

    /// Opens what a checkpoint has left, and checks it.
    pub fn check(criu: &Criu, log: &'static str) -> Result<Self> {
        let mut directories = Self::open(criu, log)?;
        if let Err(error) = statat(&directories.images, "inventory.img", AtFlags::SYMLINK_NOFOLLOW)
        {
            let path = criu.images.join("inventory.img");
            let error = SysError::new("open", path.display().to_string(), error);
            return Err(Error::from(error).with_hint("there is no checkpoint in that directory"));
        }
        for _ in 0..LONGEST_CHAIN {
            let last = directories.parents.last().unwrap_or(&directories.images);
            match only_files(last.as_fd()).step(|| criu.images.display().to_string())? {
                None => return Ok(directories),
                Some(parent) => {
                    let next = openat(last, &parent, DIRECTORY, Mode::empty())
                        .sys("open", || parent.display().to_string())
                        .step(|| "the parent of the checkpoint")?;
                    directories.parents.push(next);
                }
            }
        }
        Err(Error::new(ErrorKind::System, "the checkpoint's parents have no end"))
    }

    fn open(criu: &Criu, log: &'static str) -> Result<Self> {
        let open = |path: &Path| {
            openat(CWD, path, DIRECTORY, Mode::empty()).sys("open", || path.display().to_string())
        };
        let images = open(&criu.images).step(|| "the directory of the images")?;
        let (work, path) = match &criu.work {
            None => (images.try_clone().sys("fcntl", || "F_DUPFD_CLOEXEC")?, &criu.images),
            Some(path) => {
                let made = std::fs::DirBuilder::new().recursive(true).create(path);
                made.sys("mkdir", || path.display().to_string()).step(|| "the work directory")?;
                (open(path).step(|| "the work directory")?, path)
            }
        };
        // CRIU would write through a link.
        match unlinkat(&work, log, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(SysError::new("unlink", log, errno).into()),
        }
        let log_path = std::path::absolute(path).unwrap_or_else(|_| path.clone()).join(log);
        Ok(Self { images, parents: Vec::new(), work, log, log_path })
    }
}

/// Checks that a directory has nothing but files, and perhaps the link to its parent: whereto.
fn only_files(directory: BorrowedFd<'_>) -> Result<Option<PathBuf>> {
    let mut parent = None;
    for entry in Dir::read_from(directory).sys("getdents", || "")? {
        let entry = entry.sys("getdents", || "")?;
        let name = entry.file_name();
        let shown = || name.to_string_lossy().into_owned();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).sys("stat", shown)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            // Nothing of CRIU's is below it.
            FileType::Directory => {}
            FileType::Symlink if name.to_bytes() == PARENT.as_bytes() => {
                let target = readlinkat(directory, name, Vec::new()).sys("readlink", shown)?;
                let target = PathBuf::from(target.to_string_lossy().into_owned());
                if target.is_absolute() {
                    return Err(hostile(&shown(), "leads to an absolute path"));
                }
                parent = Some(target);
            }
            // The lazy-pages daemon's, in a work directory that is this one.
            FileType::Socket => {}
            _ => return Err(hostile(&shown(), "is no file")),
        }
    }
    Ok(parent)
}

fn hostile(name: &str, what: &str) -> Error {
    Error::new(ErrorKind::System, format!("{name:?} in the checkpoint {what}"))
        .with_hint("CRIU makes nothing like that: somebody has tampered with it")
}

#[cfg(test)]
mod tests;
