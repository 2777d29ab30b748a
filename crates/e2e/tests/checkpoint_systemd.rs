//! Saved containers come back in scopes of systemd's.

use std::path::{Path, PathBuf};

use e2e::counting::{COUNT, no_criu};
use e2e::{Systemd, until};
use serde_json::json;

fn bundle(host: &Systemd, name: &str, scope: &str) -> PathBuf {
    let mut resources = json!({});
    if host.has_controllers() {
        resources = json!({"pids": {"limit": 77}, "memory": {"limit": 64 << 20}});
    }
    let bundle = host.bundle(name, scope, resources);
    host.change(&bundle, |config| config["process"]["args"] = json!(["/bin/sh", "-c", COUNT]));
    bundle
}

fn counts_on(bundle: &Path) {
    let counted = || {
        let text = std::fs::read_to_string(bundle.join("rootfs/count")).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect::<Vec<usize>>()
    };
    let before = counted().len();
    until("it counts", || counted().len() > before + 2);
    let all = counted();
    assert_eq!(all, (0..all.len()).collect::<Vec<_>>());
}

/// Of a unit, with its group and its limits.
fn properties(host: &Systemd, unit: &str) -> Vec<String> {
    let names = "--property=ActiveState,Slice,Delegate,ControlGroup,Description,TasksMax,MemoryMax";
    let mut all: Vec<_> =
        host.systemctl(["show", unit, names]).lines().map(str::to_owned).collect();
    all.sort();
    all
}

#[test]
fn back_in_its_scope_and_in_another() {
    if no_criu() {
        return;
    }
    let Some(host) = Systemd::find() else { return };
    let tag = host.tag.as_str();
    let old = bundle(&host, "old", &format!("machine-e2e.slice:old:{tag}"));
    let images = host.place.join("images");
    let nsrun = |args: &[&str]| host.nsrun(["--systemd-cgroup"]).args(args).with_criu();
    let images = ["--image-path", images.to_str().unwrap()];
    let started = ["run", "--detach", "--bundle", old.to_str().unwrap(), tag];
    nsrun(&started).run().success();
    counts_on(&old);
    let unit = format!("old-{tag}.scope");
    let before = properties(&host, &unit);
    assert!(before.contains(&"ActiveState=active".into()), "{before:?}");
    let restore = |bundle: &Path, id: &str| {
        let bundle = ["--detach", "--bundle", bundle.to_str().unwrap()];
        nsrun(&["restore"]).args(images).args(bundle).args([id]).run().success();
    };
    // Twice: what was brought back is saved and brought back, too.
    for _ in 0..2 {
        nsrun(&["checkpoint"]).args(images).args([tag]).run().success();
        let saved = nsrun(&["state", tag]).run().success().json();
        assert_eq!(saved["status"], "checkpointed");
        // Nobody is in the scope any more.
        until("the scope's end", || {
            host.systemctl(["show", &unit, "--property=ActiveState"]) != "ActiveState=active\n"
        });
        restore(&old, tag);
        counts_on(&old);
        assert_eq!(properties(&host, &unit), before);
        let pid = nsrun(&["state", tag]).run().success().json()["pid"].to_string();
        let group = host.sh(&format!("cat /proc/{pid}/cgroup"));
        assert!(group.trim_end().ends_with(&format!("/old-{tag}.scope")), "{group}");
        // systemd's own writing changes nothing, and its limits and freezer hold it.
        host.systemctl(["daemon-reload"]);
        nsrun(&["pause", tag]).run().success();
        nsrun(&["resume", tag]).run().success();
        counts_on(&old);
    }
    nsrun(&["checkpoint"]).args(images).args([tag]).run().success();
    nsrun(&["delete", tag]).run().success();
    assert!(!host.systemctl(["list-units", "--all", "--plain", &unit]).contains(&unit));
    // Another name, bundle and scope.
    let new = bundle(&host, "new", &format!("machine-e2e.slice:new:{tag}"));
    std::fs::rename(old.join("rootfs/count"), new.join("rootfs/count")).unwrap();
    let other = format!("{tag}-other");
    restore(&new, &other);
    counts_on(&new);
    let after = properties(&host, &format!("new-{tag}.scope"));
    let renamed: Vec<_> = before
        .iter()
        .map(|line| line.replace(&format!("old-{tag}"), &format!("new-{tag}")))
        .map(|line| match line.starts_with("Description=") {
            true => line.replacen(tag, &other, 1),
            false => line,
        })
        .collect();
    assert_eq!(after, renamed);
    nsrun(&["delete", "--force", &other]).run().success();
    assert!(!host.systemctl(["list-units", "--all", "--plain"]).contains(tag));
}
