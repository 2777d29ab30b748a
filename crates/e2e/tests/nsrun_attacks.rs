//! Attacks on nsrun from images and from other containers: attacks.md, rows 1 to 10. A canary on
//! the host is what every link leads to; it is compared afterwards.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use e2e::attack::{OPEN_DIRECTORIES, canary, contents, join, link, links, victim, while_swapping};
use e2e::{Bundle, Cmd, Rootfs, World, data, nsrun, on_this_host};
use serde_json::{Value, json};

/// No flags.
const NONE: [&str; 0] = [];

fn by(victim: &Path, bundle: &Bundle, args: &[&str]) -> Cmd {
    Cmd::new(victim, args).dir(&bundle.path)
}

/// Who attacks: with what capabilities, as whom, and how.
const WAYS: [(&[&str], u32, &str); 3] = [
    (&["CAP_CHOWN", "CAP_KILL"], 0, "plain"),
    (&["CAP_CHOWN", "CAP_KILL", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"], 0, "plain"),
    (&[], 1000, "userns"),
];

/// A bundle on the Debian root file system, which has perl.
fn debian(world: &World, root: &Rootfs) -> Bundle {
    let mut bundle = world.bundle();
    bundle.set("/root/path", root.path.to_str().unwrap());
    bundle.set("/process/noNewPrivileges", false);
    bundle.set("/linux/maskedPaths", json!([])).set("/linux/readonlyPaths", json!([]));
    bundle
}

fn with(bundle: &mut Bundle, capabilities: &[&str], user: u32) {
    for set in ["bounding", "effective", "permitted"] {
        bundle.set(&format!("/process/capabilities/{set}"), json!(capabilities));
    }
    bundle.set("/process/user", json!({"uid": user, "gid": user}));
}

/// While `attack-exe.pl` runs in the container, `joins` commands join it.
fn attack_joins(
    world: &World,
    root: &Rootfs,
    owner: u32,
    way: (&[&str], u32, &str),
    joins: usize,
) -> String {
    let (capabilities, user, how) = way;
    let canary = world.path("canary");
    std::fs::write(&canary, "host").unwrap();
    let victim = victim(world, &nsrun(), owner);
    let before = std::fs::read(&victim).unwrap();
    std::fs::copy(data("attack-exe.pl"), root.file("attack.pl")).unwrap();
    let _ = std::fs::remove_file(root.file("tmp/stop"));
    let mut bundle = debian(world, root);
    with(&mut bundle, capabilities, user);
    bundle.args(["perl", "/attack.pl", how, canary.to_str().unwrap()]);
    let mut attacker = by(&victim, &bundle, &["run", &bundle.id]).seconds(90).start();
    attacker.until("ready");
    for _ in 0..joins {
        join(by(&victim, &bundle, &["exec", &bundle.id, "/bin/true"]).run());
    }
    std::fs::write(root.file("tmp/stop"), "").unwrap();
    let run = attacker.wait().code(0);
    assert!(std::fs::read(&victim).unwrap() == before, "the runtime has changed\n{}", run.out);
    assert!(!run.out.contains("OPENED") && !run.out.contains("ESCAPED"), "{}", run.out);
    run.out
}

#[test]
fn row_1_the_runtime_is_not_written_to_while_commands_join() {
    on_this_host(|world: &World| {
        let Some(root) = world.debian() else { return };
        for owner in [0, 1000] {
            for way in WAYS {
                let out = attack_joins(world, &root, owner, way, 32);
                assert_eq!(out.contains("unshared"), way.2 == "userns", "{out}");
                // Who joins is met, or nothing has been shown.
                assert!(!out.contains("seen 0"), "{way:?}: {out}");
            }
        }
    });
}

#[test]
fn row_1_nor_by_the_entry_point() {
    on_this_host(|world: &World| {
        let Some(root) = world.debian() else { return };
        std::fs::write(root.file("bin/evil"), "#!/proc/self/exe\n").unwrap();
        std::fs::set_permissions(root.file("bin/evil"), PermissionsExt::from_mode(0o755)).unwrap();
        let script = "for pid in self 1 $PPID; do
                for way in '>' '>>' '<>'; do eval \"echo pwned $way /proc/$pid/exe\"; done
                mount -o remount,rw,bind /proc/$pid/exe
            done 2>/dev/null; exec 9</proc/1/exe; echo pwned > /proc/self/fd/9; true";
        for owner in [0, 1000] {
            let victim = victim(world, &nsrun(), owner);
            let before = std::fs::read(&victim).unwrap();
            for (capabilities, user, _) in WAYS {
                let mut bundle = debian(world, &root);
                with(&mut bundle, capabilities, user);
                for args in
                    [&["/bin/evil"][..], &["/proc/self/exe", "list"], &["/bin/sh", "-c", script]]
                {
                    bundle.args(args.iter().copied());
                    let run = by(&victim, &bundle, &["run", &bundle.id]).run();
                    assert!(args != ["/bin/evil"] || !run.status.success(), "{}", run.out);
                    assert!(std::fs::read(&victim).unwrap() == before, "{capabilities:?} {args:?}");
                }
            }
        }
    });
}

#[test]
fn row_2_who_joins_is_not_traced_and_holds_nothing_of_the_host() {
    on_this_host(|world: &World| {
        let Some(root) = world.debian() else { return };
        let out = attack_joins(world, &root, 0, WAYS[0], 32);
        assert!(!out.contains("TRACED"), "{out}");
        let harmless = ["pipe:", "/dev/null", "/usr/lib/", "/lib/", "/etc/ld.so"];
        let found = out.lines().filter_map(|line| line.strip_prefix("FD "));
        let strange: Vec<_> =
            found.filter(|fd| !harmless.iter().any(|start| fd.starts_with(start))).collect();
        assert_eq!(strange, [""; 0]);
        // With CAP_SYS_PTRACE every descriptor can be opened: none leads to the host.
        let tracer = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_KILL"];
        attack_joins(world, &root, 0, (&tracer, 0, "plain"), 32);
    });
}

/// A created container's init waits, maybe for long, and others may join it who trace.
#[test]
fn row_2_nor_does_who_waits_for_its_start() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        // Only CAP_SYS_ADMIN loads a filter then: it is kept until that is done, and no other.
        bundle.set("/process/noNewPrivileges", false);
        bundle.set("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_ALLOW"}));
        bundle.create(NONE).run().success();
        let pid = &bundle.state()["pid"];
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let set = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            u64::from_str_radix(line.trim(), 16).unwrap()
        };
        // CAP_KILL, CAP_NET_BIND_SERVICE and CAP_AUDIT_WRITE
        let own = 1 << 5 | 1 << 10 | 1 << 29;
        assert_eq!((set("CapPrm:"), set("CapBnd:")), (own | 1 << 21, own));
        let mut held = Vec::new();
        for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
            held.push(std::fs::read_link(entry.path()).unwrap().display().to_string());
        }
        let harmless = |fd: &String| {
            ["pipe:", "socket:", "anon_inode:[signalfd]", "/dev/null"]
                .iter()
                .any(|start| fd.starts_with(start))
        };
        assert!(held.len() > 3 && held.iter().all(harmless), "{held:?}");
        bundle.delete();
    });
}

