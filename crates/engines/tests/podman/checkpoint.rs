//! `podman container checkpoint` and `restore`.

use e2e::{skip, until};
use engines::Podman;

use crate::podman;

/// Counts, and ends with 3 when it is told to.
const COUNT: &str = "trap 'exit 3' TERM; i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done";

/// Podman, if checkpoints can be made here.
#[track_caller]
fn ready() -> Option<&'static Podman> {
    podman().filter(|_| engines::has_criu())
}

fn numbers(podman: &Podman, name: &str) -> Vec<u32> {
    let logs = podman.cli(["logs", name]).run().code(0).out;
    logs.lines().map(|line| line.trim().parse().unwrap()).collect()
}

#[track_caller]
fn counts_on(podman: &Podman, name: &str) {
    let before = numbers(podman, name).len();
    until("it counts", || numbers(podman, name).len() > before + 2);
}

fn checkpoint(podman: &Podman, options: &str, name: &str) -> e2e::Cmd {
    let verb = podman.cli(["container", "checkpoint"]);
    verb.args(options.split_whitespace()).args([name])
}

fn restore(podman: &Podman, options: &str, name: &[&str]) -> e2e::Cmd {
    podman.cli(["container", "restore"]).args(options.split_whitespace()).args(name)
}

#[test]
fn it_counts_on_where_it_left_off() {
    let Some(podman) = ready() else { return };
    for options in [
        // On the bridge.
        "",
        "--network none --tty",
        "--network host --init --volume /usr:/mnt:ro",
        "--network none --read-only --tmpfs /fresh --memory 64m --systemd=always --stop-signal TERM",
        "--network none --pid host --hostname other --cap-drop all",
    ] {
        let name = podman.background(options, &["sh", "-c", COUNT]);
        counts_on(podman, &name);
        checkpoint(podman, "--file-locks", &name).run().code(0);
        assert_eq!(podman.inspect(&name, ".State.Checkpointed"), "true", "{options}");
        restore(podman, "--file-locks", &[&name]).run().code(0);
        assert_eq!(podman.inspect(&name, ".State.Status"), "running", "{options}");
        counts_on(podman, &name);
        let all = numbers(podman, &name);
        assert_eq!(all, (0..all.len() as u32).collect::<Vec<_>>(), "{options}");
        podman.exec("", &name, "exit 4").run().code(4);
        podman.cli(["stop", "--time", "20", &name]).run().code(0);
        assert_eq!(podman.inspect(&name, ".State.ExitCode"), "3", "{options}");
        podman.remove(&[&name]);
    }
}

#[test]
fn it_may_go_on_and_the_figures_are_criu_s() {
    let Some(podman) = ready() else { return };
    let name = podman.background("--network none", &["sh", "-c", COUNT]);
    counts_on(podman, &name);
    let run = checkpoint(podman, "--leave-running --keep --print-stats", &name).run().code(0);
    let stats: serde_json::Value = serde_json::from_str(&run.out).expect("it is JSON");
    let figures = &stats["container_statistics"][0]["criu_statistics"];
    assert!(figures["pages_written"].as_u64().unwrap_or(0) > 0, "{stats}");
    counts_on(podman, &name);
    // What --keep has kept.
    let files = podman.inspect(&name, ".StaticDir");
    for file in ["dump.log", "stats-dump", "checkpoint/inventory.img"] {
        assert!(std::fs::exists(format!("{files}/{file}")).unwrap(), "{file}");
    }
    checkpoint(podman, "", &name).run().code(0);
    let run = restore(podman, "--keep --print-stats", &[&name]).run().code(0);
    let stats: serde_json::Value = serde_json::from_str(&run.out).expect("it is JSON");
    let figures = &stats["container_statistics"][0]["criu_statistics"];
    assert!(figures["pages_restored"].as_u64().unwrap_or(0) > 0, "{stats}");
    assert!(std::fs::exists(format!("{files}/restore.log")).unwrap());
    counts_on(podman, &name);
    podman.remove(&[&name]);
}

