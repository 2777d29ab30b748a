//! What is hidden or made read-only.

use std::os::unix::fs::symlink;

use super::filesystem;
use crate::common::{Test, test};
use crate::kit::{self, Running};

pub fn tests() -> Vec<Test> {
    vec![
        test("rootfs::masked_and_read_only_paths", covers),
        test("rootfs::read_only_root", read_only_root),
        test("rootfs::covers_meet_links_and_each_other", corners),
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

/// Listed twice, by a link, below each other, of what is mounted, of what is missing.
fn corners() {
    let Some(place) = kit::place() else { return };
    let at = |path: &str| place.rootfs().join(path);
    std::fs::create_dir_all(at("srv/dir/deep")).unwrap();
    for file in ["srv/file", "srv/other", "srv/dir/inner", "srv/dir/deep/most"] {
        std::fs::write(at(file), "secret").unwrap();
    }
    for (target, link) in
        [("file", "srv/link"), ("/srv/dir", "srv/way"), ("/nowhere", "srv/dangling")]
    {
        symlink(target, at(link)).unwrap();
    }
    let mut config = place.small();
    config.mounts.push(filesystem("/mnt/t", "tmpfs", &[]));
    let masked = [
        "/srv/link",
        "/srv/file",
        "/srv/file",
        "/srv/dangling",
        "/srv/way/deep",
        "/no/such",
        "/mnt/t",
    ];
    config.masked_paths = masked.map(Into::into).to_vec();
    let readonly = [
        "/srv/way",
        "/srv/dir",
        "/srv/dir/deep",
        "/srv/other",
        "/srv/other/below",
        "//srv/./other",
    ];
    config.readonly_paths = readonly.map(Into::into).to_vec();
    let running = Running::new(&place, "corners", config);
    for hidden in ["/srv/link", "/srv/file", "/srv/dir/deep/most"] {
        assert_eq!(running.exec(&["cat", hidden]).0, "", "{hidden}");
    }
    assert_eq!(running.say(&["cat", "/srv/other"]), "secret");
    assert_eq!(running.say(&["ls", "/srv/dir/deep"]), "");
    for (path, how) in [
        ("/srv/dir/inner", "w"),
        ("/srv/dir/new", "create"),
        ("/srv/dir/deep/new", "create"),
        ("/srv/other", "w"),
        ("/mnt/t/new", "create"),
    ] {
        let text = running.exec(&["/bin/probe", "open", path, how]).0;
        assert!(text.starts_with("error EROFS"), "{path}: {text}");
    }
    drop(running);
    for (field, change) in [
        ("masked_paths[1]", (vec!["/x", "relative"], vec![])),
        ("masked_paths[0]", (vec!["/"], vec![])),
        ("readonly_paths[0]", (vec![], vec!["x/../y"])),
    ] {
        let mut config = place.small();
        config.masked_paths = change.0.into_iter().map(Into::into).collect();
        config.readonly_paths = change.1.into_iter().map(Into::into).collect();
        assert_eq!(kit::field(&kit::refusal(&place, config)), field);
    }
}
