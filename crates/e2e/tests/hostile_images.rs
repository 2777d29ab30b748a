//! Images that are hostile in each place that a path of the configuration leads to, for both runtimes.
//! What is at mount targets, in place of the console and of /dev is in the attacks, rows 4, 7 and 10.

use std::path::Path;

use e2e::attack::{canary, contents, link, links};
use e2e::{Bundle, Cmd, World, on_this_host};
use serde_json::{Value, json};

/// A mount without options.
fn mount(destination: &str, kind: &str, source: &Path) -> Value {
    let options: &[&str] = if kind == "bind" { &["bind"] } else { &[] };
    json!({"destination": destination, "type": kind, "source": source, "options": options})
}

/// A bundle on the image's own /dev.
fn on_its_own_dev(world: &World) -> Bundle {
    let mut bundle = world.bundle();
    bundle.set("/mounts", json!([mount("/proc", "proc", Path::new("proc"))]));
    std::fs::create_dir_all(bundle.rootfs.file("dev")).unwrap();
    bundle
}

/// With a link to the canary at `name` in the image, by each way to write one, each runtime starts
/// the container, which prints what it finds: never what is the host's. Where the image has the same
/// path itself, all is done there; or the link is refused where it is not `followed`.
fn with_links(bundle: &Bundle, name: &str, canary: &Path, followed: bool) {
    let before = contents(canary);
    let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mounted = mounts();
    for decoy in [false, true] {
        if decoy {
            let at = bundle.rootfs.file(canary.to_str().unwrap());
            std::fs::create_dir_all(at.join("sub")).unwrap();
            std::fs::write(at.join("file"), "the image's\n").unwrap();
        }
        for to in links(&bundle.rootfs, canary) {
            link(&bundle.rootfs, name, &to);
            for cmd in bundle.by_each() {
                let run = cmd.seconds(20).run();
                let said = format!("{name} -> {}: {}{}", to.display(), run.out, run.err);
                assert!(!run.out.contains("host"), "{said}");
                assert_eq!(contents(canary), before, "{said}");
                assert_eq!(mounts(), mounted, "{said}");
                let ran = run.out.ends_with("ran\n");
                assert!(
                    if decoy { ran == followed } else { ran == run.status.success() },
                    "{said}"
                );
            }
        }
    }
}

/// The configuration takes a file out of the image, where it is a link.
#[test]
fn sources_of_mounts() {
    on_this_host(|world: &World| {
        let canary = canary(world);
        for sub in ["", "/file"] {
            let mut bundle = world.bundle();
            let target = if sub.is_empty() { "/mnt" } else { "/etc/mounted" };
            let source = format!("{}/data{sub}", bundle.rootfs.path.display());
            bundle.push("/mounts", mount(target, "bind", Path::new(&source)));
            bundle.sh("cat /mnt/file /etc/mounted; echo evil >/mnt/file; echo evil >/etc/mounted; echo ran");
            with_links(&bundle, "data", &canary, true);
        }
    });
}

#[test]
fn masked_and_read_only_paths() {
    on_this_host(|world: &World| {
        let canary = canary(world);
        for list in ["maskedPaths", "readonlyPaths"] {
            let mut bundle = world.bundle();
            bundle.set(&format!("/linux/{list}"), json!(["/data", "/data/file", "/data/sub"]));
            bundle.sh("cat /data/file; echo evil >/data/file; echo evil >/data/sub/x; echo ran");
            with_links(&bundle, "data", &canary, true);
        }
    });
}

/// A directory that is missing is made, in the container.
#[test]
fn working_directories() {
    on_this_host(|world: &World| {
        let canary = canary(world);
        for cwd in ["/data", "/data/sub", "/data/new/deep"] {
            let mut bundle = world.bundle();
            bundle.set("/process/cwd", cwd);
            bundle.sh("cat file ../file ../../file; echo evil >file; echo evil >../file; echo ran");
            with_links(&bundle, "data", &canary, true);
        }
    });
}