#[test]
fn an_archive_is_brought_back_under_two_names() {
    let Some(podman) = ready() else { return };
    let name = podman.background("--network none --tmpfs /kept", &["sh", "-c", COUNT]);
    counts_on(podman, &name);
    podman.exec("", &name, "echo in the layer >/file; echo in memory >/kept/file").run().code(0);
    let archive = podman.sandbox.directory("archive").join("all.tar");
    let archive = archive.display().to_string();
    checkpoint(podman, &format!("--export {archive} --compress none"), &name).run().code(0);
    podman.remove(&[&name]);
    let second = podman.sandbox.name("second");
    restore(podman, &format!("--import {archive}"), &[]).run().code(0);
    restore(podman, &format!("--import {archive} --name {second}"), &[]).run().code(0);
    for name in [&name, &second] {
        counts_on(podman, name);
        let run = podman.exec("", name, "cat /file /kept/file").run().code(0);
        assert_eq!(run.out, "in the layer\nin memory\n");
    }
    podman.remove(&[&name, &second]);
}

#[test]
fn open_connections_are_saved_when_asked() {
    let Some(podman) = ready() else { return };
    let script = "sleep 1000 | nc -l -p 7 >/got & sleep 0.3; (while :; do date; sleep 0.1; done) | \
                  nc 127.0.0.1 7 & sleep 0.3; echo up; wait";
    let name = podman.background("--network none", &["sh", "-c", script]);
    until("up", || podman.cli(["logs", &name]).run().out.contains("up"));
    let got = || podman.exec("", &name, "wc -c </got").run().code(0).out;
    let more = || {
        let before = got();
        until("more has come", || got() != before);
    };
    more();
    let run = checkpoint(podman, "", &name).run().code(125);
    assert!(run.err.contains("CRIU failed") && run.err.contains("tcp"), "{}", run.err);
    more();
    checkpoint(podman, "--tcp-established", &name).run().code(0);
    assert_eq!(podman.inspect(&name, ".State.Checkpointed"), "true");
    restore(podman, "--tcp-established", &[&name]).run().code(0);
    more();
    podman.remove(&[&name]);
}

#[test]
fn a_checkpoint_on_top_of_an_earlier_one() {
    let Some(podman) = ready() else { return };
    let name = podman.background("--network none", &["sh", "-c", COUNT]);
    counts_on(podman, &name);
    let directory = podman.sandbox.directory("archives").display().to_string();
    let pre = format!("--pre-checkpoint --export {directory}/pre.tar");
    let run = checkpoint(podman, &pre, &name).run();
    if run.err.contains("CONFIG_MEM_SOFT_DIRTY") {
        let words = run.err.lines().next().unwrap_or_default();
        skip(words.split_once("\": ").map_or(words, |(_, why)| why));
        // It has not suffered.
        counts_on(podman, &name);
        return podman.remove(&[&name]);
    }
    run.code(0);
    counts_on(podman, &name);
    let post = format!("--with-previous --export {directory}/post.tar");
    checkpoint(podman, &post, &name).run().code(0);
    podman.remove(&[&name]);
    let both = format!("--import-previous {directory}/pre.tar --import {directory}/post.tar");
    restore(podman, &both, &[]).run().code(0);
    counts_on(podman, &name);
    podman.remove(&[&name]);
}

#[test]
fn in_a_pod_and_from_an_image() {
    let Some(podman) = ready() else { return };
    let pod = podman.sandbox.name("pod");
    let create = podman.cli(["pod", "create", "--network", "none", "--name", &pod]);
    create.args(podman.parent()).run().code(0);
    let name = podman.sandbox.name("c");
    let run = podman.cli(["run", "--detach", "--pull=never", "--pod", &pod, "--name", &name]);
    run.args([Podman::IMAGE, "sh", "-c", COUNT]).run().code(0);
    counts_on(podman, &name);
    checkpoint(podman, "", &name).run().code(0);
    restore(podman, "", &[&name]).run().code(0);
    counts_on(podman, &name);
    podman.cli(["pod", "rm", "--force", "--time", "0", &pod]).run().code(0);

    let image = format!("localhost/{}", podman.sandbox.name("saved"));
    let name = podman.background("--network none", &["sh", "-c", COUNT]);
    counts_on(podman, &name);
    checkpoint(podman, &format!("--create-image {image}"), &name).run().code(0);
    podman.remove(&[&name]);
    restore(podman, "", &[&image]).run().code(0);
    counts_on(podman, &name);
    podman.remove(&[&name]);
    podman.cli(["rmi", &image]).run().code(0);
}
