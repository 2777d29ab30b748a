//! ctr run.

use e2e::WindowSize;

use crate::containerd;

#[test]
fn output_and_exit_codes_are_the_commands() {
    let Some(containerd) = containerd() else { return };
    let script = ["sh", "-c", "echo out; echo err >&2; sleep 0.2; exit 7"];
    let run = containerd.run("--rm", &containerd.sandbox.name("t"), &script).run().code(7);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("out\n", "err\n"));
    let fails = |command: &str, text: &str| {
        let id = containerd.sandbox.name("t");
        let run = containerd.run("--rm", &id, &[command]).run();
        assert!(!run.status.success() && run.err.contains(text), "{command}: {}", run.err);
        // Its name is free again.
        containerd.run("--rm", &id, &["true"]).run().code(0);
    };
    fails("nosuch", "executable file not found in $PATH");
    fails("/nosuch/file", "no such file or directory");
    fails("/etc/passwd", "permission denied");
}

#[test]
fn a_directory_can_be_the_root() {
    let Some(containerd) = containerd() else { return };
    let root = containerd.sandbox.directory("root");
    let copy = format!("cp -a {}/. {}", engines::image("busybox").display(), root.display());
    containerd.sandbox.sh(&copy).run().code(0);
    let id = containerd.sandbox.name("t");
    let script = ["/bin/sh", "-c", "echo here > /mark; exit 3"];
    containerd.run_of("--rm --rootfs", root.to_str().unwrap(), &id, &script).run().code(3);
    assert_eq!(std::fs::read_to_string(root.join("mark")).unwrap(), "here\n");
}

#[test]
fn options_are_followed() {
    let Some(containerd) = containerd() else { return };
    containerd.expect("--env A=1 --cwd /tmp", "echo $A; pwd; echo $$", "1\n/tmp\n1");
    containerd.expect("--read-only", "touch /x 2>/dev/null || echo no", "no");
    let net = containerd.sandbox.command("readlink", ["/proc/self/ns/net"]).run().code(0).out;
    containerd.expect("--net-host", "readlink /proc/self/ns/net", net.trim());
    containerd.expect("", "ls /sys/class/net", "lo");
    let from = containerd.sandbox.directory("source");
    std::fs::write(from.join("file"), "host\n").unwrap();
    let mount = |options: &str| {
        format!("--mount type=bind,src={},dst=/m,options={options}", from.display())
    };
    containerd.expect(&mount("rbind:rw"), "cat /m/file; touch /m/x && echo fine", "host\nfine");
    containerd.expect(
        &mount("rbind:ro"),
        "cat /m/file; touch /m/y 2>/dev/null || echo no",
        "host\nno",
    );
    let flags = "grep ' /m ' /proc/self/mounts | cut -d' ' -f4 | tr , '\\n' | grep -E '^(ro|no)' | sort | tr '\\n' ' '";
    containerd.expect(&mount("bind:ro:nosuid:nodev:noexec"), flags, "nodev noexec nosuid ro");
    containerd.expect("--device /dev/fuse", "stat -c %t:%T /dev/fuse", "a:e5");
    let caps = "grep CapEff /proc/self/status | tr -d '\\t'";
    containerd.expect("--cap-drop CAP_CHOWN", caps, "CapEff:00000000a80425fa");
    containerd.expect("--cap-add CAP_NET_ADMIN", caps, "CapEff:00000000a80435fb");
    let status = "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'";
    containerd.expect("", status, "NoNewPrivs:1\nSeccomp:0");
    containerd.expect("--seccomp --allow-new-privs", status, "NoNewPrivs:0\nSeccomp:2");
    containerd.expect("--no-pivot", "ls /bin/busybox; ls -d /proc/1", "/bin/busybox\n/proc/1");
    let maps = "--uidmap 0:400000:65536 --gidmap 0:500000:65536";
    containerd.expect(maps, "tr -s ' ' </proc/self/gid_map; id -u", " 0 500000 65536\n0");
}

#[test]
fn limits_are_set() {
    let Some(containerd) = containerd() else { return };
    let options = "--memory-limit 67108864 --cpus 0.5 --cpu-shares 333";
    let id = containerd.background(options, &["sleep", "1000"]);
    let read = |file: &str, controller: &str| {
        let path = format!("/sys/fs/cgroup/{controller}/{}/{id}/{file}", containerd.sandbox.tag);
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    };
    assert_eq!(read("memory.limit_in_bytes", "memory"), "67108864");
    assert_eq!(read("cpu.cfs_quota_us", "cpu"), "50000");
    assert_eq!(read("cpu.shares", "cpu"), "333");
    containerd.remove(&id);
}

#[test]
fn namespaces_are_joined() {
    let Some(containerd) = containerd() else { return };
    let first = containerd.background("", &["sleep", "1000"]);
    let list = containerd.ctr(["tasks", "list"]).run().code(0);
    let line = list.out.lines().find(|line| line.starts_with(&first)).expect("it is listed");
    let pid = line.split_whitespace().nth(1).unwrap();
    for (kind, file) in [("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("pid", "pid")] {
        let path = format!("/proc/{pid}/ns/{file}");
        let theirs = containerd.sandbox.command("readlink", [&path]).run().code(0).out;
        containerd.expect(
            &format!("--with-ns {kind}:{path}"),
            &format!("readlink /proc/self/ns/{file}"),
            theirs.trim(),
        );
    }
    containerd.remove(&first);
}

#[test]
fn a_terminal() {
    let Some(containerd) = containerd() else { return };
    let shell = containerd.run("--rm --tty", &containerd.sandbox.name("t"), &["sh"]);
    let mut pty = shell.on_terminal(WindowSize(33, 101));
    pty.type_in(
        "until stty size 2>&1 | grep ^[1-9]; do sleep 0.1; done; tty; echo mark-$((40+2))\n",
    );
    pty.until("mark-42");
    assert!(
        pty.screen().contains("/dev/pts/0") && pty.screen().contains("33 101"),
        "{}",
        pty.screen()
    );
    pty.resize(WindowSize(50, 132)).type_in("sleep 1; stty size\n").until("50 132");
    pty.type_in("exit 9\n");
    assert_eq!(pty.wait().code(), Some(9));
}
