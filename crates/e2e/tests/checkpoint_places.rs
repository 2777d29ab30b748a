//! A saved container comes back elsewhere: under another id, in another bundle and control group,
//! on another terminal, in namespaces that are somebody else's.

use std::io::Read;

use e2e::counting::{COUNT, no_criu};
use e2e::{Cmd, WindowSize, World, each_view, until};
use serde_json::json;

/// No flags.
const NONE: [&str; 0] = [];

fn ip(words: &str) {
    Cmd::new("ip", words.split(' ')).run().success();
}

#[test]
fn another_name_bundle_and_group() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut old = world.bundle();
        old.sh(COUNT);
        let before = world.snapshot();
        old.detach();
        old.counts_on();
        old.checkpoint("images", NONE).run().success();
        old.verb("delete").run().success();
        let mut new = world.bundle();
        new.sh(COUNT);
        let images = old.path.join("images");
        std::fs::rename(old.path.join("rootfs/count"), new.path.join("rootfs/count")).unwrap();
        new.set("/linux/cgroupsPath", format!("/{}/below", new.id));
        if world.view == e2e::View::Host {
            new.set("/linux/resources/memory/limit", 64 << 20);
            new.set("/linux/resources/pids/limit", 77);
        }
        let images = images.to_str().unwrap();
        // From one checkpoint as often as one likes.
        for round in 0..2 {
            let counted = std::fs::read(new.path.join("rootfs/count")).unwrap();
            new.restore(images, NONE).run().success();
            new.counts_on();
            let pid = new.state()["pid"].as_i64().unwrap();
            let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
            let below = format!("/{}/below", new.id);
            assert!(groups.contains(&below) && !groups.contains(&old.id), "{round}: {groups}");
            let max = format!("/sys/fs/cgroup/pids{below}/pids.max");
            if let Ok(max) = std::fs::read_to_string(max) {
                assert_eq!(max, "77\n");
            }
            new.delete();
            std::fs::write(new.path.join("rootfs/count"), counted).unwrap();
        }
        old.tidy(["images"]);
        std::fs::remove_dir_all(&new.path).unwrap();
        before.assert_restored();
    });
}

#[test]
fn another_terminal() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/process/terminal", true);
        bundle.sh("i=0; while true; do echo number $i; i=$((i+1)); sleep 0.05; done");
        let first = world.receiver();
        let run = bundle.run(["--detach", "--console-socket", first.path.to_str().unwrap()]);
        run.leaves_behind().run().success();
        let mut master = std::fs::File::from(first.receive().1);
        wait_for(&mut master, "number 2");
        bundle.checkpoint("images", NONE).run().success();
        bundle.restore("images", NONE).run().code(1).error(&["console socket"]);
        let second = world.receiver();
        let flags = ["--console-socket", second.path.to_str().unwrap()];
        bundle.restore("images", flags).run().success();
        let mut master = std::fs::File::from(second.receive().1);
        let text = wait_for(&mut master, "number");
        assert!(!text.contains("number 0\r") && !text.contains("number 1\r"), "{text}");
        let pid = bundle.state()["pid"].as_i64().unwrap();
        let link = std::fs::read_link(format!("/proc/{pid}/fd/1")).unwrap();
        assert_eq!(link.to_str(), Some("/dev/pts/0"));
        bundle.delete();
        bundle.tidy(["images"]);
    });
}

/// Reads until a text comes: all that came.
fn wait_for(master: &mut std::fs::File, wanted: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 1024];
    while !text.contains(wanted) {
        let length = master.read(&mut buffer).unwrap();
        text += &String::from_utf8_lossy(&buffer[..length]);
    }
    text
}

