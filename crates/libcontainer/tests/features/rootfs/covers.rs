//! What is hidden or made read-only.

use super::filesystem;
use crate::common::{Test, test};
use crate::kit::{self, Running};

pub fn tests() -> Vec<Test> {
    vec![
        test("rootfs::masked_and_read_only_paths", covers),
        test("rootfs::read_only_root", read_only_root),
    ]
}

fn covers() {
    let Some(place) = kit::place() else { return };
    let mut config = place.config("covers");
    std::fs::write(place.rootfs().join("srv/file"), "secret").unwrap();
    std::fs::create_dir(place.rootfs().join("srv/dir")).unwrap();
    std::fs::write(place.rootfs().join("srv/dir/inner"), "secret").unwrap();
    config
        .masked_paths
        .extend(["/srv/file", "/srv/dir", "/nowhere", "/etc/passwd/nowhere"].map(Into::into));
    config.readonly_paths.extend(["/tmp", "/nowhere"].map(Into::into));
    let running = Running::new(&place, "covers", config);
    assert_eq!(running.say(&["cat", "/srv/file"]), "");
    assert_eq!(running.say(&["ls", "-a", "/srv/dir"]), ".\n..\n");
    let fails = |args: &[&str], errno: &str| {
        let (text, code) = running.exec(args);
        assert!(code == 1 && text.starts_with(&format!("error {errno} ")), "{args:?}: {text}");
    };
    fails(&["/bin/probe", "open", "/srv/dir/x", "create"], "EROFS");
    fails(&["/bin/probe", "open", "/tmp/x", "create"], "EROFS");
    for path in ["/proc/sys/kernel/core_pattern", "/proc/irq/default_smp_affinity"] {
        fails(&["/bin/probe", "open", path, "w"], "EROFS");
    }
    for path in ["/proc/interrupts", "/proc/keys", "/proc/timer_list"] {
        assert_eq!(running.exec(&["cat", path]).0, "", "{path}");
    }
    let facts = kit::Facts::new(&running.say(&["/bin/probe", "stat", "/proc/keys"]));
    assert_eq!((facts.get("type"), facts.get("rdev")), ("char", "1:3"));
    assert_eq!(running.say(&["ls", "/sys/firmware"]), "");
}

fn read_only_root() {
    let Some(place) = kit::place() else { return };
    let mut config = place.config("read-only");
    config.readonly_rootfs = true;
    config.mounts.push(filesystem("/tmp", "tmpfs", &[]));
    let running = Running::new(&place, "read-only", config);
    let create = |path: &str| running.exec(&["/bin/probe", "open", path, "create"]).0;
    assert!(create("/x").starts_with("error EROFS"));
    assert!(create("/etc/x").starts_with("error EROFS"));
    assert_eq!(create("/tmp/x"), "ok\n");
    assert_eq!(create("/dev/x"), "ok\n");
    std::fs::write(place.rootfs().join("etc/y"), "of the host").unwrap();
    assert_eq!(running.say(&["cat", "/etc/y"]), "of the host");
}
