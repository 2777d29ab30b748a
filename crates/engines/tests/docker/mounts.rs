//! -v, --mount, --tmpfs, --read-only, --volumes-from.

use std::path::Path;

use crate::docker;

/// A directory with a file `file` that says `host`.
fn source(docker: &engines::Docker) -> String {
    let path = docker.sandbox.directory("source");
    std::fs::write(path.join("file"), "host\n").unwrap();
    path.display().to_string()
}

#[test]
fn binds_are_writable_or_not() {
    let Some(docker) = docker() else { return };
    let from = source(docker);
    let write = "cat /m/file; echo written > /m/new && cat /m/new";
    docker.expect(&format!("-v {from}:/m"), write, "host\nwritten");
    assert_eq!(std::fs::read_to_string(format!("{from}/new")).unwrap(), "written\n");
    docker.expect(&format!("-v {from}:/m:rw"), write, "host\nwritten");
    let refused = "cat /m/file; echo x 2>/dev/null > /m/other || echo refused";
    docker.expect(&format!("-v {from}:/m:ro"), refused, "host\nrefused");
    let mount = format!("--mount type=bind,source={from},target=/m,readonly");
    docker.expect(&mount, refused, "host\nrefused");
    // A file, at a place that is not there; a deep place; the options that mean nothing here.
    docker.expect(&format!("-v {from}/file:/not/there/yet"), "cat /not/there/yet", "host");
    docker.expect(&format!("-v {from}/file:/etc/hostname:ro"), "cat /etc/hostname", "host");
    for option in ["z", "Z", "cached", "delegated", "consistent", "ro,z", "rw,cached"] {
        docker.expect(&format!("-v {from}:/m:{option}"), "cat /m/file", "host");
    }
    docker.run(&format!("-v {from}:/m:nosuch busybox true")).run().code(125);
    docker.run(&format!("-v {from}:m busybox true")).run().code(125);
    // What is not there is made as a directory by -v, refused by --mount.
    docker.expect(&format!("-v {from}/made:/m"), "ls /m", "");
    assert!(Path::new(&from).join("made").is_dir());
    docker
        .run(&format!("--mount type=bind,source={from}/nosuch,target=/m busybox true"))
        .run()
        .code(125);
}

#[test]
fn submounts_come_along_or_not() {
    let Some(docker) = docker() else { return };
    let from = source(docker);
    let script =
        format!("mkdir {from}/sub; mount -t tmpfs tmpfs {from}/sub; echo deep >{from}/sub/file");
    docker.sandbox.sh(&script).run().code(0);
    docker.expect(&format!("-v {from}:/m"), "cat /m/sub/file", "deep");
    let shallow = format!("--mount type=bind,source={from},target=/m,bind-nonrecursive");
    docker.expect(&shallow, "ls /m/sub; echo end", "end");
    docker.sandbox.sh(&format!("umount {from}/sub")).run().code(0);
}

#[test]
fn mounts_nest_and_follow_links_inside() {
    let Some(docker) = docker() else { return };
    let (a, b) = (source(docker), source(docker));
    std::fs::write(format!("{b}/inner"), "inner\n").unwrap();
    // In whatever order they are told.
    docker.expect(&format!("-v {b}:/m/deep -v {a}:/m"), "cat /m/file /m/deep/inner", "host\ninner");
    // /var/run is a link to ../run in the image: the mount is at what it points to.
    docker.expect(&format!("-v {a}:/var/run/place"), "cat /run/place/file", "host");
    // A link that leads out of the root file system leads nowhere out of it.
    let image = docker.sandbox.name("links");
    let name =
        docker.background("", &["sh", "-c", "ln -s ../../../../../escape /link; sleep 1000"]);
    e2e::until("the link", || docker.exec("", &name, "test -h /link").run().status.success());
    docker.cli(["commit", &name, &image]).run().code(0);
    let run = docker.run(&format!("-v {a}:/link/m {image} cat /escape/m/file")).run();
    assert!(!Path::new("/escape").exists(), "a mount point was made on the host");
    assert_eq!(run.code(0).out, "host\n");
    docker.remove(&[&name]);
    docker.cli(["rmi", "--force", &image]).run().code(0);
}