#[test]
fn a_user_namespace() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.push("/linux/namespaces", json!({"type": "user"}));
        for field in ["/linux/uidMappings", "/linux/gidMappings"] {
            bundle.push(field, json!({"containerID": 0, "hostID": 100_000, "size": 65536}));
        }
        Cmd::new("chown", ["-R", "100000:100000"])
            .args([bundle.path.join("rootfs")])
            .run()
            .success();
        bundle.sh(COUNT);
        bundle.detach();
        bundle.counts_on();
        bundle.checkpoint("images", NONE).run().success();
        bundle.restore("images", NONE).run().success();
        bundle.counts_on();
        let pid = bundle.state()["pid"].as_i64().unwrap();
        let map = std::fs::read_to_string(format!("/proc/{pid}/uid_map")).unwrap();
        assert_eq!(map.split_ascii_whitespace().collect::<Vec<_>>(), ["0", "100000", "65536"]);
        bundle.delete();
        bundle.tidy(["images"]);
    });
}

#[test]
fn namespaces_of_somebody_else() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        ip("netns add outside");
        ip("netns exec outside ip link set lo up");
        ip("netns exec outside ip addr add 10.77.0.1/24 dev lo");
        let mut holder = Cmd::new("unshare", ["--ipc", "--uts", "sleep", "1000"]).start();
        let pid = holder.pid();
        until("unshared", || {
            let of = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/ipc")).unwrap();
            of(&pid.to_string()) != of("self")
        });
        bundle.set("/hostname", json!(null));
        bundle.set(
            "/linux/namespaces",
            json!([
            {"type": "pid"}, {"type": "mount"}, {"type": "cgroup"},
            {"type": "network", "path": "/run/netns/outside"},
            {"type": "ipc", "path": format!("/proc/{pid}/ns/ipc")},
            {"type": "uts", "path": format!("/proc/{pid}/ns/uts")}]),
        );
        bundle.sh(COUNT);
        bundle.detach();
        bundle.counts_on();
        bundle.checkpoint("images", NONE).run().success();
        bundle.restore("images", NONE).run().success();
        bundle.counts_on();
        let inside = bundle.state()["pid"].as_i64().unwrap();
        for kind in ["ipc", "uts"] {
            let of = |pid: i64| std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
            assert_eq!(of(inside), of(i64::from(pid)), "{kind}");
        }
        let routes = std::fs::read_to_string(format!("/proc/{inside}/net/fib_trie")).unwrap();
        assert!(routes.contains("10.77.0.1"), "{routes}");
        // A configuration of another kind is refused before anything happens.
        bundle.checkpoint("images", NONE).run().success();
        bundle.set("/linux/namespaces/3", json!({"type": "network"}));
        bundle.restore("images", NONE).run().code(1).error(&["another's net namespace"]);
        bundle.delete();
        bundle.tidy(["images"]);
        holder.signal(rustix::process::Signal::KILL);
        let _ = holder.ended();
        ip("netns del outside");
    });
}

/// System V's shared memory, messages and semaphores, by perl.
const SYSV: &str = r#"
    my ($shm, $msg, $sem) = (shmget(0x1234, 4096, 0600|01000), msgget(0x1235, 0600|01000),
        semget(0x1236, 1, 0600|01000));
    shmwrite($shm, "shared", 0, 6) and msgsnd($msg, pack("l! a*", 7, "waiting"), 0)
        and semctl($sem, 0, 16, 5) or die "set up: $!";
    open(my $said, ">", "/said"); $said->autoflush(1); print $said "ready\n";
    select(undef, undef, undef, 0.02) until -e "/go";
    my ($memory, $message);
    shmread(shmget(0x1234, 0, 0), $memory, 0, 6); msgrcv(msgget(0x1235, 0), $message, 64, 7, 04000);
    my (undef, $text) = unpack("l! a*", $message);
    print $said "$memory $text ", semctl(semget(0x1236, 0, 0), 0, 12, 0), "\nend\n"; sleep 1000;
"#;

#[test]
fn what_is_system_v() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let Some(root) = world.debian() else { return };
        std::fs::write(root.file("sysv.pl"), format!("use IO::Handle;{SYSV}")).unwrap();
        let run = root.exec(["--detach"]).args(["perl", "/sysv.pl"]).leaves_behind();
        run.run().success();
        let said = || std::fs::read_to_string(root.file("said")).unwrap_or_default();
        until("set up", || said().contains("ready"));
        let images = world.path("images");
        let images = images.to_str().unwrap();
        root.nsinit(["checkpoint", "--image-path", images]).with_criu().run().success();
        let restore = root.nsinit(["restore", "--detach", "--image-path", images]).with_criu();
        restore.leaves_behind().run().success();
        std::fs::write(root.file("go"), "").unwrap();
        until("an answer", || said().contains("end"));
        assert!(said().contains("shared waiting 5"), "{}", said());
        root.nsinit(["delete", "--force"]).run().success();
    });
}

