//! The way into the root, and what passes between it and the host.

use std::path::Path;
use std::time::Duration;

use libcontainer::config::{NamespaceKind, Propagation, Rootfs, parse as parse_config};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::{bind, mounts, parse};
use crate::common::{HostSnapshot, Test, test};
use crate::kit::{self, Running};

pub fn tests() -> Vec<Test> {
    vec![
        test("rootfs::propagation", propagation),
        test("rootfs::propagation_of_the_root", root_propagation),
        test("rootfs::nothing_of_the_old_root", nothing_old),
        test("rootfs::without_pivot_root", no_pivot),
        test("rootfs::without_a_mount_namespace", chroot),
        test("rootfs::the_hosts_own_view", host_view).in_both_views(),
    ]
}

/// Of the root mount, and what passes between the host and a bind.
fn propagation() {
    let Some(place) = kit::place() else { return };
    let source = place.dir().join("source");
    for dir in ["source/out", "source/in"] {
        std::fs::create_dir_all(place.dir().join(dir)).unwrap();
    }
    let cases = [
        (None, "private", None),
        (Some(Propagation::Private), "private", None),
        (Some(Propagation::Slave), "private", Some("master:")),
        (Some(Propagation::Shared), "shared:", None),
        (Some(Propagation::Unbindable), "unbindable", None),
    ];
    // The mount that the source is on is shared in this world; it becomes one of its own.
    mount(&source, &source, "", MountFlags::BIND, None).unwrap();
    for (asked, word, or) in cases {
        let mut config = place.small();
        config.rootfs_propagation = asked;
        let found = mounts(&place, config);
        let is = &found["/"].propagation;
        let fits = is.starts_with(word) || or.is_some_and(|or| is.starts_with(or));
        assert!(fits, "{asked:?}: {is}");
    }
    for (options, reaches) in [(&["rbind", "rslave"], true), (&["rbind", "rprivate"], false)] {
        let mut config = place.small();
        config.mounts.push(bind(&source, "/mnt/p", options));
        let running = Running::new(&place, "propagation", config);
        mount("t", source.join("out"), "tmpfs", MountFlags::empty(), None).unwrap();
        std::fs::write(source.join("out/file"), "mounted later").unwrap();
        let (text, _) = running.exec(&["sh", "-c", "cat /mnt/p/out/file 2>/dev/null"]);
        unmount(source.join("out"), UnmountFlags::empty()).unwrap();
        assert_eq!(text == "mounted later", reaches, "{options:?}");
        let found = parse(&running.say(&["/bin/probe", "mounts"]));
        let word = if reaches { "master:" } else { "private" };
        assert!(found["/mnt/p"].propagation.starts_with(word), "{options:?}");
    }
    // Both ways: what the container mounts there is the host's too.
    let mut config = place.config("shared");
    config.mounts.push(bind(&source, "/mnt/p", &["rbind", "rshared"]));
    let all = libcontainer::config::Security::Low;
    all.apply(&mut config);
    let running = Running::new(&place, "shared", config);
    running.say(&["/bin/probe", "mount", "t", "/mnt/p/in", "tmpfs"]);
    running.say(&["/bin/probe", "write", "/mnt/p/in/file", "x"]);
    assert!(source.join("in/file").exists());
    running.say(&["/bin/probe", "umount", "/mnt/p/in"]);
    drop(running);
    unmount(&source, UnmountFlags::empty()).unwrap();
}