/// Nodes are made through no link at all.
#[test]
fn places_of_devices() {
    on_this_host(|world: &World| {
        let canary = canary(world);
        let mut bundle = on_its_own_dev(world);
        for path in ["/data/null", "/data/sub/deep/zero"] {
            bundle.push(
                "/linux/devices",
                json!({"path": path, "type": "c", "major": 1, "minor": 3,
                "fileMode": 0o666, "uid": 0, "gid": 0}),
            );
        }
        bundle.sh("rm -f /data/null; echo evil >/data/file; echo ran");
        with_links(&bundle, "data", &canary, false);
    });
}

/// What is already at a standard node's place, or at a link's of /dev, is that, or nothing starts.
#[test]
fn nodes_and_links_in_dev() {
    on_this_host(|world: &World| {
        let canary = canary(world);
        let before = contents(&canary);
        let put: [(&str, &[&str]); 6] = [
            ("a link", &["ln", "-s"]),
            ("a file", &["cp"]),
            ("a FIFO", &["mkfifo"]),
            ("a directory", &["mkdir"]),
            ("all memory", &["mknod"]),
            ("a link to itself", &["ln", "-s"]),
        ];
        for name in ["null", "tty", "fd", "stdin", "ptmx", "core"] {
            for (what, words) in put {
                let mut bundle = on_its_own_dev(world);
                let at = bundle.rootfs.file(&format!("dev/{name}"));
                let _ = std::fs::remove_file(&at);
                let mut cmd = Cmd::new(words[0], &words[1..]);
                match what {
                    "a link" => cmd = cmd.args([canary.join("null")]),
                    "a file" => cmd = cmd.args([canary.join("file")]),
                    "a link to itself" => cmd = cmd.args([name]),
                    _ => {}
                }
                cmd = cmd.args([&at]);
                if what == "all memory" {
                    cmd = cmd.args(["c", "1", "1"]);
                }
                cmd.run().success();
                // Nobody is at a FIFO's other end.
                let more = format!("head -c 9 /dev/{name} </dev/null; echo evil >/dev/{name}");
                let more = if what == "a FIFO" { "true" } else { &more };
                bundle.sh(&format!("stat -c %t:%T /dev/null; {more}; echo ran"));
                for cmd in bundle.by_each() {
                    let run = cmd.seconds(20).run();
                    let said = format!("{what} at {name}: {}{}", run.out, run.err);
                    assert_eq!(contents(&canary), before, "{said}");
                    if run.status.success() && ["null", "tty"].contains(&name) {
                        assert!(run.out.starts_with("1:3\n"), "{said}");
                    }
                }
            }
        }
    });
}

/// The files that users are looked up in: no link leads out, nobody waits for a FIFO, and no file is
/// too long.
#[test]
fn files_of_users() {
    on_this_host(|world: &World| {
        let home = world.path("passwd");
        std::fs::write(
            &home,
            "root:x:0:0::/of-the-host:/bin/sh\nalice:x:0:0::/of-the-host:/bin/sh\n",
        )
        .unwrap();
        let mut bundle = world.bundle();
        bundle.set("/process/env", json!(["PATH=/bin"])).sh("echo $HOME");
        let root = world.busybox();
        for what in ["link", "fifo", "directory", "endless", "device"] {
            for place in [&bundle.rootfs, &root] {
                for name in ["passwd", "group"] {
                    let at = place.file(&format!("etc/{name}"));
                    let _ = std::fs::remove_file(&at);
                    let _ = std::fs::remove_dir(&at);
                    match what {
                        "link" => link(place, &format!("etc/{name}"), &home),
                        "fifo" => drop(Cmd::new("mkfifo", [&at]).run().success()),
                        "directory" => std::fs::create_dir(&at).unwrap(),
                        "endless" => std::fs::File::create(&at).unwrap().set_len(1 << 42).unwrap(),
                        _ => drop(Cmd::new("mknod", [&at]).args(["c", "1", "5"]).run().success()),
                    }
                }
            }
            for cmd in bundle.by_each() {
                let run = cmd.seconds(20).run();
                let said = format!("{what}: {}{}", run.out, run.err);
                assert!(!said.contains("of-the-host"), "{said}");
                assert!(run.status.success() || run.err.contains("passwd"), "{said}");
            }
            // By a name, it must be read.
            let run = root.exec(["--user", "alice", "id"]).seconds(20).run().code(125);
            assert!(run.err.contains("alice") || run.err.contains("passwd"), "{what}: {}", run.err);
        }
    });
}