#[test]
fn another_machine() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("i=0; while true; do echo $i >>/count; i=$((i+1)); sleep 0.05; done");
        bundle.set("/hostname", "carried");
        bundle.detach();
        bundle.counts_on();
        bundle.checkpoint("images", [""; 0]).run().success();
        let count = std::fs::read_to_string(bundle.path.join("rootfs/count")).unwrap();
        // Only what is packed goes along, and the machine it came from is no more.
        let packed = world.path("packed.tar");
        let (place, tar) = (bundle.path.display(), packed.display());
        Cmd::new(
            "tar",
            ["-cf", packed.to_str().unwrap(), "-C", bundle.path.to_str().unwrap(), "."],
        )
        .run()
        .success();
        bundle.verb("delete").run().success();
        let script = format!(
            "mount -t tmpfs none /run; mount -t tmpfs none /mnt; mkdir -p /mnt/other/place; \
             cd /mnt/other/place; tar -xf {tar}; mount -t tmpfs none {place}; \
             ip link set lo up; hostname other; mv images ../images; \
             \"$0\" restore --detach --image-path ../images moved; \
             from=$(wc -l <rootfs/count); \
             until [ $(wc -l <rootfs/count) -gt $((from + 3)) ]; do sleep 0.05; done; \
             \"$0\" state moved; \"$0\" exec moved hostname; \"$0\" delete --force moved; \
             echo counted $(cat rootfs/count)"
        );
        let nsrun = e2e::nsrun();
        let other = ["--mount", "--uts", "--net", "--ipc", "--pid", "--fork", "--mount-proc"];
        let run = Cmd::new("unshare", other).args(["--kill-child", "sh", "-euc", &script]);
        let run = run.args([nsrun]).with_criu().seconds(60).run().success();
        assert!(run.out.contains("\"bundle\": \"/mnt/other/place\""), "{}", run.out);
        assert!(run.out.contains("carried\n"), "{}", run.out);
        let counted: Vec<u32> = run
            .out
            .split_once("counted ")
            .map(|(_, all)| all.split_whitespace().map(|word| word.parse().unwrap()).collect())
            .unwrap();
        assert_eq!(counted, (0..counted.len() as u32).collect::<Vec<_>>());
        assert!(counted.len() > count.lines().count() + 3);
    });
}

/// The caller's own terminal among the streams: `--shell-job`, and another one at the restore.
#[test]
fn the_callers_terminal() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("i=0; while true; do echo number $i; i=$((i+1)); sleep 0.05; done");
        let size = WindowSize(24, 80);
        let mut first = bundle.run(NONE).on_terminal(size);
        first.until("number 3");
        let run = bundle.checkpoint("images", NONE).run().code(1);
        run.error(&["a terminal outside of the container", "--shell-job"]);
        assert!(!bundle.path.join("images/dump.log").exists());
        bundle.checkpoint("images", ["--shell-job"]).run().success();
        assert_eq!(first.wait().code(), Some(137));
        let last = first.screen().lines().filter(|line| line.starts_with("number")).count();
        let pid_file = world.path("pid");
        let flags = ["restore", "--shell-job", "--image-path", "images", "--pid-file"];
        let restore = bundle.nsrun(flags).args([pid_file.to_str().unwrap(), &bundle.id]);
        let mut second = restore.with_criu().on_terminal(size);
        second.until(&format!("number {}", last + 2));
        assert!(!second.screen().contains("number 0\r"), "{}", second.screen());
        let pid = bundle.state()["pid"].to_string();
        assert_eq!(std::fs::read_to_string(pid_file).unwrap(), pid);
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        assert_eq!(second.wait().code(), Some(137));
        bundle.tidy(["images"]);
    });
}
