use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use rustix::process::chroot;

use super::super::testing::{Scratch, in_child};
use super::*;

fn user(uid: u32) -> Identity {
    Identity { uid, gid: uid, groups: Vec::new(), home: c"/".to_owned() }
}

/// A root of its own with procfs, seen by this process only.
fn inside() -> Scratch {
    let root = Scratch::new();
    for directory in ["proc", "srv"] {
        std::fs::create_dir(root.path().join(directory)).unwrap();
    }
    sys::namespace::unshare(sys::namespace::flag::MOUNT).unwrap();
    let none = rustix::mount::MountFlags::empty();
    let private =
        rustix::mount::MountPropagationFlags::REC | rustix::mount::MountPropagationFlags::PRIVATE;
    rustix::mount::mount_change("/", private).unwrap();
    rustix::mount::mount("proc", root.path().join("proc"), "proc", none, None).unwrap();
    root
}

/// Goes in; what comes back is the way out.
fn enclose(root: &Scratch) -> OwnedFd {
    let outside = open("/", OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
    chroot(root.path()).unwrap();
    chdir("/").unwrap();
    outside
}

fn leave(root: &Scratch, outside: OwnedFd) {
    rustix::process::fchdir(outside).unwrap();
    chroot(".").unwrap();
    let detach = rustix::mount::UnmountFlags::DETACH;
    rustix::mount::unmount(root.path().join("proc"), detach).unwrap();
}

/// Attack 3 (CVE-2024-21626).
#[test]
fn a_leaked_descriptor_leads_nowhere() {
    in_child(module_path!(), "a_leaked_descriptor_leads_nowhere", || {
        let root = inside();
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let leaked = open("/usr", flags, Mode::empty()).unwrap();
        let outside = enclose(&root);
        use std::os::fd::AsRawFd;
        let magic = PathBuf::from(format!("/proc/self/fd/{}", leaked.as_raw_fd()));
        symlink(&magic, "/innocent").unwrap();
        for cwd in [magic.clone(), magic.join("."), magic.join("lib"), "/innocent".into()] {
            enter(&cwd, &user(0)).unwrap();
            let error = verify(&cwd).unwrap_err();
            assert!(error.to_string().contains("leads out of the container"), "{error}");
            chdir("/").unwrap();
            // Nothing is made outside, either.
            let error = enter_as_root(&cwd.join("made-by-a-container"), true).unwrap_err();
            assert!(error.to_string().contains("making the working directory"), "{error}");
        }
        enter(Path::new("/srv"), &user(0)).unwrap();
        verify(Path::new("/srv")).unwrap();
        leave(&root, outside);
        assert!(!Path::new("/usr/made-by-a-container").exists());
    });
}

#[test]
fn missing_directories_are_made_inside() {
    in_child(module_path!(), "missing_directories_are_made_inside", || {
        let root = inside();
        let outside = enclose(&root);
        rustix::process::umask(Mode::from_raw_mode(0o022));
        symlink("/srv", "/link").unwrap();
        symlink("../../../../srv", "/srv/up").unwrap();
        std::fs::write("/file", "").unwrap();
        for cwd in ["/", "/srv", "/a/b/c", "/link/d/e", "/srv/up/f/../g"] {
            assert!(enter_as_root(Path::new(cwd), true).unwrap());
            assert!(Path::new(cwd).is_dir(), "{cwd}");
            verify(Path::new(cwd)).unwrap();
        }
        assert!(Path::new("/srv/d/e").is_dir() && Path::new("/srv/f").is_dir());
        let made = std::fs::metadata("/a/b").unwrap();
        assert_eq!((made.uid(), made.mode() & 0o7777), (0, 0o755));
        let error = enter_as_root(Path::new("/file/x"), true).unwrap_err();
        assert!(error.to_string().contains("/file/x: Not a directory"), "{error}");
        leave(&root, outside);
    });
}

#[test]
fn what_is_missing_or_closed_is_named() {
    in_child(module_path!(), "what_is_missing_or_closed_is_named", || {
        let root = Scratch::new();
        let closed = root.path().join("closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
        let field = ErrorKind::InvalidConfig { field: "process.cwd".to_owned() };
        for path in ["/no/such", "/etc/passwd"] {
            let error = enter(Path::new(path), &user(0)).unwrap_err();
            assert_eq!(error.kind(), &field);
            assert!(error.to_string().contains(path), "{error}");
        }
        assert!(enter_as_root(&closed, true).unwrap());
        chdir("/").unwrap();
        super::super::user::become_user(&user(1000), false).unwrap();
        let error = enter(&closed, &user(1000)).unwrap_err();
        assert_eq!(error.hint(), Some("uid 1000 may not enter it"));
        assert!(!enter_as_root(&closed, true).unwrap(), "then the user shall try");
        // So that the scratch directory can be removed.
        let mut held = rustix::thread::capabilities(None).unwrap();
        held.effective = held.permitted;
        rustix::thread::set_capabilities(None, held).unwrap();
    });
}
