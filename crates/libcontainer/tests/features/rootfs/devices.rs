//! Device nodes, and the links of /dev.

use libcontainer::config::{Device, DeviceKind};

use super::mapped;
use crate::common::{Test, test};
use crate::kit::{self, Running, refusal};

pub fn tests() -> Vec<Test> {
    vec![
        test("rootfs::device_nodes", device_nodes),
        test("rootfs::devices_without_mknod", devices_bound),
        test("rootfs::links_in_dev", links),
    ]
}

fn device(path: &str, kind: DeviceKind, major: u32, minor: u32) -> Device {
    Device { path: path.into(), kind, major, minor, mode: 0o640, uid: 3, gid: 4 }
}

fn device_nodes() {
    let Some(place) = kit::place() else { return };
    let mut config = place.config("nodes");
    config.devices.extend([
        device("/dev/one/two/char", DeviceKind::Char, 1, 3),
        device("/dev/block", DeviceKind::Block, 7, 99),
        device("/dev/pipe", DeviceKind::Fifo, 0, 0),
        device("/srv/elsewhere", DeviceKind::Char, 1, 5),
    ]);
    let running = Running::new(&place, "nodes", config);
    let stat = |path: &str| kit::Facts::new(&running.say(&["/bin/probe", "stat", path]));
    for (path, kind, number, mode) in [
        ("/dev/null", "char", "1:3", "0666"),
        ("/dev/zero", "char", "1:5", "0666"),
        ("/dev/full", "char", "1:7", "0666"),
        ("/dev/random", "char", "1:8", "0666"),
        ("/dev/urandom", "char", "1:9", "0666"),
        ("/dev/tty", "char", "5:0", "0666"),
        ("/dev/fuse", "char", "10:229", "0666"),
        ("/dev/one/two/char", "char", "1:3", "0640"),
        ("/dev/block", "block", "7:99", "0640"),
        ("/dev/pipe", "fifo", "0:0", "0640"),
        ("/srv/elsewhere", "char", "1:5", "0640"),
    ] {
        let facts = stat(path);
        let is = (facts.get("type"), facts.get("rdev"), facts.get("mode"));
        assert_eq!(is, (kind, number, mode), "{path}");
    }
    assert_eq!((stat("/dev/block").get("uid"), stat("/dev/block").get("gid")), ("3", "4"));
    let said = running.say(&["sh", "-c", "head -c 3 /dev/zero | wc -c; echo x > /dev/null"]);
    assert_eq!(said, "3\n");
    let said = running.exec(&["/bin/probe", "append", "/dev/full", "x"]).0;
    assert!(said.contains("ENOSPC"), "{said}");
}

/// In a user namespace: the host's own nodes, bound.
fn devices_bound() {
    let Some(place) = kit::place() else { return };
    let mut config = place.config("bound");
    mapped(&mut config);
    let running = Running::new(&place, "bound", config.clone());
    let facts = kit::Facts::new(&running.say(&["/bin/probe", "stat", "/dev/null"]));
    assert_eq!((facts.get("type"), facts.get("rdev")), ("char", "1:3"));
    let said = running.say(&["sh", "-c", "head -c 3 /dev/urandom | wc -c; echo x > /dev/null"]);
    assert_eq!(said, "3\n");
    drop(running);
    // Another device there than the one that is asked for.
    config.devices.push(device("/dev/zero2", DeviceKind::Char, 1, 5));
    let text = refusal(&place, config).to_string();
    assert!(text.contains("/dev/zero2"), "{text}");
}

fn links() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "links", place.config("links"));
    for (link, target) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
        ("/dev/ptmx", "pts/ptmx"),
    ] {
        assert_eq!(running.say(&["readlink", link]).trim(), target);
    }
    assert_eq!(running.say(&["sh", "-c", "echo x | cat /dev/stdin > /dev/stdout"]), "x\n");
    assert_eq!(running.say(&["/bin/probe", "open", "/dev/ptmx", "rw"]), "ok\n");
}