#[test]
fn some_places_are_refused() {
    let Some(docker) = docker() else { return };
    let from = source(docker);
    for place in ["/proc", "/proc/sys"] {
        let run = docker.run(&format!("-v {from}:{place} busybox true")).run();
        assert_ne!(run.status.code(), Some(0), "over {place}");
    }
    docker.run(&format!("-v {from}:/ busybox true")).run().code(125);
    // A file over a directory, and a directory over a file.
    let run = docker.run(&format!("-v {from}/file:/etc busybox true")).run();
    assert!(
        !run.status.success() && run.err.to_lowercase().contains("not a directory"),
        "{}",
        run.err
    );
    let run = docker.run(&format!("-v {from}:/etc/passwd busybox true")).run();
    assert!(
        !run.status.success() && run.err.to_lowercase().contains("not a directory"),
        "{}",
        run.err
    );
}

#[test]
fn volumes_keep_what_they_hold() {
    let Some(docker) = docker() else { return };
    let volume = docker.sandbox.name("volume");
    // The first that uses it fills it with what the image has there; nocopy doesn't.
    docker.expect(
        &format!("-v {volume}:/etc"),
        "grep -c ^alice: /etc/passwd; echo kept > /etc/kept",
        "1",
    );
    docker.expect(
        &format!("-v {volume}:/m:ro"),
        "cat /m/kept; touch /m/x 2>&1 | grep -c Read-only",
        "kept\n1",
    );
    let empty = docker.sandbox.name("volume");
    docker.expect(&format!("-v {empty}:/etc/network:nocopy"), "ls -A /etc/network | wc -l", "0");
    let first = docker.background(&format!("-v {volume}:/m -v /anonymous"), &["sleep", "1000"]);
    docker.exec("", &first, "echo x > /anonymous/file").run().code(0);
    docker.expect(
        &format!("--volumes-from {first}:ro"),
        "cat /m/kept /anonymous/file; touch /m/x 2>/dev/null || echo ro",
        "kept\nx\nro",
    );
    // Volumes cannot propagate.
    docker.run(&format!("-v {volume}:/m:shared busybox true")).run().code(125);
    docker.remove(&[&first]);
    docker.cli(["volume", "rm", &volume, &empty]).run().code(0);
}

#[test]
fn tmpfs_has_its_options() {
    let Some(docker) = docker() else { return };
    let script = "grep ' /m ' /proc/self/mounts; stat -c %a /m";
    let run = docker.sh("--tmpfs /m:size=1m,mode=1750,noexec", script).run().code(0);
    for part in ["tmpfs /m tmpfs rw,nosuid,nodev,noexec", "size=1024k", "1750"] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    let run = docker.sh("--tmpfs /m", script).run().code(0);
    assert!(run.out.contains("noexec") && run.out.ends_with("1777\n"), "{}", run.out);
    let exec = "cp /bin/busybox /m; /m/busybox echo ran";
    docker.expect("--tmpfs /m:exec", exec, "ran");
    let run = docker.sh("--mount type=tmpfs,target=/m,tmpfs-size=65536,tmpfs-mode=700", script);
    let run = run.run().code(0);
    assert!(run.out.contains("size=64k") && run.out.contains("700"), "{}", run.out);
    // Over a place that has something: Docker asks for its content to be copied in.
    docker.sh("--tmpfs /etc/network", "ls /etc/network").run().code(0);
    docker.expect("--shm-size 2m", "df -k /dev/shm | tail -n 1 | awk '{ print $2 }'", "2048");
}

#[test]
fn a_read_only_root() {
    let Some(docker) = docker() else { return };
    let script = "touch /x 2>&1; touch /etc/x 2>&1; touch /tmp/x && touch /dev/shm/x && \
                  : >/dev/null && echo fine";
    let lines = "touch: /x: Read-only file system\ntouch: /etc/x: Read-only file system\nfine";
    docker.expect("--read-only --tmpfs /tmp", script, lines);
    let from = source(docker);
    docker.expect(&format!("--read-only -v {from}:/m"), "touch /m/x && echo fine", "fine");
    // Privileged does not change that.
    docker.expect(&format!("--read-only {} --tmpfs /tmp", docker.privileged()), script, lines);
}
