//! The init program, opened so that nobody who sees it running can write to it (CVE-2019-5736).
//!
//! The best view is an overlay of read-only layers, mounted nowhere: its superblock itself is
//! read-only, so neither a remount nor mount_setattr(2) by anybody makes it writable, and the
//! pages of the program are shared with the file below. For an ordinary user, who may make none, root's
//! own file will do: no container of his has anybody who might write to it. Else a sealed memfd
//! holds a copy.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, fstat, open, openat, readlink, sendfile};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_fd,
    fsconfig_set_string, fsmount, fsopen,
};
use sys::Context;

use crate::error::Step;
use crate::{Error, ErrorKind, Result};

/// A program that can be executed, and not written to.
#[derive(Debug)]
pub(crate) struct Sealed {
    program: OwnedFd,
    /// The program's overlay. Closing it earlier would take the mount apart, with a wait for a
    /// grace period in the middle of a start.
    _mount: Option<OwnedFd>,
}

impl Sealed {
    /// The program at `path`; `None` is the one that this process runs.
    pub(crate) fn new(path: Option<&Path>) -> Result<Self> {
        let file = open(
            path.unwrap_or(Path::new("/proc/self/exe")),
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .sys("open", || path.unwrap_or(Path::new("/proc/self/exe")).display().to_string())
        .step(|| "opening the init program")?;
        match in_overlay(path, &file) {
            Ok((program, mount)) => Ok(Self { program, _mount: Some(mount) }),
            Err(_) if is_out_of_reach(&file) => Ok(Self { program: file, _mount: None }),
            Err(_) => {
                let program = in_memory(&file).step(|| "sealing the init program")?;
                Ok(Self { program, _mount: None })
            }
        }
    }
}

impl AsFd for Sealed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }
}

/// The program in its overlay, and the overlay.
fn in_overlay(path: Option<&Path>, file: &OwnedFd) -> Result<(OwnedFd, OwnedFd)> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => {
            let link =
                readlink("/proc/self/exe", Vec::new()).sys("readlink", || "/proc/self/exe")?;
            PathBuf::from(std::ffi::OsString::from(link.to_string_lossy().into_owned()))
        }
    };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::new(ErrorKind::System, "the init program has no directory"));
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let directory = open(parent, flags, Mode::empty()).sys("open", || "")?;
    // An overlay without a writable layer wants two others; what the second holds is not used.
    let second = open("/sys", flags, Mode::empty()).sys("open", || "/sys")?;
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).sys("fsopen", || "overlay")?;
    add_layers(&context, [&directory, &second]).sys("fsconfig", || "lowerdir")?;
    fsconfig_create(context.as_fd()).sys("fsconfig", || "create overlay")?;
    let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV;
    let mount = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
        .sys("fsmount", || "overlay")?;
    let program =
        openat(&mount, name, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())
            .sys("openat", || "the init program in its overlay")?;
    let (seen, wanted) = (fstat(&program).sys("fstat", || "")?, fstat(file).sys("fstat", || "")?);
    // The name may mean another file by now.
    if (seen.st_ino, seen.st_size, seen.st_mtime)
        != (wanted.st_ino, wanted.st_size, wanted.st_mtime)
    {
        return Err(Error::new(ErrorKind::System, "the init program has been replaced"));
    }
    Ok((program, mount))
}

/// Names the layers of an overlay, the uppermost first: by their descriptors where the kernel takes
/// such (Linux 6.15; 6.13 refuses those of O_PATH), since a path of /proc has it make and forget six
/// inodes.
fn add_layers(context: &OwnedFd, layers: [&OwnedFd; 2]) -> rustix::io::Result<()> {
    let [first, second] = layers;
    if fsconfig_set_fd(context.as_fd(), "lowerdir+", first.as_fd()).is_ok() {
        return fsconfig_set_fd(context.as_fd(), "lowerdir+", second.as_fd());
    }
    let layers =
        format!("/proc/self/fd/{}:/proc/self/fd/{}", first.as_raw_fd(), second.as_raw_fd());
    fsconfig_set_string(context.as_fd(), "lowerdir", layers)
}

/// Whether neither the caller nor any id that he may map in a user namespace can write to it: it is
/// root's, who is never among those (subuid(5)), and nobody else's by its mode or a list.
fn is_out_of_reach(file: &OwnedFd) -> bool {
    let Ok(stat) = fstat(file) else { return false };
    let listed = rustix::fs::fgetxattr(file, "system.posix_acl_access", &mut [0_u8; 0][..]).is_ok();
    let others = Mode::WGRP | Mode::WOTH;
    !rustix::process::geteuid().is_root()
        && stat.st_uid == 0
        && stat.st_mode & others.as_raw_mode() == 0
        && !listed
}

fn in_memory(file: &OwnedFd) -> Result<OwnedFd> {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Since Linux 6.3 it is said whether one is to be executed; vm.memfd_noexec may insist.
    let copy = match memfd_create("libcontainer-init", flags | MemfdFlags::EXEC) {
        Err(Errno::INVAL) => memfd_create("libcontainer-init", flags),
        made => made,
    };
    let copy = copy.sys("memfd_create", || "").map_err(Error::from).map_err(|error| match error
        .errno()
        .map(Errno::from_raw_os_error)
    {
        Some(Errno::ACCESS) => error.with_hint(
            "the sysctl vm.memfd_noexec is 2: then the program must belong to root, who alone may \
             write to it",
        ),
        _ => error,
    })?;
    let size = fstat(file).sys("fstat", || "")?.st_size as u64;
    let mut copied = 0;
    while copied < size {
        let now = sendfile(&copy, file, Some(&mut copied.clone()), (size - copied) as usize)
            .sys("sendfile", || "to a memfd")?;
        if now == 0 {
            return Err(Error::new(ErrorKind::System, "the init program became shorter"));
        }
        copied += now as u64;
    }
    fcntl_add_seals(
        &copy,
        SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE,
    )
    .sys("fcntl", || "F_ADD_SEALS")?;
    // A descriptor that cannot write, so that the kernel lets it be executed (ETXTBSY).
    let path = format!("/proc/self/fd/{}", copy.as_raw_fd());
    Ok(openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .sys("open", || "the sealed memfd")?)
}
