//! Resolution below a directory, on the real kernel; no privileges are needed.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use super::*;

struct Root(PathBuf, std::os::fd::OwnedFd);

impl Root {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("inroot-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        let fd = openat(CWD, &path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        Self(path, fd)
    }

    /// Makes `path` and tells whether it is the entry `found` of the directory.
    fn makes(&self, path: &str, found: &str, kind: Kind) {
        let fd = open_or_make(self.1.as_fd(), Path::new(path), kind, Links::Follow).unwrap();
        let (made, there) = (fstat(&fd).unwrap(), fs::metadata(self.0.join(found)).unwrap());
        assert_eq!(made.st_ino, std::os::unix::fs::MetadataExt::ino(&there), "{path}");
        assert_eq!(there.is_dir(), kind == Kind::Directory);
    }

    fn refuses(&self, path: &str, kind: Kind, links: Links) -> Errno {
        open_or_make(self.1.as_fd(), Path::new(path), kind, links).unwrap_err().errno()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn what_is_missing_is_made() {
    let root = Root::new("missing");
    root.makes("/a/b/c", "a/b/c", Kind::Directory);
    root.makes("/a/b/file", "a/b/file", Kind::File);
    root.makes("/a/b/file", "a/b/file", Kind::File);
    root.makes("/", "", Kind::Directory);
    assert_eq!(root.refuses("/a/b/file/x", Kind::Directory, Links::Follow), Errno::NOTDIR);
}

#[test]
fn links_to_nowhere_are_followed_below_the_root() {
    let root = Root::new("dangling");
    fs::create_dir_all(root.0.join("deep/er")).unwrap();
    symlink("/run/lock", root.0.join("lock")).unwrap();
    symlink("../../../../out/side", root.0.join("deep/er/link")).unwrap();
    symlink("link/again", root.0.join("deep/er/second")).unwrap();
    root.makes("/lock/x", "run/lock/x", Kind::Directory);
    root.makes("/deep/er/second/y", "out/side/again/y", Kind::File);
    symlink("new/../beside", root.0.join("up")).unwrap();
    root.makes("/up", "beside", Kind::Directory);
    symlink("loop", root.0.join("loop")).unwrap();
    assert_eq!(root.refuses("/loop/x", Kind::Directory, Links::Follow), Errno::LOOP);
    assert!(!Path::new("/out").exists());
}

#[test]
fn links_are_refused_where_they_have_no_business() {
    let root = Root::new("refused");
    symlink("real", root.0.join("dev")).unwrap();
    for _ in 0..2 {
        assert_eq!(root.refuses("/dev/null", Kind::File, Links::Refuse), Errno::LOOP);
        assert_eq!(root.refuses("/dev", Kind::Directory, Links::Refuse), Errno::LOOP);
        fs::create_dir_all(root.0.join("real")).unwrap();
    }
    for path in ["/proc", "/proc/x", "/sys/fs", "/dev/pts"] {
        assert_eq!(Links::for_target(Path::new(path)), Links::Refuse);
    }
    assert_eq!(Links::for_target(Path::new("/devices")), Links::Follow);
}

#[test]
fn magic_links_lead_nowhere() {
    let proc = openat(CWD, "/proc", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
    for path in ["/self/root", "/self/cwd", "/self/exe"] {
        assert_eq!(
            open(proc.as_fd(), Path::new(path), Links::Follow).unwrap_err().errno(),
            Errno::LOOP
        );
    }
}
