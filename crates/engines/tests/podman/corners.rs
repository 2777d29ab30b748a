//! What Podman asks of a runtime that others do not.

use engines::Podman;

use crate::podman;

#[test]
fn a_directory_is_the_root() {
    let Some(podman) = podman() else { return };
    let root = podman.sandbox.directory("root");
    let copy = format!("cp -a {}/. {}", engines::image("busybox").display(), root.display());
    podman.sandbox.sh(&copy).run().code(0);
    let run = podman.cli(["run", "--rm", "--network", "none"]).args(podman.parent());
    let run = run.args(["--rootfs"]).args([&root]);
    run.args(["sh", "-c", "echo here > /mark; exit 3"]).run().code(3);
    assert_eq!(std::fs::read_to_string(root.join("mark")).unwrap(), "here\n");
    // An overlay over it, of which nothing stays.
    let over = format!("{}:O", root.display());
    let run = podman.cli(["run", "--rm", "--network", "none"]).args(podman.parent());
    let run = run.args(["--rootfs", &over]);
    run.args(["sh", "-c", "echo x > /other"]).run().code(0);
    assert!(!root.join("other").exists());
}

#[test]
fn hooks_of_a_directory_are_run() {
    let Some(podman) = podman() else { return };
    let hooks = podman.sandbox.directory("hooks");
    let out = hooks.join("out");
    for stage in ["createRuntime", "poststop"] {
        let script = format!(
            "#!/bin/sh\nprintf '{stage} %s %s ' \"$1\" \"$KEY\" >>{0}\n\
             sed 's/.*\"status\": *\"\\([a-z]*\\)\".*/\\1\\n/' >>{0}\n",
            out.display()
        );
        let path = hooks.join(format!("{stage}.sh"));
        std::fs::write(&path, script).unwrap();
        podman.sandbox.command("chmod", ["755".as_ref(), path.as_os_str()]).run().code(0);
        let json = format!(
            r#"{{"version": "1.0.0", "hook": {{"path": {path:?}, "args": ["name", "argument"],
                "env": ["KEY=value"], "timeout": 10}}, "when": {{"always": true}},
                "stages": ["{stage}"]}}"#
        );
        std::fs::write(hooks.join(format!("{stage}.json")), json).unwrap();
    }
    let hooks = hooks.display().to_string();
    let run = podman.cli(["--hooks-dir", &hooks, "run", "--rm", "--pull=never"]);
    let run = run.args(podman.parent()).args(["--network", "none"]);
    run.args([Podman::IMAGE, "true"]).run().code(0);
    let told = std::fs::read_to_string(&out).unwrap();
    let words: Vec<_> = told.split_whitespace().collect();
    let wanted =
        ["createRuntime", "argument", "value", "creating", "poststop", "argument", "value"];
    assert_eq!(words[..words.len().min(7)], wanted, "{told}");
}

#[test]
fn readiness_is_told_through_the_runtime() {
    let Some(podman) = podman() else { return };
    let socket = podman.sandbox.work.join("notify");
    let listener = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    listener.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    let run = podman.cli(["run", "--rm", "--detach", "--pull=never", "--network", "none"]);
    let run = run.args(podman.parent());
    let run = run.args(["--sdnotify", "conmon", Podman::IMAGE, "sleep", "1000"]);
    let run = run.env("NOTIFY_SOCKET", &socket).run().code(0);
    let mut text = String::new();
    while !text.contains("READY=1") {
        let mut buffer = [0; 4096];
        let length = listener.recv(&mut buffer).unwrap();
        text += &String::from_utf8_lossy(&buffer[..length]);
    }
    podman.remove(&[run.out.trim()]);
}

#[test]
fn secrets_timeouts_and_pid_files() {
    let Some(podman) = podman() else { return };
    podman.cli(["secret", "create", "word", "-"]).input("hidden").run().code(0);
    let options = "--network none --secret word --secret word,type=env,target=WORD";
    podman.expect(options, "cat /run/secrets/word; echo; echo $WORD", "hidden\nhidden");
    podman.cli(["secret", "rm", "word"]).run().code(0);
    // It is killed when its time is over.
    let run = podman.run("--network none --timeout 1", &["sleep", "1000"]).run();
    assert!(matches!(run.status.code(), Some(255 | 137)), "{}", run.status);
    let file = podman.sandbox.work.join("pid");
    let name = podman
        .background(&format!("--network none --pidfile {}", file.display()), &["sleep", "1000"]);
    let pid = std::fs::read_to_string(&file).unwrap();
    assert_eq!(pid.trim(), podman.inspect(&name, ".State.Pid"));
    podman.remove(&[&name]);
}

#[test]
fn more_kinds_of_mounts() {
    let Some(podman) = podman() else { return };
    podman.expect(
        "--network none --mount type=devpts,target=/dev/pts",
        "ls /dev/pts/ptmx",
        "/dev/pts/ptmx",
    );
    let image =
        format!("--network none --mount type=image,source={},destination=/m", Podman::IMAGE);
    podman.expect(&image, "ls -d /m/bin/busybox", "/m/bin/busybox");
    podman.expect(
        "--network none --read-only --read-only-tmpfs=false",
        "touch /tmp/x 2>/dev/null || echo no",
        "no",
    );
    podman.expect(
        "--network none --tmpfs /etc/network:notmpcopyup",
        "ls -A /etc/network | wc -l",
        "0",
    );
    podman.expect(
        "--network none --tmpfs /home",
        "ls /home; stat -c %u:%g:%a /home/alice",
        "alice\n1000:1000:700",
    );
    let from = podman.sandbox.directory("idmapped");
    std::fs::write(from.join("file"), "").unwrap();
    let options = format!(
        "--network none --uidmap 0:400000:65536 --gidmap 0:400000:65536 -v {}:/m:idmap",
        from.display()
    );
    podman.expect(&options, "stat -c %u:%g /m/file; touch /m/new", "0:0");
    let meta = std::fs::metadata(from.join("new")).unwrap();
    assert_eq!(
        std::os::unix::fs::MetadataExt::uid(&meta),
        0,
        "as it is written through the mapping"
    );
}
