//! Attacks on where mounts, directories and devices go: attacks.md, rows 4 to 8 and 10. A canary
//! on the host is what every link leads to; it is compared afterwards.

use e2e::attack::{canary, contents, link, links, while_swapping};
use e2e::{Cmd, Rootfs, WindowSize, World, on_this_host};

#[test]
fn row_4_links_at_mount_targets() {
    on_this_host(|world: &World| {
        let canary = canary(world);
        let before = contents(&canary);
        for target in ["proc", "sys"] {
            let root = world.busybox();
            for to in links(&root, &canary) {
                link(&root, target, &to);
                let run = root.exec(["/bin/true"]).run().code(125);
                run.error(&[target]);
                assert_eq!(contents(&canary), before, "{target} -> {}", to.display());
            }
        }
        let root = world.busybox();
        for to in links(&root, &canary) {
            link(&root, "mnt", &to);
            let source = world.path("source");
            std::fs::create_dir(&source).unwrap();
            for target in ["/mnt", "/mnt/sub", "/mnt/new/deep"] {
                let bind = format!("{}:{target}", source.display());
                // Inside its root, or refused: both are right.
                root.exec(["--bind", &bind, "--tmpfs", "/mnt/t", "/bin/true"]).run();
                assert_eq!(contents(&canary), before, "{target} -> {}", to.display());
            }
        }
    });
}

#[test]
fn row_5_components_swapped_while_mounting() {
    on_this_host(|world: &World| {
        let (root, canary) = (world.busybox(), canary(world));
        let before = contents(&canary);
        std::fs::create_dir(root.file("volume")).unwrap();
        link(&root, "other", &canary);
        let source = world.path("source");
        std::fs::create_dir(&source).unwrap();
        let bind = format!("{}:/volume/sub/deep", source.display());
        let snapshot = Cmd::new("cat", ["/proc/self/mountinfo"]).run().out;
        while_swapping(&root.file("volume"), &root.file("other"), || {
            for _ in 0..80 {
                root.exec(["--bind", &bind, "--tmpfs", "/volume/t", "--", "/bin/true"]).run();
            }
        });
        assert_eq!(contents(&canary), before);
        assert_eq!(Cmd::new("cat", ["/proc/self/mountinfo"]).run().out, snapshot);
    });
}

/// A configuration on the image's own /dev.
fn on_its_own_dev(root: &Rootfs, more: &str) {
    root.configure(format!(
        r#"{{"namespaces": [{{"type": "NEWNS"}}, {{"type": "NEWPID"}}], "system_mounts": false,
        "mounts": [{{"source": "proc", "destination": "/proc", "device": "proc"}}], {more}}}"#
    ));
}

#[test]
fn row_6_masks_are_not_made_of_the_images_null() {
    on_this_host(|world: &World| {
        let (root, canary) = (world.busybox(), canary(world));
        let before = contents(&canary);
        on_its_own_dev(&root, r#""devices": [], "mask_paths": ["/etc/hosts"]"#);
        let script =
            "cat /etc/hosts; echo evil > /etc/hosts; cat /etc/hosts; echo evil > /dev/null";
        link(&root, "dev/null", canary.join("null"));
        let check = || {
            let run = root.exec(["/bin/sh", "-c", script]).run();
            assert!(!run.out.contains("host") && !run.out.contains("evil"), "{}", run.out);
            assert_eq!(contents(&canary), before);
        };
        check();
        std::fs::write(root.file("dev/other"), "").unwrap();
        while_swapping(&root.file("dev/null"), &root.file("dev/other"), || {
            (0..60).for_each(|_| check());
        });
    });
}

#[test]
fn row_7_the_console_is_not_redirected() {
    on_this_host(|world: &World| {
        let (root, canary) = (world.busybox(), canary(world));
        let before = contents(&canary);
        for to in links(&root, &canary) {
            on_its_own_dev(&root, r#""devices": []"#);
            link(&root, "dev/console", to.join("console"));
            link(&root, "dev/pts", to.join("pts"));
            link(&root, "dev/ptmx", to.join("ptmx"));
            let mut pty = root
                .exec(["--tty", "/bin/sh", "-c", "echo evil > /dev/console; echo ran"])
                .on_terminal(WindowSize(24, 80));
            pty.wait();
            assert_eq!(contents(&canary), before, "{}", to.display());
        }
        // With the system's mounts, the pts of the container are its own whatever is below.
        std::fs::remove_file(root.file("container.json")).unwrap();
        let mut pty = root.exec(["--tty", "/bin/sh", "-c", "tty; ls /dev/pts"]);
        pty = pty.seconds(10);
        let mut pty = pty.on_terminal(WindowSize(24, 80));
        pty.until("/dev/").wait();
        assert_eq!(contents(&canary), before);
    });
}

#[test]
fn row_8_nothing_is_written_through_a_false_proc() {
    on_this_host(|world: &World| {
        let (root, canary) = (world.busybox(), canary(world));
        let before = contents(&canary);
        let core_pattern = std::fs::read("/proc/sys/kernel/core_pattern").unwrap();
        // A /proc of the image's own, with files where settings and labels would go, swapped for
        // a link to the host's while containers start.
        for name in
            ["proc/sys/net/ipv4", "proc/sys/kernel", "proc/self/attr", "proc/thread-self/attr"]
        {
            std::fs::create_dir_all(root.file(name)).unwrap();
        }
        for name in ["ip_forward", "ip_default_ttl"] {
            link(&root, &format!("proc/sys/net/ipv4/{name}"), "/proc/sys/kernel/core_pattern");
        }
        link(&root, "other", "/proc");
        let exec = |flags: &[&str]| {
            let sysctl = ["--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.msgmax=9000"];
            root.exec(sysctl).args(flags).args(["/bin/cat", "/proc/sys/kernel/core_pattern"]).run()
        };
        exec(&[]).success();
        while_swapping(&root.file("proc"), &root.file("other"), || {
            for _ in 0..60 {
                exec(&[]);
            }
        });
        // Mounts over /proc that the configuration asks for.
        let over = format!("{}:/proc", canary.display());
        exec(&["--bind", &over]).code(125);
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
        for own_dev in [false, true] {
            let root = world.busybox();
            for to in links(&root, &canary) {
                link(&root, "dev", &to);
                if own_dev {
                    on_its_own_dev(&root, r#""hostname": "x""#);
                }
                root.exec(["--", "/bin/sh", "-c", "echo evil > /dev/ptmx; rm -f /dev/null"]).run();
                let mut pty = root.exec(["--tty", "true"]).on_terminal(WindowSize(24, 80));
                pty.wait();
                assert_eq!(contents(&canary), before, "{own_dev} {}", to.display());
            }
        }
    });
}