/// All eight words, and what they mean: what the host mounts below the root, whether the root can be
/// bound, and that nothing the container mounts reaches the host.
fn root_propagation() {
    let Some(place) = kit::place() else { return };
    let root = place.rootfs();
    mount(&root, &root, "", MountFlags::BIND, None).unwrap();
    rustix::mount::mount_change(&root, rustix::mount::MountPropagationFlags::SHARED).unwrap();
    let before = HostSnapshot::take(&place);
    for word in
        ["private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable"]
    {
        let text = serde_json::json!({
            "ociVersion": "1.3.0", "root": {"path": root},
            "mounts": [{"destination": "/proc", "type": "proc"}],
            "process": {"cwd": "/", "args": ["/bin/probe"], "env": ["PATH=/bin"],
                "capabilities": {"bounding": ["CAP_SYS_ADMIN"], "permitted": ["CAP_SYS_ADMIN"],
                    "effective": ["CAP_SYS_ADMIN"]}},
            "linux": {"rootfsPropagation": word,
                "namespaces": [{"type": "mount"}, {"type": "pid"}]},
        });
        let text = text.to_string();
        let parsed = parse_config(text.as_bytes(), Path::new("config.json"), place.dir()).unwrap();
        let running = Running::new(&place, "root", parsed.config);
        let found = parse(&running.say(&["/bin/probe", "mounts"]));
        let is = &found["/"].propagation;
        let expected = match word.trim_start_matches('r') {
            "slave" => "master:",
            "shared" => "shared:",
            other => other,
        };
        assert!(is.starts_with(expected), "{word}: {is}");
        // A shared root is of a group of its own.
        mount("t", root.join("srv"), "tmpfs", MountFlags::empty(), None).unwrap();
        std::fs::write(root.join("srv/later"), "").unwrap();
        let sees = running.exec(&["ls", "/srv/later"]).1 == 0;
        unmount(root.join("srv"), UnmountFlags::empty()).unwrap();
        assert_eq!(sees, expected == "master:", "{word}");
        let bound = running.exec(&["/bin/probe", "mount", "/", "/mnt", "none", "bind"]).0;
        assert_eq!(bound.starts_with("error EINVAL"), expected == "unbindable", "{word}: {bound}");
        running.say(&["/bin/probe", "mount", "t", "/tmp", "tmpfs"]);
        running.say(&["/bin/probe", "write", "/tmp/inside", "x"]);
        assert!(!root.join("tmp/inside").exists(), "{word}");
    }
    before.assert_restored(Duration::from_secs(2));
    unmount(&root, UnmountFlags::empty()).unwrap();
}

/// Neither a mount nor a directory of the host's is left, nor is the host changed.
fn nothing_old() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    {
        let running = Running::new(&place, "old", place.config("old"));
        assert_eq!(before.difference(&before.again()).matches("mount").count(), 0);
        let found = parse(&running.say(&["/bin/probe", "mounts"]));
        let known = ["/", "/proc", "/dev", "/sys"];
        for point in found.keys() {
            let ours = known.iter().any(|known| {
                point == known || (*known != "/" && point.starts_with(&format!("{known}/")))
            });
            assert!(ours, "{point}");
        }
        let names = running.say(&["ls", "-a", "/"]);
        let expected = std::fs::read_dir(place.rootfs()).unwrap().count() + 2;
        assert_eq!(names.lines().count(), expected, "{names}");
        // The way up ends at the root.
        assert_eq!(
            running.say(&["ls", "-di", "/.."]).replace("/..", "/"),
            running.say(&["ls", "-di", "/"])
        );
    }
    before.assert_restored(Duration::from_secs(2));
}

fn no_pivot() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    {
        let mut config = place.config("moved");
        config.no_pivot_root = true;
        let running = Running::new(&place, "moved", config);
        let found = parse(&running.say(&["/bin/probe", "mounts"]));
        assert_eq!(found["/proc"].kind, "proc");
        running.say(&["ls", "/bin/probe"]);
        assert_eq!(running.say(&["readlink", "/proc/1/root"]), "/\n");
        let up = "cd /; for i in 1 2 3 4 5 6; do cd ..; done; ls bin/probe";
        assert_eq!(running.say(&["sh", "-c", up]), "bin/probe\n");
    }
    before.assert_restored(Duration::from_secs(2));
}

fn chroot() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    {
        let mut config = place.small();
        config.mounts.clear();
        kit::host(&mut config, NamespaceKind::Mount);
        let running = Running::new(&place, "chroot", config);
        assert_eq!(running.exec(&["ls", "/bin/probe"]), ("/bin/probe\n".into(), 0));
        assert!(before.difference(&before.again()).matches("mount").count() == 0);
    }
    before.assert_restored(Duration::from_secs(2));
}

/// A copy-on-write view: everything is there, nothing written stays.
fn host_view() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    let witness = place.dir().join("witness");
    std::fs::write(&witness, "host").unwrap();
    {
        let mut config = place.config("view");
        config.rootfs = Rootfs::Host;
        let probe = place.rootfs().join("bin/probe").display().to_string();
        let process = libcontainer::Process::new([probe.as_str(), "sleep", "1000"]).silent();
        let running = Running::with(&place, "view", config, process);
        let path = witness.display().to_string();
        assert_eq!(running.say(&["cat", &path]), "host");
        running.say(&[&probe, "write", &path, "container"]);
        running.say(&[&probe, "write", "/etc/of-the-container", "x"]);
        assert_eq!(running.say(&["cat", &path]), "container");
    }
    assert_eq!(std::fs::read_to_string(&witness).unwrap(), "host");
    assert!(!Path::new("/etc/of-the-container").exists());
    before.assert_restored(Duration::from_secs(2));
}
