//! Finding the program, and explaining why it could not be executed.

use std::ffi::OsStr;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, accessat, open, statat};
use rustix::io::Errno;
use rustix::path::Arg;
use sys::SysError;

use super::user::Identity;
use crate::plan::process::ProcessPlan;
use crate::{Error, ErrorKind, Result};

/// Where programs are looked for when the environment has no PATH.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The path to execute, to be called inside the container as the user: root may find what the user
/// cannot execute. A name with a slash is taken as it is, seen from the plan's working directory;
/// others are looked up in the PATH of the plan's
/// environment; its elements that are not absolute are passed over, so that no program of the
/// working directory is started by surprise.
///
/// # Errors
/// [`ErrorKind::ProcessNotExecuted`] with an errno: ENOENT for what does not exist (exit code 127
/// by custom), EACCES or EISDIR for what cannot be executed (126). A directory of PATH is passed
/// over for ENOENT, ENOTDIR, EACCES and a directory of that name, as execvp(3) does; any other
/// errno ends the search.
pub fn find(plan: &ProcessPlan, identity: &Identity) -> Result<CString> {
    let Some(name) = plan.args.first() else {
        return Err(refused(c"", "", Errno::NOENT));
    };
    let denied = |path: &CStr| {
        let hint = format!("for uid {} it is not executable, or its mount is noexec", identity.uid);
        refused(path, "", Errno::ACCESS).with_hint(hint)
    };
    if name.as_bytes().contains(&b'/') {
        // An absolute name replaces the directory.
        return match executable(&plan.cwd.join(OsStr::from_bytes(name.as_bytes()))) {
            Ok(()) => Ok(name.clone()),
            Err(Errno::ACCESS) => Err(denied(name)),
            // What execve(2) says of it, and engines look for.
            Err(Errno::ISDIR) => {
                Err(refused(name, "", Errno::ISDIR).with_hint("execve: permission denied"))
            }
            Err(errno) => Err(refused(name, "", errno)),
        };
    }
    let path = plan.env.iter().find_map(|entry| entry.as_bytes().strip_prefix(b"PATH="));
    let path = path.unwrap_or(DEFAULT_PATH);
    let mut found = None;
    for directory in path.split(|byte| *byte == b':').filter(|d| d.starts_with(b"/")) {
        let Ok(candidate) = CString::new([directory, b"/", name.as_bytes()].concat()) else {
            continue;
        };
        match executable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(Errno::ACCESS) => found = found.or(Some(candidate)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ISDIR) => {}
            // What says nothing of the program: too many open files, no memory, a broken disk.
            Err(errno) => return Err(refused(&candidate, "", errno)),
        }
    }
    match found {
        Some(candidate) => Err(denied(&candidate)),
        None => {
            let what = ": executable file not found in $PATH";
            let hint = format!("PATH is {:?}", String::from_utf8_lossy(path));
            Err(refused(name, what, Errno::NOENT).with_hint(hint))
        }
    }
}

/// Whether the calling process may execute it, as far as its mode and mount say.
fn executable<P: Arg + Copy>(path: P) -> std::result::Result<(), Errno> {
    accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)?;
    match FileType::from_raw_mode(statat(CWD, path, AtFlags::empty())?.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(Errno::ISDIR),
        _ => Err(Errno::ACCESS),
    }
}

fn refused(program: &CStr, what: &str, errno: Errno) -> Error {
    let args = format!("{:?}{what}", program.to_string_lossy());
    Error::from(SysError::new("exec:", args, errno)).as_kind(ErrorKind::ProcessNotExecuted)
}

/// Why execve(2) of `program` failed, in the words of the kernel, with what a look at the file
/// adds: a missing interpreter, another processor. `label` is the SELinux label it was to get.
pub fn not_executed(program: &CStr, label: Option<&str>, error: SysError) -> Error {
    let explained = refused(program, "", error.errno());
    let head = head(program);
    let hint = match error.errno() {
        Errno::ACCESS | Errno::PERM if label.is_some() => Some(
            "SELinux' policy may not allow that change of label, or this program for it: see AVC messages \
             in the audit log"
                .to_owned(),
        ),
        Errno::NOENT => missing_interpreter(&head),
        Errno::NOEXEC => Some(wrong_format(&head)),
        Errno::ACCESS => Some(
            "it, or its interpreter, is not executable for this user, its mount is noexec, or Landlock \
             does not let it be executed and read"
                .to_owned(),
        ),
        Errno::TOOBIG => Some("the arguments and the environment are too large".to_owned()),
        Errno::AGAIN => Some("the user's RLIMIT_NPROC is exceeded".to_owned()),
        _ => None,
    };
    match hint {
        Some(hint) => explained.with_hint(hint),
        None => explained,
    }
}

/// The first 4 KiB of a file, empty where it cannot be read.
fn head(program: &CStr) -> Vec<u8> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut head = Vec::new();
    if let Ok(file) = open(program, flags, Mode::empty()) {
        // Whatever could be read serves.
        let _ = File::from(file).take(4096).read_to_end(&mut head);
    }
    head
}

fn missing_interpreter(head: &[u8]) -> Option<String> {
    let interpreter = script_interpreter(head).or_else(|| elf_interpreter(head))?;
    let name = String::from_utf8_lossy(interpreter);
    Some(format!("the file exists, its interpreter {name:?} does not"))
}

/// `#! interpreter argument` (execve(2), "Interpreter scripts").
fn script_interpreter(head: &[u8]) -> Option<&[u8]> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    line.split(|byte| matches!(byte, b' ' | b'\t')).find(|word| !word.is_empty())
}

/// The PT_INTERP segment of a little-endian 64-bit file (elf(5)).
fn elf_interpreter(head: &[u8]) -> Option<&[u8]> {
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let number = |at: usize, size: usize| -> Option<usize> {
        let bytes = head.get(at..at.checked_add(size)?)?;
        bytes
            .iter()
            .rev()
            .try_fold(0usize, |n, byte| n.checked_mul(256)?.checked_add(*byte as usize))
    };
    let (table, entry, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for index in 0..count {
        let segment = table.checked_add(index.checked_mul(entry)?)?;
        if number(segment, 4)? == 3 {
            let (offset, size) = (number(segment + 8, 8)?, number(segment + 32, 8)?);
            let name = head.get(offset..offset.checked_add(size)?)?;
            return name.split(|byte| *byte == 0).next();
        }
    }
    None
}

fn wrong_format(head: &[u8]) -> String {
    if !head.starts_with(b"\x7fELF") {
        return "it is neither a program nor a script that starts with #!".to_owned();
    }
    match head.get(18..20) {
        Some(machine) => {
            format!(
                "it is a program for {}",
                processor(u16::from_le_bytes([machine[0], machine[1]]))
            )
        }
        None => "it is a truncated program".to_owned(),
    }
}

/// e_machine, linux/elf-em.h.
fn processor(machine: u16) -> String {
    let name = match machine {
        3 => "x86",
        8 => "MIPS",
        20 => "PowerPC",
        21 => "64-bit PowerPC",
        22 => "S/390",
        40 => "32-bit ARM",
        62 => "x86-64",
        183 => "aarch64",
        243 => "RISC-V",
        258 => "LoongArch",
        _ => return format!("another processor (ELF machine {machine})"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;
