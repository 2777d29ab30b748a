//! Reading many small control files.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::file::{Dir, failed};
use crate::parse::{flat, number};
use crate::{Error, Result};

/// More than most control files ever have; memory.stat has some 2 KiB.
const USUAL: usize = 16 << 10;

/// The space that all files of one look are read into.
#[derive(Debug, Default)]
pub(super) struct Reader(Vec<u8>);

impl Reader {
    /// The files of one directory.
    pub(super) fn open(&mut self, path: &Path) -> Result<Files<'_>> {
        Ok(Files { dir: Dir::open(path)?, buffer: &mut self.0, any: false })
    }
}

/// The control files of one directory.
#[derive(Debug)]
pub(super) struct Files<'a> {
    dir: Dir,
    buffer: &'a mut Vec<u8>,
    /// One of the files was there.
    any: bool,
}

impl Files<'_> {
    /// The text of a file; none where it is not there, or its feature is switched off.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<&str>> {
        let fd = match self.dir.file(name, OFlags::RDONLY) {
            Ok(fd) => fd,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.buffer.resize(self.buffer.len().max(USUAL), 0);
        let mut used = 0;
        // The kernel makes a figure's text as a whole, so what does not fill the space is all.
        loop {
            match rustix::io::read(&fd, &mut self.buffer[used..]) {
                Ok(count) if used + count < self.buffer.len() => {
                    used += count;
                    break;
                }
                Ok(count) => {
                    used += count;
                    self.buffer.resize(used * 2, 0);
                }
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP) => return Ok(None),
                Err(errno) => {
                    let what = format!("reading {name} of {}", self.dir.path().display());
                    return Err(failed(what, "read", errno));
                }
            }
        }
        self.any = true;
        let malformed = |_| Error::Malformed {
            path: self.dir.path().join(name),
            text: String::from_utf8_lossy(&self.buffer[..used.min(80)]).into_owned(),
        };
        std::str::from_utf8(&self.buffer[..used]).map(Some).map_err(malformed)
    }

    /// A number; none for `max` too.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>> {
        Ok(self.text(name)?.and_then(number))
    }

    /// A limit, where `max` is the largest number.
    pub(super) fn limit(&mut self, name: &str) -> Result<Option<u64>> {
        let limit = |text: &str| if text.trim() == "max" { Some(u64::MAX) } else { number(text) };
        Ok(self.text(name)?.and_then(limit))
    }

    /// `KEY VALUE` lines; empty where the file is not there.
    pub(super) fn flat(&mut self, name: &str) -> Result<BTreeMap<String, u64>> {
        Ok(self.text(name)?.map(flat).unwrap_or_default())
    }

    /// The end of the look.
    ///
    /// Errors: that of a file that is not there, if none was: the group went after its directory
    /// had been opened.
    pub(super) fn finish(self) -> Result<()> {
        if self.any {
            return Ok(());
        }
        let what = format!("reading the figures of {}", self.dir.path().display());
        Err(failed(what, "openat", Errno::NOENT))
    }
}

fn is_absent(error: &Error) -> bool {
    matches!(error.errno(), Some(Errno::NOENT | Errno::OPNOTSUPP))
}
