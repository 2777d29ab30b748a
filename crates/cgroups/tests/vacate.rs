//! A group made by who is in a container: its processes make room for the controllers.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::path::Path;
use std::process::Command;

use cgroups::{Host, Manager, Mode, Resources};
use common::{group, has, host};

fn huge_pages(limit: u64) -> Resources {
    Resources { hugetlb: [("2MB".to_owned(), limit)].into(), ..Resources::default() }
}

/// As the init of a container with its control groups mounted for writing does it.
#[test]
fn the_top_of_a_container_is_vacated_for_a_limit() {
    if host().mode != Mode::V2 {
        println!("SKIP: done in the version 2 view, in a mount namespace");
        return;
    }
    if !has("hugetlb") {
        return;
    }
    let group = group("top");
    group.set(&huge_pages(4 << 20)).unwrap();
    let script = "echo $$ > \"$1/cgroup.procs\" && exec unshare -C -m sh -c \
        'umount /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup || exit; sleep 100 & \
        exec \"$0\" inside --exact --ignored --nocapture' \"$0\"";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(group.dir(""))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
}

#[test]
fn again_in_the_v2_view() {
    common::again_in_the_v2_view();
}

#[test]
#[ignore = "inside of the other test's group"]
fn inside() {
    let own = || std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let in_v2 = |text: &str| text.lines().find(|line| line.starts_with("0::")).unwrap().to_owned();
    assert_eq!(in_v2(&own()), "0::/");
    let below = Manager::new(&Host::detect().unwrap(), Path::new("below")).unwrap();
    below.create().unwrap();
    // Without a limit nobody is moved, but for figures where there can be some.
    let offered = std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap();
    let figures = offered.split_whitespace().any(|one| one == "memory");
    assert_eq!(in_v2(&own()), if figures { "0::/init" } else { "0::/" });
    assert_eq!(below.stats().unwrap().memory_stats.usage.usage.is_some(), figures);
    below.set(&huge_pages(2 << 20)).unwrap();
    assert_eq!(in_v2(&own()), "0::/init");
    let top = Path::new("/sys/fs/cgroup");
    assert_eq!(std::fs::read_to_string(top.join("cgroup.procs")).unwrap(), "");
    let limit = std::fs::read_to_string(top.join("below/hugetlb.2MB.max")).unwrap();
    assert_eq!(limit.trim(), (2 << 20).to_string());
    // Below it nobody makes room: a group whose processes are in the way is named.
    std::fs::create_dir(top.join("other")).unwrap();
    let mut sleep = Command::new("sleep").arg("100").spawn().unwrap();
    std::fs::write(top.join("other/cgroup.procs"), sleep.id().to_string()).unwrap();
    let host = Host::detect().unwrap();
    let deeper = Manager::new(&host, Path::new("other/deeper")).unwrap();
    deeper.create().unwrap();
    let error = deeper.set(&huge_pages(2 << 20)).unwrap_err().to_string();
    assert!(error.contains("/sys/fs/cgroup/other holds processes"), "{error}");
    sleep.kill().unwrap();
    sleep.wait().unwrap();
    // What was started before us is in the leaf as well.
    let leaf = std::fs::read_to_string(top.join("init/cgroup.procs")).unwrap();
    for pid in leaf.lines().filter(|pid| *pid != std::process::id().to_string()) {
        let _ = Command::new("kill").arg(pid).status();
    }
}
