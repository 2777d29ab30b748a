//! Many, one after the other and at once: nothing is left of any.

use std::sync::atomic::{AtomicU32, Ordering};

use engines::{Containerd, View};

/// What the engine's host has: mounts, control groups, processes.
fn counts(containerd: &Containerd) -> Vec<String> {
    let script = "wc -l </proc/self/mountinfo; find /sys/fs/cgroup -path \"*$1*\" -type d | wc -l; \
                  ls -d /proc/[0-9]* | wc -l; ls /run/containerd/io.containerd.runtime.v2.task/* | wc -l";
    let cmd = containerd.sandbox.command("sh", ["-c", script, "sh", &containerd.sandbox.tag]);
    cmd.run().code(0).out.lines().map(str::to_owned).collect()
}

#[test]
fn many_containers() {
    if !engines::in_time() {
        return;
    }
    // A daemon of its own: others' containers come and go.
    let containerd = &Containerd::start("soak", View::Host).unwrap();
    let wanted = std::env::var("SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    containerd.expect("", "echo first", "first");
    let before = counts(containerd);
    let (next, done) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < wanted && engines::in_time() {
                    let n = done.fetch_add(1, Ordering::Relaxed);
                    let id = containerd.sandbox.name("soak");
                    let script = format!("exit {}", n % 100);
                    let run = containerd.run("--rm", &id, &["sh", "-c", &script]).run();
                    run.code((n % 100) as i32);
                }
            });
        }
    });
    println!("NOTE: {} of {wanted} containers", done.load(Ordering::Relaxed));
    let mut after = counts(containerd);
    for _ in 0..100 {
        if after == before {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        after = counts(containerd);
    }
    assert_eq!(after, before, "mounts, control groups, processes, tasks");
}
