//! Whole root file systems, seen from inside.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use super::child::{bind, entered, facts, isolated, template};
use crate::plan::mounts::{MountFacts, plan};
use crate::procfs::Procfs;
use crate::rootfs::{Sources, build};

#[test]
fn the_template_is_mounted_and_nothing_of_the_host_is_left() {
    isolated("whole::the_template_is_mounted_and_nothing_of_the_host_is_left", |scratch| {
        let root = scratch.join("root");
        fs::create_dir(&root).unwrap();
        fs::create_dir(scratch.join("volume")).unwrap();
        fs::write(scratch.join("volume/file"), "inside").unwrap();
        fs::write(scratch.join("single"), "single").unwrap();
        let mut config = template(&root);
        config.readonly_rootfs = true;
        config.mounts.push(bind(&scratch.join("volume"), "/data/volume", &["rbind", "ro"]));
        config.mounts.push(bind(&scratch.join("single"), "/etc/single", &["bind"]));
        entered(&config, &facts()).unwrap();

        let text = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        let mut points: Vec<&str> =
            text.lines().filter_map(|line| line.split(' ').nth(4)).collect();
        points.sort_unstable();
        let mut wanted = vec![
            "/",
            "/data/volume",
            "/dev",
            "/dev/mqueue",
            "/dev/pts",
            "/dev/shm",
            "/etc/single",
            "/proc",
            "/proc/bus",
            "/proc/irq",
            "/proc/kcore",
            "/proc/keys",
            "/proc/sys",
            "/proc/sysrq-trigger",
            "/proc/timer_list",
            "/sys",
            "/sys/firmware",
        ];
        wanted.retain(|path| Path::new(path).exists());
        assert_eq!(points, wanted, "{text}");
        assert!(!text.contains("shared:"), "{text}");
        let null = fs::metadata("/dev/null").unwrap();
        assert!(null.file_type().is_char_device());
        assert_eq!((null.rdev(), null.mode() & 0o7777), (0x103, 0o666));
        fs::write("/dev/null", "x").unwrap();
        assert_eq!(fs::read_link("/dev/fd").unwrap(), Path::new("/proc/self/fd"));
        assert_eq!(fs::read_link("/dev/ptmx").unwrap(), Path::new("pts/ptmx"));
        assert_eq!(fs::read_to_string("/data/volume/file").unwrap(), "inside");
        assert!(fs::write("/data/volume/file", "x").is_err());
        fs::write("/etc/single", "changed").unwrap();
        assert!(fs::write("/new", "x").is_err(), "the root is read-only");
        assert!(fs::write("/proc/sys/kernel/core_pattern", "x").is_err());
        assert_eq!(fs::read("/proc/keys").unwrap(), b"");
        assert_eq!(std::env::current_dir().unwrap(), Path::new("/"));
    });
}

#[test]
fn what_may_not_be_opened_in_the_hosts_view_is_opened_in_the_containers() {
    let name = "whole::what_may_not_be_opened_in_the_hosts_view_is_opened_in_the_containers";
    isolated(name, |scratch| {
        let (root, volume) = (scratch.join("root"), scratch.join("volume"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&volume).unwrap();
        fs::write(volume.join("file"), "inside").unwrap();
        let mut config = template(&root);
        config.mounts.push(bind(&volume, "/data", &["rbind"]));
        let plan = plan(&config, &MountFacts { mknod: false, ..facts() }).unwrap();
        let proc = Procfs::open().unwrap();
        sys::namespace::unshare(sys::namespace::flag::MOUNT).unwrap();
        build(&plan, Sources::default(), &proc).unwrap().enter().unwrap();
        assert_eq!(fs::read_to_string("/data/file").unwrap(), "inside");
        assert_eq!(fs::metadata("/dev/null").unwrap().rdev(), 0x103);
        assert_eq!(fs::read("/proc/keys").unwrap(), b"");
    });
}
