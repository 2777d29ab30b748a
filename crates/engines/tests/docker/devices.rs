//! --device, --device-cgroup-rule, and those that all have.

use crate::docker;

#[test]
fn the_usual_ones_are_there() {
    let Some(docker) = docker() else { return };
    let script = "for d in null zero full random urandom tty; do stat -c '%n %F %a' /dev/$d; done; \
                  for l in fd stdin ptmx; do readlink /dev/$l; done; ls /dev | sort | tr '\\n' ' '";
    let run = docker.sh("", script).run().code(0);
    for device in ["null", "zero", "full", "random", "urandom", "tty"] {
        let line = format!("/dev/{device} character special file 666\n");
        assert!(run.out.contains(&line), "{}", run.out);
    }
    assert!(run.out.contains("/proc/self/fd\n/proc/self/fd/0\npts/ptmx\n"), "{}", run.out);
    let all = run.out.lines().last().unwrap();
    // Where the kernel has /proc/kcore there is a link to it.
    let all = all.trim_start_matches("core ");
    let usual = "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero ";
    assert_eq!(all, usual);
}

#[test]
fn more_can_be_given() {
    let Some(docker) = docker() else { return };
    if !std::path::Path::new("/dev/fuse").exists() {
        return e2e::skip("there is no /dev/fuse");
    }
    // Which is 10:229.
    docker.expect(
        "--device /dev/fuse",
        "stat -c '%t:%T' /dev/fuse; exec 3</dev/fuse && echo opened",
        "a:e5\nopened",
    );
    docker.expect(
        "--device /dev/fuse:/dev/other/name:r",
        "exec 3</dev/other/name && echo opened; (: >/dev/other/name) 2>&1 | grep -c permitted",
        "opened\n1",
    );
    let make = "mknod /tmp/fuse c 10 229; (exec 3</tmp/fuse) 2>&1 | grep -c permitted";
    docker.expect("", make, "1");
    let run =
        docker.cli(["run", "--rm", "--device-cgroup-rule", "c 10:229 rm", "busybox", "sh", "-c"]);
    let run = run.args(["mknod /tmp/fuse c 10 229; exec 3</tmp/fuse && echo opened"]).run().code(0);
    assert_eq!(run.out, "opened\n");
    assert!(!docker.run("--device /dev/nosuch busybox true").run().status.success());
    // A directory of them.
    let run = docker.sh("--device /dev/net", "ls /dev/net").run();
    assert!(run.status.code() == Some(125) || run.out.contains("tun"), "{} {}", run.out, run.err);
    // They belong to whom they belong to outside, also for another user.
    docker.expect(
        "--device /dev/null:/dev/mine --user 1000",
        "echo x > /dev/mine && echo written",
        "written",
    );
}
