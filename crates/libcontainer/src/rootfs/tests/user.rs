//! In a user namespace: what may not be made is bound, what is locked stays locked.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use super::child::{bind, built, entered, facts, in_thread, mount, template, terminal, under};
use crate::config::{Config, Propagation};
use crate::plan::mounts::MountFacts;

/// The body's process is root of a new user namespace that owns its other namespaces.
fn as_user(name: &str, body: impl FnOnce(&Path)) {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "--net", "--ipc", "--pid", "--fork"]);
    // A procfs of the new PID namespace, as the init would see it through its own handle.
    unshare.arg("--mount-proc");
    let works = Command::new("unshare").args(["--user", "--map-root-user", "true"]).status();
    if !works.is_ok_and(|status| status.success()) {
        println!("SKIP: {name} needs user namespaces and unshare(1)");
        return;
    }
    under(unshare, name, body);
}

fn in_user() -> MountFacts {
    MountFacts { mknod: false, user_namespace: true, ..facts() }
}

#[test]
fn the_template_is_mounted() {
    as_user("user::the_template_is_mounted", |scratch| {
        let root = scratch.join("image");
        fs::create_dir(&root).unwrap();
        let volume = scratch.join("volume");
        fs::create_dir(&volume).unwrap();
        let mut config = Config { readonly_rootfs: true, ..template(&root) };
        config.mounts.push(bind(&volume, "/data", &["rbind", "ro", "nosuid", "nodev"]));
        let facts = MountFacts { terminal: true, ..in_user() };
        in_thread(|| {
            let root = built(&config, &facts).unwrap();
            let pty = terminal(&root).unwrap();
            root.enter().unwrap();
            assert_eq!(fs::metadata("/dev/null").unwrap().rdev(), 0x103);
            fs::write("/dev/null", "x").unwrap();
            assert!(fs::write("/data/x", "x").is_err());
            assert!(fs::write("/proc/sys/kernel/hostname", "x").is_err());
            assert_eq!(fs::read_dir("/sys/firmware").unwrap().count(), 0);
            drop(pty);
            let text = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
            assert!(!text.contains("/mnt") && !text.contains("shared:"), "{text}");
        });
    });
}

#[test]
fn what_the_host_locked_stays() {
    as_user("user::what_the_host_locked_stays", |scratch| {
        let root = scratch.join("image");
        fs::create_dir(&root).unwrap();
        // /proc of unshare(1) is nosuid,nodev,noexec, and what was there before it is locked.
        let proc = bind(Path::new("/proc"), "/proc", &["rbind"]);
        let clear = bind(Path::new("/dev"), "/hosts-dev", &["bind"]);
        for (mounts, errno) in [(vec![proc], None), (vec![clear], Some(22))] {
            let config = Config { mounts, ..template(&root) };
            let config = Config { devices: Vec::new(), masked_paths: Vec::new(), ..config };
            let done = in_thread(|| built(&config, &in_user()).map(|_| ()));
            match errno {
                None => done.unwrap(),
                Some(errno) => assert_eq!(done.unwrap_err().errno(), Some(errno)),
            }
        }
    });
}

#[test]
fn a_shared_bind_mounts_nothing_in_the_host() {
    as_user("user::a_shared_bind_mounts_nothing_in_the_host", |scratch| {
        let (root, volume) = (scratch.join("image"), scratch.join("volume"));
        fs::create_dir_all(volume.join("inner")).unwrap();
        fs::create_dir(&root).unwrap();
        let mounts = vec![
            mount("proc", "/proc", &[]),
            bind(&volume, "/volume", &["rbind", "rshared"]),
            mount("tmpfs", "/volume/inner", &[]),
        ];
        let config = Config { mounts, devices: Vec::new(), ..template(&root) };
        let config = Config { rootfs_propagation: Some(Propagation::Shared), ..config };
        in_thread(|| entered(&config, &in_user()).unwrap());
        let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!text.contains("volume/inner"), "{text}");
    });
}
