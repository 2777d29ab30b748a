//! Single file operations that tell their errno.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Uid, chmod, chownat, makedev, mknodat, open,
    symlink, unlinkat,
};
use sys::Context;

use crate::{Failure, Outcome, line, number, number_or, ok, text};

pub fn run(verb: &str, args: &[String]) -> Outcome {
    let path = text(args, 0, "a path")?;
    match verb {
        "open" => try_open(path, args.get(1).map_or("r", String::as_str))?,
        "read" => print!("{}", String::from_utf8_lossy(&fs::read(path).sys("read", || path)?)),
        "write" => write(path, text(args, 1, "a text")?, OFlags::CREATE | OFlags::TRUNC)?,
        "append" => write(path, text(args, 1, "a text")?, OFlags::CREATE | OFlags::APPEND)?,
        "stat" => return stat(path),
        "mknod" => mknod(args)?,
        "mkdir" => fs::create_dir(path).sys("mkdir", || path)?,
        "unlink" => unlinkat(CWD, path, AtFlags::empty()).sys("unlink", || path)?,
        "rmdir" => unlinkat(CWD, path, AtFlags::REMOVEDIR).sys("rmdir", || path)?,
        "chmod" => chmod(path, mode(args, 1)?).sys("chmod", || path)?,
        "chown" => chown(args)?,
        "symlink" => {
            let link = text(args, 1, "the link's path")?;
            symlink(path, link).sys("symlink", || link)?;
        }
        _ => return wait_for(path, number_or(args, 1, 10, "a number of seconds")?),
    }
    if verb == "read" { Ok(ExitCode::SUCCESS) } else { ok() }
}

fn try_open(path: &str, how: &str) -> Result<(), Failure> {
    let flags = match how {
        "r" => OFlags::RDONLY,
        "w" => OFlags::WRONLY,
        "rw" => OFlags::RDWR,
        "a" => OFlags::WRONLY | OFlags::APPEND,
        "create" => OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL,
        _ => return Err(Failure::Usage(format!("{how} is not r, w, rw, a or create"))),
    };
    let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open(path, flags, Mode::from_raw_mode(0o644)).sys("open", || path)?;
    Ok(())
}

fn write(path: &str, text: &str, flags: OFlags) -> Result<(), Failure> {
    let flags = flags | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::from_raw_mode(0o644)).sys("open", || path)?;
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let written = rustix::io::write(&file, rest).sys("write", || path)?;
        rest = &rest[written..];
    }
    Ok(())
}

fn stat(path: &str) -> Outcome {
    let found = fs::symlink_metadata(path).sys("lstat", || path)?;
    let kind = match FileType::from_raw_mode(found.mode()) {
        FileType::RegularFile => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "symlink",
        FileType::CharacterDevice => "char",
        FileType::BlockDevice => "block",
        FileType::Fifo => "fifo",
        FileType::Socket => "socket",
        _ => "unknown",
    };
    line(&format!("type {kind}"));
    line(&format!("mode {:04o}", found.mode() & 0o7777));
    line(&format!("uid {}", found.uid()));
    line(&format!("gid {}", found.gid()));
    let rdev = found.rdev();
    line(&format!("rdev {}:{}", rustix::fs::major(rdev), rustix::fs::minor(rdev)));
    line(&format!("size {}", found.size()));
    line(&format!("links {}", found.nlink()));
    if let Ok(target) = fs::read_link(path) {
        line(&format!("target {}", target.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn mknod(args: &[String]) -> Result<(), Failure> {
    let path = text(args, 0, "a path")?;
    let kind = match text(args, 1, "c, b, p or s")? {
        "c" | "u" => FileType::CharacterDevice,
        "b" => FileType::BlockDevice,
        "p" => FileType::Fifo,
        "s" => FileType::Socket,
        other => return Err(Failure::Usage(format!("{other} is not c, b, p or s"))),
    };
    let device =
        makedev(number_or(args, 2, 0, "a major number")?, number_or(args, 3, 0, "a minor number")?);
    mknodat(CWD, path, kind, Mode::from_raw_mode(0o600), device).sys("mknod", || path)?;
    Ok(())
}

fn mode(args: &[String], index: usize) -> Result<Mode, Failure> {
    let given = text(args, index, "a mode")?;
    u32::from_str_radix(given, 8)
        .map(Mode::from_raw_mode)
        .map_err(|_| Failure::Usage(format!("{given} is no octal mode")))
}

fn chown(args: &[String]) -> Result<(), Failure> {
    let path = text(args, 0, "a path")?;
    let uid = Uid::from_raw(number(args, 1, "a uid")?);
    let gid = Gid::from_raw(number(args, 2, "a gid")?);
    chownat(CWD, path, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).sys("chown", || path)?;
    Ok(())
}

fn wait_for(path: &str, seconds: u64) -> Outcome {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !Path::new(path).exists() {
        if Instant::now() > end {
            line(&format!("error ETIMEDOUT wait-for {path}"));
            return Ok(ExitCode::from(1));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    ok()
}
