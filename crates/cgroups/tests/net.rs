//! The network controllers, which hosts of today seldom mount: in a view where they are.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::process::Command;
use std::time::Duration;

use cgroups::Resources;
use common::{group, host};

#[test]
fn packets_are_classed_and_ranked() {
    let mounted =
        |name: &str| host().v1.iter().any(|one| one.controllers.iter().any(|it| it == name));
    if !mounted("net_cls") || !mounted("net_prio") {
        println!("SKIP: net_cls and net_prio are not in this view");
        return;
    }
    let group = group("net");
    let net_prio = [("lo".to_owned(), 7)].into();
    group
        .set(&Resources { net_cls_classid: Some(0x10_0001), net_prio, ..Resources::default() })
        .unwrap();
    assert_eq!(group.read("net_cls", "net_cls.classid"), 0x10_0001.to_string());
    assert!(group.read("net_prio", "net_prio.ifpriomap").lines().any(|line| line == "lo 7"));
    let net_prio = [("nowhere0".to_owned(), 7)].into();
    let error = group.set(&Resources { net_prio, ..Resources::default() }).unwrap_err();
    assert!(error.to_string().contains("nowhere0 7"), "{error}");
}

/// Waits until the hierarchy is gone, which takes the kernel a moment after its last mount. One
/// that still had removed groups to clear away then goes when it is mounted and unmounted again.
struct Hierarchy;

impl Drop for Hierarchy {
    fn drop(&mut self) {
        let there = || std::fs::read_to_string("/proc/self/cgroup").unwrap().contains("net_cls");
        for _ in 0..20 {
            for _ in 0..20 {
                if !there() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            let script = "mount -t cgroup -o net_cls,net_prio none /mnt && umount /mnt";
            let _ = Command::new("unshare").args(["-m", "sh", "-c", script]).status();
        }
    }
}

#[test]
fn again_with_the_controllers_mounted() {
    if common::in_view() {
        return;
    }
    let _hierarchy = Hierarchy;
    common::again_in(
        "mount -t tmpfs none /mnt && mkdir /mnt/net && \
         mount -t cgroup -o net_cls,net_prio none /mnt/net",
    );
}
