//! What is noted beside the images: which of the host's things the container had, by the names
//! that CRIU has for them.
//!
//! It comes from a directory that may be anybody's, so it names nothing on the host: what a key
//! stands for is decided by the configuration and the caller at the restore.

use std::collections::BTreeMap;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat, renameat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sys::{Context, SysError};

use crate::checkpoint::Stream;
use crate::{Error, ErrorKind, Result};

const NAME: &str = "libcontainer.json";
const NEW: &str = "libcontainer.json.new";

/// No note is longer.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// The note.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    version: u32,
    /// Open files of the host's: CRIU's name for each, and what stands for it.
    pub streams: BTreeMap<String, Stream>,
    /// Mount points of the host's directories and files, as paths in the container.
    pub mounts: Vec<String>,
    /// Its first process has a terminal of the container's own.
    pub terminal: bool,
    /// Its network namespace was somebody else's.
    pub external_network: bool,
    /// Its PID namespace was somebody else's.
    pub external_pids: bool,
}

impl Note {
    /// One of this version.
    pub fn new(streams: BTreeMap<String, Stream>, mounts: Vec<String>) -> Self {
        Self { version: VERSION, streams, mounts, ..Self::default() }
    }

    /// Writes it beside the images.
    pub fn write(&self, images: BorrowedFd<'_>) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::new(ErrorKind::System, format!("{NAME}: {error}")))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
        let file = openat(images, NEW, flags | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR)
            .sys("open", || NEW)?;
        std::io::Write::write_all(&mut std::fs::File::from(file), &text).sys("write", || NEW)?;
        Ok(renameat(images, NEW, images, NAME).sys("rename", || NAME)?)
    }

    /// Reads it.
    pub fn read(images: BorrowedFd<'_>) -> Result<Self> {
        let broken = |why: String| {
            Error::new(ErrorKind::System, format!("{NAME} of the checkpoint is broken: {why}"))
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: OwnedFd = match openat(images, NAME, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => {
                let error = SysError::new("open", NAME, Errno::NOENT);
                return Err(Error::from(error).with_hint(
                    "that is no complete checkpoint of nsrun, nsinit or their library",
                ));
            }
            Err(errno) => return Err(SysError::new("open", NAME, errno).into()),
        };
        let mut text = Vec::new();
        let mut file = std::io::Read::take(std::fs::File::from(file), LONGEST);
        std::io::Read::read_to_end(&mut file, &mut text).sys("read", || NAME)?;
        let note: Self =
            serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
        if note.version != VERSION {
            return Err(broken(format!("version {} is not {VERSION}", note.version)));
        }
        if let Some(key) = note.streams.keys().find(|key| !is_key(key)) {
            return Err(broken(format!("{key:?} names no open file")));
        }
        Ok(note)
    }
}

/// Whether this is what CRIU calls an open file by: `file[1a:2b]`, `tty[8801:18]`, `pipe:[123]`.
fn is_key(key: &str) -> bool {
    let inside = |start: &str| key.strip_prefix(start)?.strip_suffix(']');
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    let pair = |text: &str| text.split_once(':').is_some_and(|(a, b)| hex(a) && hex(b));
    inside("file[").is_some_and(pair)
        || inside("tty[").is_some_and(pair)
        || inside("pipe:[").is_some_and(|text| text.parse::<u64>().is_ok())
}

#[cfg(test)]
mod tests;
