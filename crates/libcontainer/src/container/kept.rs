//! Filters that are kept compiled below the state root, for the next start with the same profiles.
//!
//! A start never fails for them, nor waits for the keeping. What is found counts only if it is a
//! file of our own that nobody else may touch, whole by its checksum, of this very program and for
//! these very profiles, byte for byte, and of instructions that the compiler can have written. All
//! else is a miss, and is replaced. There are `SLOTS` files at most, a new one takes the place of
//! the one before it.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, linkat, mkdir, open, stat};
use rustix::process::geteuid;
use seccomp::Profile;

use crate::Result;
use crate::config::Config;
use crate::plan::filters::{Filters, filters};

/// No container may have this name.
const DIRECTORY: &str = "@filters";
/// How many files there are at most.
const SLOTS: u64 = 32;
/// What is larger than this, in bytes, is not kept.
const LARGEST: usize = 1 << 17;
/// The first bytes of each file.
const MAGIC: [u8; 8] = *b"filters1";
/// Bytes of the magic, the checksum, and the key's length.
const HEAD: usize = 24;
/// From so many calls and conditions on their arguments on, a profile is looked for: Docker's has
/// 439, containerd's 366. With less, less than 20 µs can be won (`make bench-seccomp`;
/// docs/seccomp.md has the figures).
const WORTHWHILE: usize = 350;

/// The filters of one start.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// What is to be kept: the file, and its content.
    fresh: Option<(PathBuf, Vec<u8>)>,
}

impl Kept {
    /// The filters of a container, compiled unless they are kept below the state root `root`.
    ///
    /// They are kept for engines, which start one container after the other with the same large
    /// profile. Who has a container.json in his hands changes it now and then, or has none, and his
    /// state root is as empty after the last container as it was before the first.
    pub(crate) fn filters(&mut self, root: &Path, config: &Config) -> Result<Filters> {
        match config.oci && work(&config.seccomp) >= WORTHWHILE {
            true => self.find_or_compile(root, &config.seccomp),
            false => filters(&config.seccomp),
        }
    }

    fn find_or_compile(&mut self, root: &Path, profiles: &[Profile]) -> Result<Filters> {
        let Some(key) = key(profiles) else { return filters(profiles) };
        let directory = root.join(DIRECTORY);
        let file = directory.join(format!("{:02}", sum(&key) % SLOTS));
        if let Some(found) = read(&file).and_then(|content| understand(&content, &key)) {
            return Ok(found);
        }
        let compiled = filters(profiles)?;
        self.fresh = content(&compiled, &key).map(|content| (file, content));
        Ok(compiled)
    }

    /// Keeps what was compiled: when the program runs, and nobody waits.
    pub(crate) fn keep(self) {
        if let Some((file, content)) = self.fresh {
            let _ = write(&file, &content);
        }
    }
}

/// How much there is to compile.
fn work(profiles: &[Profile]) -> usize {
    let rules = profiles.iter().flat_map(|profile| &profile.syscalls);
    rules.map(|rule| (rule.names.len() + rule.numbers.len()) * (1 + rule.args.len())).sum()
}

/// All that the filters depend on: this program, whose compiler it is, and the profiles.
fn key(profiles: &[Profile]) -> Option<Vec<u8>> {
    let program = stat("/proc/self/exe").ok()?;
    let times = [program.st_mtime, program.st_ctime].map(i128::from);
    let mut bytes = Bytes(Vec::with_capacity(16 << 10));
    (program.st_dev, program.st_ino, program.st_size, times).hash(&mut bytes);
    (i128::from(program.st_mtime_nsec), i128::from(program.st_ctime_nsec)).hash(&mut bytes);
    profiles.hash(&mut bytes);
    Some(bytes.0)
}

/// What is no longer than this is put down byte by byte.
const SHORT: usize = 16;

/// What is hashed, one to one: lengths come before lists, and an end after texts.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    /// It comes in thousands of pieces, and to copy a short one costs musl's `memcpy` some 25 ns.
    fn write(&mut self, bytes: &[u8]) {
        if bytes.len() > SHORT {
            self.0.extend_from_slice(bytes);
        } else {
            bytes.iter().for_each(|&byte| self.0.push(byte));
        }
    }

    /// See [`sum`].
    fn finish(&self) -> u64 {
        sum(&self.0)
    }
}

/// FNV-1a by words of eight bytes: it finds the place, and tells what is broken.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let step = |sum: u64, word: u64| {
        let mixed = (sum ^ word).wrapping_mul(0x100_0000_01b3);
        mixed ^ (mixed >> 29)
    };
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let rest = rest.iter().map(|byte| u64::from(*byte));
    words.chain(rest).fold(0xcbf2_9ce4_8422_2325 ^ bytes.len() as u64, step)
}

/// A file that is our own and nobody else's.
fn read(file: &Path) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = open(file, flags, Mode::empty()).ok()?;
    let found = fstat(&opened).ok()?;
    let mode = Mode::from_raw_mode(found.st_mode);
    let length = usize::try_from(found.st_size).ok()?;
    let own = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
        && found.st_uid == geteuid().as_raw()
        && !mode.intersects(Mode::RWXG | Mode::RWXO)
        && found.st_nlink == 1
        && (HEAD..=LARGEST).contains(&length);
    let mut content = vec![0; if own { length } else { return None }];
    File::from(opened).read_exact(&mut content).ok()?;
    Some(content)
}

/// The filters in a file's content, if they are those of `key`.
fn understand(content: &[u8], key: &[u8]) -> Option<Filters> {
    let (head, rest) = content.split_first_chunk::<HEAD>()?;
    let (kept_key, body) = rest.split_at_checked(key.len())?;
    if *head != head_of(rest, key) || kept_key != key {
        return None;
    }
    let (found, []) = postcard::take_from_bytes::<Filters>(body).ok()? else { return None };
    let asks = |program: &seccomp::Program| program.needs_listener;
    let agents = found.programs.iter().filter(|program| asks(program)).count();
    let whole = !found.programs.is_empty()
        && found.programs.iter().all(seccomp::Program::is_sound)
        && agents == usize::from(found.listener.is_some());
    whole.then_some(found)
}

fn content(filters: &Filters, key: &[u8]) -> Option<Vec<u8>> {
    let rest = postcard::to_extend(filters, key.to_vec()).ok()?;
    let content = [&head_of(&rest, key)[..], &rest].concat();
    (content.len() <= LARGEST).then_some(content)
}

fn head_of(rest: &[u8], key: &[u8]) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let parts = [MAGIC, sum(rest).to_le_bytes(), (key.len() as u64).to_le_bytes()];
    head.as_chunks_mut::<8>().0.copy_from_slice(&parts);
    head
}

/// By a file without a name, which gets it when it is whole: nobody reads half of one, and who is
/// killed leaves nothing.
fn write(file: &Path, content: &[u8]) -> rustix::io::Result<()> {
    let Some(directory) = file.parent() else { return Ok(()) };
    let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
    let nameless = || open(directory, flags, Mode::RUSR | Mode::WUSR);
    let new = match nameless() {
        Err(rustix::io::Errno::NOENT) => {
            mkdir(directory, Mode::RWXU)?;
            nameless()?
        }
        result => result?,
    };
    if rustix::io::write(&new, content)? != content.len() {
        return Ok(());
    }
    // Nobody needs what was there: it is of no use to us, and who reads it has it open.
    let _ = rustix::fs::unlink(file);
    let nameless = format!("/proc/self/fd/{}", new.as_raw_fd());
    linkat(CWD, nameless, CWD, file, AtFlags::SYMLINK_FOLLOW)
}

#[cfg(test)]
mod tests;
