//! Device nodes and links, and the other ways into a root.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use super::child::{built, device, entered, facts, in_thread, isolated, mount, template, terminal};
use crate::config::{Config, Device, DeviceKind, Rootfs};
use crate::plan::mounts::{MountFacts, MountNamespace};

fn image(scratch: &Path) -> Config {
    let image = scratch.join("image");
    fs::create_dir_all(&image).unwrap();
    Config { rootfs: Rootfs::Directory(image), ..Config::default() }
}

#[test]
fn nodes_have_their_mode_and_owner_whatever_the_umask() {
    isolated("nodes::nodes_have_their_mode_and_owner_whatever_the_umask", |scratch| {
        let odd = Device { mode: 0o1626, uid: 12, gid: 34, ..device("/dev/sub/odd", 1, 7) };
        let fifo = Device { kind: DeviceKind::Fifo, ..device("/fifo", 0, 0) };
        let disk = Device { kind: DeviceKind::Block, ..device("/dev/sub/disk", 7, 300) };
        let config = Config { devices: vec![odd, fifo, disk], ..image(scratch) };
        in_thread(|| {
            sys::namespace::unshare(sys::namespace::flag::MOUNT).unwrap();
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
            entered(&config, &facts()).unwrap();
            let odd = fs::metadata("/dev/sub/odd").unwrap();
            assert_eq!((odd.mode() & 0o7777, odd.uid(), odd.gid()), (0o1626, 12, 34));
            assert_eq!(odd.rdev(), 0x107);
            assert!(fs::metadata("/fifo").unwrap().file_type().is_fifo());
            let disk = fs::metadata("/dev/sub/disk").unwrap();
            assert!(disk.file_type().is_block_device());
            assert_eq!(disk.rdev(), rustix::fs::makedev(7, 300));
            let umask = rustix::process::umask(rustix::fs::Mode::empty());
            assert_eq!(umask.as_raw_mode(), 0o077, "put back");
        });
        // The same again: what is there is what was asked for.
        in_thread(|| entered(&config, &facts()).unwrap());
        let other = Config { devices: vec![device("/dev/sub/odd", 1, 3)], ..image(scratch) };
        let error = in_thread(|| built(&other, &facts()).unwrap_err());
        assert!(error.to_string().contains("it is not the character device 1:3"), "{error}");
        assert!(!scratch.join("image/dev/fd").exists(), "no links in an image's own /dev");
    });
}

#[test]
fn devices_are_bound_where_they_cannot_be_made() {
    isolated("nodes::devices_are_bound_where_they_cannot_be_made", |scratch| {
        let config = template(&{
            let image = scratch.join("image");
            fs::create_dir(&image).unwrap();
            image
        });
        let facts = MountFacts { mknod: false, ..facts() };
        in_thread(|| {
            entered(&config, &facts).unwrap();
            let text = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
            assert!(text.contains(" /dev/null ") && text.contains(" /dev/urandom "), "{text}");
            assert_eq!(fs::metadata("/dev/null").unwrap().rdev(), 0x103);
            fs::write("/dev/null", "x").unwrap();
        });
        let strange = Config { devices: vec![device("/dev/null", 1, 5)], ..config };
        let error = in_thread(|| built(&strange, &facts).unwrap_err());
        assert!(error.to_string().contains("it is not the character device 1:5"), "{error}");
    });
}

#[test]
fn a_terminal_is_the_containers_own() {
    isolated("nodes::a_terminal_is_the_containers_own", |scratch| {
        let root = scratch.join("image");
        fs::create_dir(&root).unwrap();
        let config = Config { readonly_rootfs: true, ..template(&root) };
        let facts = MountFacts { terminal: true, ..facts() };
        in_thread(|| {
            let root = built(&config, &facts).unwrap();
            let pty = terminal(&root).unwrap();
            root.enter().unwrap();
            let name = rustix::termios::ttyname(&pty.peer, Vec::new()).unwrap();
            assert_eq!(name.as_c_str(), c"/dev/pts/0");
            let console = fs::metadata("/dev/console").unwrap();
            assert_eq!(console.rdev(), fs::metadata("/dev/pts/0").unwrap().rdev());
            fs::write("/dev/console", "hello\n").unwrap();
            let mut text = [0; 16];
            let length = rustix::io::read(&pty.master, &mut text).unwrap();
            assert_eq!(&text[..length], b"hello\r\n");
        });
    });
}

#[test]
fn a_root_is_entered_without_a_pivot() {
    isolated("nodes::a_root_is_entered_without_a_pivot", |scratch| {
        let mut config = image(scratch);
        config.mounts.push(mount("proc", "/proc", &[]));
        config.no_pivot_root = true;
        in_thread(|| {
            entered(&config, &facts()).unwrap();
            let text = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
            assert_eq!(text.lines().count(), 2, "{text}");
            assert_eq!(std::env::current_dir().unwrap(), Path::new("/"));
            // The old way out of a chroot leads nowhere.
            fs::create_dir("/below").unwrap();
            rustix::process::chroot("below").unwrap();
            (0..64).for_each(|_| rustix::process::chdir("..").unwrap());
            assert!(Path::new("below").exists() && !Path::new("usr").exists());
            // Whoever may unmount finds the ramfs, and nothing that was mounted on it.
            rustix::process::chroot(".").unwrap();
            let own = fs::File::open("/proc/thread-self/ns/mnt").unwrap();
            rustix::mount::unmount("/", rustix::mount::UnmountFlags::DETACH).unwrap();
            sys::namespace::enter(own.as_fd(), sys::namespace::flag::MOUNT).unwrap();
            assert!(Path::new("/usr").exists(), "the host's root");
            assert_eq!(fs::read_dir("/proc").unwrap().count(), 0);
            assert_eq!(fs::read_dir("/sys").unwrap().count(), 0);
        });
    });
}

#[test]
fn without_a_mount_namespace_it_is_a_chroot() {
    isolated("nodes::without_a_mount_namespace_it_is_a_chroot", |scratch| {
        let config = Config { devices: vec![device("/dev/null", 1, 3)], ..image(scratch) };
        let facts = MountFacts { mount_namespace: MountNamespace::Host, ..facts() };
        in_thread(|| {
            entered(&config, &facts).unwrap();
            let names: Vec<_> =
                fs::read_dir("/").unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(names, ["dev"]);
            assert_eq!(fs::metadata("/dev/null").unwrap().rdev(), 0x103);
        });
    });
}
