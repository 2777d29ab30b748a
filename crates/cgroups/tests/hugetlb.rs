//! Huge pages are limited and counted, by a controller that a limit has to ask for on version 2.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use cgroups::{Mode, Resources};
use common::{group, has, host};
use rustix::fs::{FallocateFlags, fallocate};

const PAGES: &str = "/proc/sys/vm/nr_hugepages";

/// Huge pages to try with, taken back afterwards, and a place to use them from.
struct Pages {
    before: String,
    mount: PathBuf,
}

impl Pages {
    fn new() -> Option<Self> {
        let before = std::fs::read_to_string(PAGES).ok()?;
        let wanted = before.trim().parse::<u64>().unwrap() + 4;
        std::fs::write(PAGES, wanted.to_string()).ok()?;
        let mount = std::env::temp_dir().join(format!("cgroups-test-huge-{}", std::process::id()));
        std::fs::create_dir(&mount).unwrap();
        let pages = Self { before, mount };
        let mounted = Command::new("mount")
            .args(["-t", "hugetlbfs", "-o", "pagesize=2M", "none"])
            .arg(&pages.mount)
            .status();
        (mounted.unwrap().success()
            && std::fs::read_to_string(PAGES).unwrap().trim() == wanted.to_string())
        .then_some(pages)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.mount).status();
        let _ = std::fs::remove_dir(&self.mount);
        let _ = std::fs::write(PAGES, self.before.trim());
    }
}

/// Takes the controller back from the parents that the test made have it.
struct Controller(bool);

impl Controller {
    fn before() -> Self {
        let text = std::fs::read_to_string("/sys/fs/cgroup/cgroup.subtree_control");
        Self(text.is_ok_and(|text| text.contains("hugetlb")))
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        if !self.0 && host().mode == Mode::V2 {
            let _ = std::fs::write("/sys/fs/cgroup/cgroup.subtree_control", "-hugetlb");
        }
    }
}

#[test]
fn huge_pages_are_limited_and_counted() {
    if !has("hugetlb") {
        return;
    }
    if host().mode != Mode::V2 {
        println!("SKIP: done in the version 2 view, in a mount namespace");
        return;
    }
    let Some(pages) = Pages::new() else {
        println!("SKIP: this kernel gives no huge pages of 2 MiB");
        return;
    };
    let _controller = Controller::before();
    let group = group("huge");
    let hugetlb = [("2MB".to_owned(), 4 << 20)].into();
    group.set(&Resources { hugetlb, ..Resources::default() }).unwrap();
    assert_eq!(group.read("hugetlb", "hugetlb.2MB.max"), (4 << 20).to_string());
    let action = |count: u32| format!("take {count} {}", pages.mount.display());
    let mut three = group.child(&action(3));
    assert_ne!(three.ask(), "taken");
    let mut two = group.child(&action(2));
    assert_eq!(two.ask(), "taken");
    let data = group.stats().unwrap().hugetlb_stats["2MB"].clone();
    assert_eq!(data.usage, Some(4 << 20));
    assert_eq!(data.limit, Some(4 << 20));
    assert_eq!(data.failcnt, Some(1));
    assert_eq!((data.events["max"], data.events_local["max"]), (1, 1));
    // Version 2 keeps no highest usage, and what it does not keep is not 0.
    assert_eq!(data.max_usage, None);
    assert_eq!(data.rsvd.limit, Some(4 << 20));
    let reserved = group.read("hugetlb", "hugetlb.2MB.rsvd.current").parse().unwrap();
    assert_eq!(data.rsvd.usage, Some(reserved));
    common::seen("stats hugetlb");
    drop((two, three));
    let hugetlb = [("3MB".to_owned(), 0)].into();
    let error = group.set(&Resources { hugetlb, ..Resources::default() }).unwrap_err();
    assert!(error.to_string().contains("hugetlb.3MB.max"), "{error}");
    std::fs::read_dir(&pages.mount).unwrap().for_each(|it| {
        std::fs::remove_file(it.unwrap().path()).unwrap();
    });
}

#[test]
fn again_in_the_v2_view() {
    common::again_in_the_v2_view();
}

#[test]
#[ignore = "the child of the other tests"]
fn helper() {
    common::serve(|words| match words {
        ["take", count, place] => {
            let path = Path::new(place).join(std::process::id().to_string());
            let file = File::create(&path).unwrap();
            let bytes = count.parse::<u64>().unwrap() << 21;
            match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
                Ok(()) => "taken".to_owned(),
                Err(errno) => {
                    std::fs::remove_file(path).unwrap();
                    format!("{errno:?}")
                }
            }
        }
        _ => String::new(),
    });
}