#[test]
fn row_3_no_working_directory_leads_out() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        std::fs::write(bundle.rootfs.file("inside"), "").unwrap();
        let script = "test -e ../../../../../../../inside || echo escaped";
        bundle.sh(script);
        let cwds: Vec<String> = (3..=64).map(|number| format!("/proc/self/fd/{number}")).collect();
        let before = world.snapshot();
        let check = |cwd: &str, run: e2e::Run| match run.status.code() {
            Some(0) => assert!(!run.out.contains("escaped"), "{cwd}: {}", run.out),
            _ => {
                let named = run.err.contains("cwd") || run.err.contains("working directory");
                assert!(named, "{cwd}: {}", run.err);
            }
        };
        for cwd in &cwds {
            bundle.set("/process/cwd", cwd.as_str());
            check(cwd, bundle.run(NONE).by(OPEN_DIRECTORIES).run());
        }
        bundle.set("/process/cwd", "/").args(["/probe", "sleep", "1000"]);
        bundle.detach();
        for cwd in &cwds {
            let exec = ["exec", "--cwd", cwd, &bundle.id, "/bin/sh", "-c", script];
            check(cwd, bundle.nsrun(exec).by(OPEN_DIRECTORIES).run());
        }
        bundle.delete();
        let left = before.wait_restored(std::time::Duration::from_secs(2));
        let left: Vec<_> = left.lines().filter(|line| !line.contains("config.json")).collect();
        assert_eq!(left, [""; 0]);
    });
}

