//! The container's own passwd(5) and group(5) files, which anybody may have written.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat};
use rustix::io::Errno;
use sys::Context;

use super::below;
use crate::{Error, Result};

/// The most that we read of a file; a real one has some kilobytes.
const LIMIT: u64 = 10 << 20;

/// A root directory whose account files are read.
#[derive(Debug)]
pub(super) struct Accounts {
    root: OwnedFd,
}

/// A user's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passwd {
    pub(super) name: Vec<u8>,
    pub(super) uid: u32,
    pub(super) gid: u32,
    home: CString,
}

/// What the group file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Membership {
    /// The numbers of the groups that were asked for by name, as far as they exist.
    pub(super) by_name: BTreeMap<String, u32>,
    /// The groups that list the user as a member.
    pub(super) member_of: Vec<u32>,
}

impl Passwd {
    /// The home directory, `/` where the entry has none.
    pub(super) fn home(self) -> CString {
        if self.home.is_empty() { c"/".to_owned() } else { self.home }
    }
}

impl Accounts {
    /// The files below `root`.
    pub(super) fn open(root: impl AsRef<Path>) -> Result<Self> {
        let root = root.as_ref();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, root, flags, Mode::empty())
            .sys("openat", || root.display().to_string())?;
        Ok(Self { root })
    }

    /// The first entry of that name.
    pub(super) fn user_by_name(&self, name: &str) -> Result<Passwd> {
        let absent = |what: &str| {
            Error::invalid("process.user", format!("user {name:?} does not exist{what}"))
        };
        let Some(mut lines) = self.lines("etc/passwd")? else {
            return Err(absent(": the container has no /etc/passwd"));
        };
        while let Some(entry) = lines.next()? {
            if entry.fields.first() == Some(&name.as_bytes()) {
                return entry.passwd();
            }
        }
        Err(absent(" in the container's /etc/passwd"))
    }

    /// The first entry with that number, if there is one.
    pub(super) fn user_by_number(&self, uid: u32) -> Result<Option<Passwd>> {
        let Some(mut lines) = self.lines("etc/passwd")? else { return Ok(None) };
        while let Some(entry) = lines.next()? {
            if entry.fields.get(2).and_then(|field| id(field)) == Some(uid) {
                return entry.passwd().map(Some);
            }
        }
        Ok(None)
    }

    /// The groups of these names, and those that list `member`; reads nothing for no question.
    pub(super) fn groups(&self, names: &[&str], member: Option<&[u8]>) -> Result<Membership> {
        let mut found = Membership::default();
        if names.is_empty() && member.is_none() {
            return Ok(found);
        }
        let Some(mut lines) = self.lines("etc/group")? else { return Ok(found) };
        while let Some(entry) = lines.next()? {
            let [name, _, number, rest @ ..] = entry.fields.as_slice() else { continue };
            let gid = id(number);
            if let Some(asked) = names.iter().find(|asked| asked.as_bytes() == *name)
                && !found.by_name.contains_key(*asked)
            {
                let gid = gid.ok_or_else(|| entry.malformed())?;
                found.by_name.insert((*asked).to_owned(), gid);
            }
            let lists = |member: &[u8]| {
                rest.first().is_some_and(|all| all.split(|b| *b == b',').any(|one| one == member))
            };
            if member.is_some_and(lists) {
                found.member_of.push(gid.ok_or_else(|| entry.malformed())?);
            }
        }
        Ok(found)
    }

    /// The file at `path`; `None` where there is none.
    fn lines(&self, path: &'static str) -> Result<Option<Lines>> {
        let open = |flags: OFlags| {
            // A link may be anywhere in an image, but stays inside it.
            below::open(&self.root, Path::new(path), flags)
                .sys("openat2", || format!("the container's /{path}"))
        };
        let look = |file: &OwnedFd| fstat(file).sys("fstat", || format!("/{path}"));
        // Looked at before it is opened: opening a FIFO blocks, opening a device may do anything.
        let handle = match open(OFlags::PATH) {
            Ok(handle) => handle,
            Err(error) if matches!(error.errno(), Errno::NOENT | Errno::NOTDIR) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let seen = look(&handle)?;
        readable(path, &seen)?;
        let file = open(OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        let opened = look(&file)?;
        if (opened.st_dev, opened.st_ino) != (seen.st_dev, seen.st_ino) {
            return Err(refused(path, "changes while it is read"));
        }
        let reader = BufReader::new(File::from(file).take(LIMIT + 1));
        Ok(Some(Lines { path, reader, line: Vec::new(), number: 0, total: 0 }))
    }
}

fn readable(path: &str, stat: &Stat) -> Result<()> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(refused(path, "is not a regular file"));
    }
    if stat.st_size.unsigned_abs() > LIMIT {
        return Err(refused(path, "is larger than 10 MiB"));
    }
    Ok(())
}

fn refused(path: &str, why: &str) -> Error {
    Error::invalid("process.user", format!("the container's /{path} {why}"))
}

/// The entries of a file, one at a time.
struct Lines {
    path: &'static str,
    reader: BufReader<std::io::Take<File>>,
    line: Vec<u8>,
    number: u32,
    total: u64,
}

impl Lines {
    /// The fields of the next entry; comments and empty lines are passed over.
    fn next(&mut self) -> Result<Option<Entry<'_>>> {
        loop {
            self.line.clear();
            let read = self
                .reader
                .read_until(b'\n', &mut self.line)
                .sys("read", || format!("the container's /{}", self.path))?;
            self.number += 1;
            self.total += read as u64;
            if self.total > LIMIT {
                return Err(refused(self.path, "is larger than 10 MiB"));
            }
            if read == 0 {
                return Ok(None);
            }
            if self.line.ends_with(b"\n") {
                self.line.pop();
            }
            if !self.line.is_empty() && !self.line.starts_with(b"#") {
                break;
            }
        }
        let fields = self.line.split(|byte| *byte == b':').collect();
        Ok(Some(Entry { path: self.path, number: self.number, fields }))
    }
}

/// One line of a file.
struct Entry<'a> {
    path: &'static str,
    number: u32,
    fields: Vec<&'a [u8]>,
}

impl Entry<'_> {
    fn malformed(&self) -> Error {
        refused(self.path, &format!("has a malformed entry in line {}", self.number))
    }

    /// `name:password:uid:gid:comment:home:shell`; the fields after the gid may be missing.
    fn passwd(&self) -> Result<Passwd> {
        let parsed = || {
            let [name, _, uid, gid, rest @ ..] = self.fields.as_slice() else { return None };
            let home = CString::new(rest.get(1).copied().unwrap_or_default()).ok()?;
            Some(Passwd { name: name.to_vec(), uid: id(uid)?, gid: id(gid)?, home })
        };
        parsed().ok_or_else(|| self.malformed())
    }
}

/// Digits only, below 2^32 - 1, which means "no change" to the kernel.
fn id(field: &[u8]) -> Option<u32> {
    if field.is_empty() || !field.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(field).ok()?.parse().ok().filter(|number| *number != u32::MAX)
}
