//! Single system calls that a container may or may not make.

use rustix::fs::{Gid, Uid};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::net::{AddressFamily, Protocol, SocketType, socket};
use rustix::process::{Rlimit, chroot, setrlimit};
use rustix::system::{setdomainname, sethostname};
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
use sys::Context;

use crate::{Failure, Outcome, line, names, number, ok, status, text};

pub fn run(verb: &str, args: &[String]) -> Outcome {
    match verb {
        "mount" => try_mount(args)?,
        "umount" => {
            let path = text(args, 0, "a path")?;
            unmount(path, UnmountFlags::empty()).sys("umount", || path)?;
        }
        "chroot" => {
            let path = text(args, 0, "a path")?;
            chroot(path).sys("chroot", || path)?;
        }
        "sethostname" => {
            let name = text(args, 0, "a name")?;
            sethostname(name.as_bytes()).sys("sethostname", || name)?;
        }
        "setdomainname" => {
            let name = text(args, 0, "a name")?;
            setdomainname(name.as_bytes()).sys("setdomainname", || name)?;
        }
        "setuid" => {
            let uid: u32 = number(args, 0, "a uid")?;
            set_thread_uid(Uid::from_raw(uid)).sys("setuid", || uid.to_string())?;
        }
        "setgid" => {
            let gid: u32 = number(args, 0, "a gid")?;
            set_thread_gid(Gid::from_raw(gid)).sys("setgid", || gid.to_string())?;
        }
        "setgroups" => try_setgroups(args)?,
        "setrlimit" => try_setrlimit(args)?,
        "socket" => try_socket(args)?,
        "syscall" => return try_syscalls(args),
        "ioctl-tiocsti" => {
            let byte = args.first().and_then(|arg| arg.bytes().next()).unwrap_or(b'x');
            sys::tiocsti::tiocsti(std::io::stdin(), byte)?;
        }
        _ => return Err(Failure::Usage(format!("{verb} is no verb; see probe help"))),
    }
    ok()
}

const MOUNT_FLAGS: &[(&str, MountFlags)] = &[
    ("bind", MountFlags::BIND),
    ("rbind", MountFlags::BIND.union(MountFlags::REC)),
    ("ro", MountFlags::RDONLY),
    ("nosuid", MountFlags::NOSUID),
    ("nodev", MountFlags::NODEV),
    ("noexec", MountFlags::NOEXEC),
    ("noatime", MountFlags::NOATIME),
    ("remount", MountFlags::from_bits_retain(32)),
];

fn try_mount(args: &[String]) -> Result<(), Failure> {
    let source = text(args, 0, "a source")?;
    let target = text(args, 1, "a target")?;
    let kind = text(args, 2, "a type")?;
    let mut flags = MountFlags::empty();
    let mut data = Vec::new();
    for option in args.get(3).map_or("", String::as_str).split(',').filter(|o| !o.is_empty()) {
        match MOUNT_FLAGS.iter().find(|(name, _)| *name == option) {
            Some((_, flag)) => flags |= *flag,
            None => data.push(option),
        }
    }
    let data = std::ffi::CString::new(data.join(",")).unwrap_or_default();
    mount(source, target, kind, flags, data.as_c_str()).sys("mount", || target)?;
    Ok(())
}

fn try_setgroups(args: &[String]) -> Result<(), Failure> {
    let groups = (0..args.len())
        .map(|index| number(args, index, "a gid").map(Gid::from_raw))
        .collect::<Result<Vec<_>, _>>()?;
    set_thread_groups(&groups).sys("setgroups", || args.join(" "))?;
    Ok(())
}

fn try_setrlimit(args: &[String]) -> Result<(), Failure> {
    let name = text(args, 0, "a limit's name")?;
    let resource = status::resource(name)
        .ok_or_else(|| Failure::Usage(format!("{name} is no limit like NOFILE")))?;
    let value = |index| match text(args, index, "a limit") {
        Ok("unlimited") => Ok(None),
        _ => number(args, index, "a limit").map(Some),
    };
    let limit = Rlimit { current: value(1)?, maximum: value(2)? };
    setrlimit(resource, limit).sys("setrlimit", || name)?;
    Ok(())
}

fn try_socket(args: &[String]) -> Result<(), Failure> {
    let family = AddressFamily::from_raw(number(args, 0, "a family")?);
    let kind = SocketType::from_raw(number(args, 1, "a type")?);
    let protocol: u32 = number(args, 2, "a protocol")?;
    let protocol = std::num::NonZeroU32::new(protocol).map(Protocol::from_raw);
    socket(family, kind, protocol).sys("socket", || args.join(" "))?;
    Ok(())
}

/// `syscall NUMBER RESULT` for each, RESULT being an errno's name or `= VALUE`.
fn try_syscalls(args: &[String]) -> Outcome {
    for index in 0..args.len() {
        let call: i64 = number(args, index, "a system call's number")?;
        let result = match sys::attempt::attempt(call) {
            Ok(value) => format!("= {value}"),
            Err(error) => names::errno(error.errno),
        };
        line(&format!("syscall {call} {result}"));
    }
    Ok(std::process::ExitCode::SUCCESS)
}