/// A mount of the configuration.
fn mount(destination: &str, kind: &str, source: &Path, options: &[&str]) -> Value {
    json!({"destination": destination, "type": kind, "source": source, "options": options})
}

#[test]
fn row_4_links_at_mount_targets() {
    on_this_host(|world: &World| {
        let canary = canary(world);
        let before = contents(&canary);
        for (target, kind) in [("proc", "proc"), ("sys", "sysfs")] {
            let mut bundle = world.bundle();
            bundle.args(["/probe", "exit", "0"]);
            bundle
                .set("/mounts", json!([mount(&format!("/{target}"), kind, Path::new(kind), &[])]));
            bundle.set("/linux/maskedPaths", json!([])).set("/linux/readonlyPaths", json!([]));
            for to in links(&bundle.rootfs, &canary) {
                link(&bundle.rootfs, target, &to);
                let run = bundle.run(NONE).run();
                assert!(!run.status.success(), "{target} -> {}", to.display());
                assert!(run.err.contains(target), "{}", run.err);
                assert_eq!(contents(&canary), before, "{target} -> {}", to.display());
            }
        }
        let source = world.path("source");
        std::fs::create_dir(&source).unwrap();
        for target in ["/mnt", "/mnt/sub", "/mnt/new/deep"] {
            let mut bundle = world.bundle();
            bundle.args(["/probe", "exit", "0"]);
            bundle.push("/mounts", mount(target, "bind", &source, &["rbind"]));
            bundle.push("/mounts", mount("/mnt/t", "tmpfs", Path::new("tmpfs"), &[]));
            for to in links(&bundle.rootfs, &canary) {
                link(&bundle.rootfs, "mnt", &to);
                // Inside its root, or refused: both are right.
                bundle.run(NONE).run();
                assert_eq!(contents(&canary), before, "{target} -> {}", to.display());
            }
        }
    });
}

#[test]
fn row_5_components_swapped_while_mounting() {
    on_this_host(|world: &World| {
        let (mut bundle, canary) = (world.bundle(), canary(world));
        let before = contents(&canary);
        std::fs::create_dir(bundle.rootfs.file("volume")).unwrap();
        link(&bundle.rootfs, "other", &canary);
        let source = world.path("source");
        std::fs::create_dir(&source).unwrap();
        bundle.args(["/probe", "exit", "0"]);
        bundle.push("/mounts", mount("/volume/sub/deep", "bind", &source, &["rbind"]));
        bundle.push("/mounts", mount("/volume/t", "tmpfs", Path::new("tmpfs"), &[]));
        bundle.push("/linux/maskedPaths", "/volume/sub");
        bundle.push(
            "/linux/devices",
            json!({"path": "/volume/null", "type": "c", "major": 1, "minor": 3}),
        );
        let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mounted = mounts();
        while_swapping(&bundle.rootfs.file("volume"), &bundle.rootfs.file("other"), || {
            for _ in 0..80 {
                bundle.run(NONE).run();
            }
        });
        assert_eq!(contents(&canary), before);
        assert_eq!(mounts(), mounted);
    });
}

/// A bundle on the image's own /dev.
fn on_its_own_dev(world: &World) -> Bundle {
    let mut bundle = world.bundle();
    bundle.set("/mounts", json!([mount("/proc", "proc", Path::new("proc"), &[])]));
    bundle
}

