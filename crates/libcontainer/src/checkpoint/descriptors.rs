//! Open files of a container's processes that are the host's: its streams, mostly. CRIU is told
//! of each, and at the restore what stands for it.

use std::collections::{BTreeMap, BTreeSet};

use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat, major, minor, readlinkat, statat};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Mounts;
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result};

/// What stands for an open file of the host's at a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// The restored process's standard input.
    Stdin,
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
    /// The host's /dev/null.
    Null,
}

impl Stream {
    fn of(number: i32) -> Option<Self> {
        match number {
            0 => Some(Self::Stdin),
            1 => Some(Self::Stdout),
            2 => Some(Self::Stderr),
            _ => None,
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Outside {
    /// CRIU's name for each open file, and what will stand for it.
    pub streams: BTreeMap<String, Stream>,
}

/// Character devices 136 to 143 are pseudo-terminals, 4 and 5 the others (admin-guide/devices.txt).
const TERMINALS: [std::ops::RangeInclusive<u32>; 2] = [136..=143, 4..=5];

/// Looks at all descriptors of `processes`, the container's first one first.
///
/// # Errors
/// A file of the host's that nothing could stand for.
pub fn look(
    proc: &Procfs,
    processes: &[i32],
    mounts: &Mounts,
    terminals_too: bool,
) -> Result<Outside> {
    let mut found = Outside::default();
    let mut pipes: BTreeMap<String, Pipe> = BTreeMap::new();
    for pid in processes {
        for number in numbers(proc, *pid) {
            // It may have been closed meanwhile; CRIU looks again when all stand still.
            let Some(file) = File::open(proc, *pid, number) else { continue };
            if file.link.starts_with("pipe:[") {
                let pipe = pipes.entry(file.link.clone()).or_default();
                pipe.ends.insert(file.flags & 3);
                pipe.stream = pipe.stream.or(Stream::of(number));
            } else if let Some(key) = file.key(mounts)
                && !found.streams.contains_key(&key)
            {
                let stream = file.stands_for(*pid, number, terminals_too)?;
                found.streams.insert(key, stream);
            }
        }
    }
    for (key, pipe) in pipes {
        // Whose other end is in the container, too, comes back with it.
        if let (1, Some(stream)) = (pipe.ends.len(), pipe.stream) {
            found.streams.insert(key, stream);
        }
    }
    Ok(found)
}

#[derive(Debug, Default)]
struct Pipe {
    /// The access modes that there are.
    ends: BTreeSet<u32>,
    stream: Option<Stream>,
}

fn numbers(proc: &Procfs, pid: i32) -> Vec<i32> {
    let Ok(directory) = proc.open_file(format!("{pid}/fd"), OFlags::RDONLY | OFlags::DIRECTORY)
    else {
        return Vec::new();
    };
    let entries = Dir::new(directory).into_iter().flatten().flatten();
    let mut all: Vec<i32> =
        entries.filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok()).collect();
    all.sort_unstable();
    all
}

struct File {
    link: String,
    stat: Stat,
    mount: u64,
    flags: u32,
}

impl File {
    fn open(proc: &Procfs, pid: i32, number: i32) -> Option<Self> {
        let all = proc.open_file(format!("{pid}/fd"), OFlags::PATH | OFlags::DIRECTORY).ok()?;
        let name = number.to_string();
        let link = readlinkat(&all, &name, Vec::new()).ok()?.to_string_lossy().into_owned();
        let stat = statat(&all, &name, AtFlags::empty()).ok()?;
        let info = proc.read(format!("{pid}/fdinfo/{number}")).ok()?;
        let info = String::from_utf8_lossy(&info).into_owned();
        let field = |name: &str| {
            info.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
        };
        Some(Self {
            link,
            stat,
            mount: field("mnt_id:")?.parse().ok()?,
            flags: u32::from_str_radix(&field("flags:")?, 8).ok()?,
        })
    }

    fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    fn device(&self) -> (u32, u32) {
        (major(self.stat.st_rdev), minor(self.stat.st_rdev))
    }

    fn is_terminal(&self) -> bool {
        let major = self.device().0;
        self.kind() == FileType::CharacterDevice && TERMINALS.iter().any(|all| all.contains(&major))
    }

    /// CRIU's name, for one of the host's. What has no path (sockets, memory, the kernel's own
    /// files) is CRIU's to judge.
    fn key(&self, mounts: &Mounts) -> Option<String> {
        let named = self.link.starts_with('/') && !self.link.starts_with("/memfd:");
        if !named || mounts.has(self.mount) {
            return None;
        }
        match self.kind() {
            FileType::Socket | FileType::Fifo => None,
            _ if self.is_terminal() => {
                Some(format!("tty[{:x}:{:x}]", self.stat.st_rdev, self.stat.st_dev))
            }
            _ => Some(format!("file[{:x}:{:x}]", self.mount, self.stat.st_ino)),
        }
    }

    fn stands_for(&self, pid: i32, number: i32, terminals_too: bool) -> Result<Stream> {
        let wrong = |what: &str| {
            let message = format!("descriptor {number} of process {pid} is {}, {what}", self.link);
            Error::new(ErrorKind::System, message)
        };
        if self.is_terminal() && !terminals_too {
            return Err(wrong("a terminal outside of the container")
                .with_hint("--shell-job lets it be another at the restore"));
        }
        let null = self.kind() == FileType::CharacterDevice && self.device() == (1, 3);
        match Stream::of(number) {
            Some(stream) => Ok(stream),
            None if null => Ok(Stream::Null),
            None => Err(wrong("which is outside of the container")
                .with_hint("only standard streams and /dev/null can be exchanged at a restore")),
        }
    }
}
