//! `ctr tasks checkpoint`, `ctr containers checkpoint` and `restore`.

use e2e::until;
use engines::Containerd;

use crate::containerd;

/// Counts into a file, since nobody keeps what it would print.
const COUNT: &str = "i=0; while :; do echo $i >>/count; i=$((i+1)); sleep 0.1; done";

#[track_caller]
fn counts_on(containerd: &Containerd, id: &str) {
    let numbers = || -> Vec<u32> {
        let exec = containerd.sandbox.name("exec");
        let run = containerd.ctr(["tasks", "exec", "--exec-id", &exec, id, "cat", "/count"]).run();
        run.out.lines().filter_map(|line| line.trim().parse().ok()).collect()
    };
    let before = numbers().len();
    until("it counts", || numbers().len() > before + 2);
    let all = numbers();
    assert_eq!(all, (0..all.len() as u32).collect::<Vec<_>>(), "no number twice, none left out");
}

#[test]
fn a_container_goes_on_as_another() {
    let Some(containerd) = containerd() else { return };
    if !engines::has_criu() {
        return;
    }
    let first = containerd.background("", &["sh", "-c", COUNT]);
    counts_on(containerd, &first);
    let images = containerd.sandbox.directory("images").display().to_string();
    containerd.ctr(["tasks", "checkpoint", "--image-path", &images, &first]).run().code(0);
    assert!(std::fs::exists(format!("{images}/inventory.img")).unwrap());
    counts_on(containerd, &first);
    let saved = format!("localhost/{}:saved", containerd.sandbox.name("cp"));
    let all = ["containers", "checkpoint", "--rw", "--image", "--task", &first, &saved];
    containerd.ctr(all).run().code(0);
    counts_on(containerd, &first);
    containerd.remove(&first);
    // It had no streams; now it gets pipes.
    let second = containerd.sandbox.name("second");
    let back = ["containers", "restore", "--rw", "--live", &second, &saved];
    containerd.ctr(back).run().code(0);
    counts_on(containerd, &second);
    containerd.remove(&second);
    containerd.ctr(["images", "rm", &saved]).run().code(0);
}

#[test]
fn a_task_may_end_with_its_checkpoint() {
    let Some(containerd) = containerd() else { return };
    if !engines::has_criu() {
        return;
    }
    let id = containerd.background("", &["sh", "-c", COUNT]);
    counts_on(containerd, &id);
    let images = containerd.sandbox.directory("images").display().to_string();
    let checkpoint = ["tasks", "checkpoint", "--exit", "--image-path", &images, &id];
    containerd.ctr(checkpoint).run().code(0);
    until("its end", || {
        let tasks = containerd.ctr(["tasks", "ls"]).run().out;
        tasks.lines().any(|line| line.starts_with(&id) && line.contains("STOPPED"))
    });
    containerd.remove(&id);
}