#[test]
fn row_6_masks_are_not_made_of_the_images_null() {
    on_this_host(|world: &World| {
        let (mut bundle, canary) = (on_its_own_dev(world), canary(world));
        let before = contents(&canary);
        bundle.set("/linux/maskedPaths", json!(["/etc/hosts"]));
        bundle.sh("cat /etc/hosts; echo evil > /etc/hosts; cat /etc/hosts; echo evil > /dev/null");
        link(&bundle.rootfs, "dev/null", canary.join("null"));
        let check = || {
            let run = bundle.run(NONE).run();
            assert!(!run.out.contains("host") && !run.out.contains("evil"), "{}", run.out);
            assert_eq!(contents(&canary), before);
        };
        check();
        std::fs::write(bundle.rootfs.file("dev/other"), "").unwrap();
        while_swapping(&bundle.rootfs.file("dev/null"), &bundle.rootfs.file("dev/other"), || {
            (0..60).for_each(|_| check());
        });
    });
}

#[test]
fn row_7_the_console_is_not_redirected() {
    on_this_host(|world: &World| {
        let canary = canary(world);
        let before = contents(&canary);
        for own_dev in [true, false] {
            let mut bundle = if own_dev { on_its_own_dev(world) } else { world.bundle() };
            bundle.set("/process/terminal", true);
            bundle.sh("echo evil > /dev/console; echo evil > /dev/ptmx; echo ran");
            for to in links(&bundle.rootfs, &canary) {
                std::fs::create_dir_all(bundle.rootfs.file("dev")).unwrap();
                for name in ["console", "pts", "ptmx"] {
                    link(&bundle.rootfs, &format!("dev/{name}"), to.join(name));
                }
                let mut pty = bundle.run(NONE).on_terminal(e2e::WindowSize(24, 80));
                pty.wait();
                assert_eq!(contents(&canary), before, "{own_dev} {}", to.display());
            }
        }
    });
}

#[test]
fn rows_8_and_9_nothing_is_written_through_a_false_proc() {
    on_this_host(|world: &World| {
        let (mut bundle, canary) = (world.bundle(), canary(world));
        let before = contents(&canary);
        let core_pattern = std::fs::read("/proc/sys/kernel/core_pattern").unwrap();
        for name in
            ["proc/sys/net/ipv4", "proc/sys/kernel", "proc/self/attr", "proc/thread-self/attr"]
        {
            std::fs::create_dir_all(bundle.rootfs.file(name)).unwrap();
        }
        for name in ["ip_forward", "ip_default_ttl"] {
            let at = format!("proc/sys/net/ipv4/{name}");
            link(&bundle.rootfs, &at, "/proc/sys/kernel/core_pattern");
        }
        link(&bundle.rootfs, "other", "/proc");
        bundle.set("/linux/sysctl", json!({"net.ipv4.ip_forward": "1", "kernel.msgmax": "9000"}));
        bundle.args(["/bin/cat", "/proc/sys/net/ipv4/ip_forward"]);
        assert_eq!(bundle.run(NONE).run().success().out, "1\n");
        while_swapping(&bundle.rootfs.file("proc"), &bundle.rootfs.file("other"), || {
            for _ in 0..60 {
                bundle.run(NONE).run();
            }
        });
        // Two containers on one volume, and a mount over /proc that the configuration asks for.
        bundle.push("/mounts", mount("/proc", "bind", &canary, &["rbind"]));
        assert!(!bundle.run(NONE).run().status.success());
        assert_eq!(std::fs::read("/proc/sys/kernel/core_pattern").unwrap(), core_pattern);
        assert_eq!(contents(&canary), before);
        let left = std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap();
        assert_eq!(left.trim(), "0", "of the world, not of the container");
    });
}

#[test]
fn row_10_the_images_dev_is_a_link() {
    on_this_host(|world: &World| {
        let canary = canary(world);
        let before = contents(&canary);
        for own_dev in [true, false] {
            let mut bundle = if own_dev { on_its_own_dev(world) } else { world.bundle() };
            bundle.sh("echo evil > /dev/ptmx; rm -f /dev/null; true");
            for to in links(&bundle.rootfs, &canary) {
                link(&bundle.rootfs, "dev", &to);
                bundle.run(NONE).run();
                bundle.create(NONE).run();
                bundle.nsrun(["delete", "--force", &bundle.id]).run();
                assert_eq!(contents(&canary), before, "{own_dev} {}", to.display());
            }
        }
    });
}
