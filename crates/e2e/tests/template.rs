//! The container that is made where no container.json says otherwise.

use std::collections::BTreeSet;

use e2e::{Run, World, each_view};

fn namespaces(run: &Run) -> BTreeSet<String> {
    run.all("ns").iter().map(|&ns| ns.to_owned()).collect()
}

#[test]
fn five_namespaces_are_its_own() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let inside = namespaces(&root.exec(["/probe", "status"]).run().success());
            let outside = namespaces(&e2e::Cmd::new(e2e::probe(), ["status"]).run().success());
            let shared: Vec<&str> =
                inside.intersection(&outside).map(|ns| ns.split(' ').next().unwrap()).collect();
            assert_eq!(shared, ["cgroup", "time", "user"]);
            before.assert_restored();
        }
    });
}

#[test]
fn it_has_fourteen_capabilities() {
    each_view(|world: &World| {
        for root in world.roots() {
            let run = root.exec(["/probe", "status"]).run().success();
            let sets = ["cap-prm", "cap-eff", "cap-bnd"].map(|set| run.fact(set).to_uppercase());
            let names: BTreeSet<&str> =
                sets[0].split([' ', ',']).map(|cap| cap.trim_start_matches("CAP_")).collect();
            let wanted = "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP \
                          SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE";
            assert_eq!(names, wanted.split(' ').collect());
            assert!(sets[1] == sets[0] && sets[2] == sets[0]);
            assert_eq!((run.fact("cap-inh"), run.fact("cap-amb")), ("", ""));
        }
    });
}

#[test]
fn its_process_is_an_ordinary_root() {
    each_view(|world: &World| {
        for root in world.roots() {
            let run = root.exec(["/probe", "status"]).run().success();
            assert_eq!((run.fact("pid"), run.fact("ppid")), ("1", "0"));
            assert_eq!((run.fact("uid"), run.fact("gid")), ("0 0 0 0", "0 0 0 0"));
            assert_eq!(run.fact("pdeathsig"), "KILL");
            assert_eq!((run.fact("cwd"), run.fact("hostname")), ("/", "nsinit"));
            assert_eq!(run.fact("seccomp"), "2");
            assert_eq!(run.fact("no-new-privs"), "0");
            assert_eq!(run.fact("tty"), "none");
            let env: BTreeSet<&str> = run.all("env").into_iter().collect();
            let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
            assert_eq!(env, [path, "HOSTNAME=nsinit", "TERM=xterm", "HOME=/root"].into());
            // A join is no less.
            root.detach([""; 0]);
            let joined = root.exec(["/probe", "status"]).run().success();
            for key in ["uid", "cap-eff", "cap-bnd", "pdeathsig", "seccomp", "hostname"] {
                assert_eq!(joined.fact(key), run.fact(key), "{key}");
            }
            root.delete();
        }
    });
}

#[test]
fn loopback_is_up_and_alone() {
    each_view(|world: &World| {
        for root in world.roots() {
            let run = root.sh("cat /proc/net/dev | tail -n +3; cat /sys/class/net/lo/flags");
            let run = run.run().success();
            let names: Vec<&str> =
                run.out.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
            assert_eq!(names, ["lo"]);
            assert!(run.out.ends_with("0x9\n"), "{}", run.out);
            let script = "/probe listen 127.0.0.1:7 & sleep 0.2; /probe connect 127.0.0.1:7";
            assert!(root.sh(script).run().success().out.contains("got hello"));
        }
    });
}

#[test]
fn the_devices_are_there_and_no_others() {
    each_view(|world: &World| {
        for root in world.roots() {
            let listed = root.sh("ls /dev").run().success().out;
            let listed: Vec<&str> = listed.split_whitespace().collect();
            let wanted = "fd full fuse mqueue null ptmx pts random shm stderr stdin stdout tty \
                          urandom zero";
            let mut wanted: Vec<&str> = wanted.split_whitespace().collect();
            wanted.retain(|name| *name != "core" || listed.contains(name));
            let listed: Vec<&str> = listed.into_iter().filter(|name| *name != "core").collect();
            assert_eq!(listed, wanted);
            let nodes = [
                ("fuse", "10:229"),
                ("null", "1:3"),
                ("zero", "1:5"),
                ("full", "1:7"),
                ("tty", "5:0"),
                ("urandom", "1:9"),
                ("random", "1:8"),
            ];
            for (name, device) in nodes {
                let run = root.exec(["/probe", "stat", &format!("/dev/{name}")]).run().success();
                let facts = ["type", "mode", "uid", "gid", "rdev"].map(|key| run.fact(key));
                assert_eq!(facts, ["char", "0666", "0", "0", device], "{name}");
            }
            for (name, target) in [
                ("fd", "/proc/self/fd"),
                ("stdin", "/proc/self/fd/0"),
                ("stdout", "/proc/self/fd/1"),
                ("stderr", "/proc/self/fd/2"),
                ("ptmx", "pts/ptmx"),
            ] {
                let run = root.exec(["/probe", "stat", &format!("/dev/{name}")]).run().success();
                assert_eq!(run.fact("target"), target);
            }
        }
    });
}

#[test]
fn devices_open_as_the_rules_say() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let script = "for d in null zero full urandom random; do /probe open /dev/$d rw; done; \
                          /probe open /dev/ptmx rw; /probe open /dev/fuse rw; \
                          for n in 'c 1 11' 'c 1 1' 'b 7 0' 'b 254 0' 'c 10 200' 'c 5 1' 'c 4 5'; \
                          do /probe mknod /tmp/n $n; /probe open /tmp/n r; /probe unlink /tmp/n; \
                          done";
            let run = root.sh(script).run();
            let lines: Vec<&str> = run.out.lines().collect();
            assert_eq!(lines[..6], ["ok"; 6], "{}", run.out);
            assert_eq!(lines[6], "error EPERM open /dev/fuse");
            let triples: Vec<&[&str]> = lines[7..].chunks(3).collect();
            assert_eq!(triples.len(), 7, "{}", run.out);
            // kmsg, mem, a loop, a virtual disk: may be made, not opened.
            for triple in &triples[..4] {
                assert_eq!(*triple, ["ok", "error EPERM open /tmp/n", "ok"]);
            }
            // tun and console may be opened, if the host has them.
            for triple in &triples[4..6] {
                assert!(!triple[1].contains("EPERM"), "{}", run.out);
            }
            // A virtual console beyond tty1 may not.
            assert_eq!(triples[6], ["ok", "error EPERM open /tmp/n", "ok"]);
            before.assert_restored();
        }
    });
}

#[test]
fn the_systems_mounts_are_there() {
    each_view(|world: &World| {
        for root in world.roots() {
            let run = root.exec(["/probe", "mounts"]).run().success();
            let mounts: Vec<Vec<&str>> =
                run.out.lines().map(|line| line.split('\t').collect()).collect();
            let of = |point: &str| {
                let found = mounts.iter().rfind(|mount| mount[0] == point);
                found.unwrap_or_else(|| panic!("nothing at {point}:\n{}", run.out)).clone()
            };
            let has = |point: &str, kind: &str, options: &[&str], data: &[&str]| {
                let mount = of(point);
                assert_eq!(mount[1], kind, "{point}");
                let here: Vec<&str> = mount[3].split(',').collect();
                assert!(options.iter().all(|o| here.contains(o)), "{point}: {mount:?}");
                let here: Vec<&str> = mount[4].split(',').collect();
                assert!(data.iter().all(|o| here.contains(o)), "{point}: {mount:?}");
            };
            has("/proc", "proc", &["rw", "nosuid", "nodev", "noexec"], &[]);
            has("/dev", "tmpfs", &["rw", "nosuid"], &["mode=755"]);
            has(
                "/dev/pts",
                "devpts",
                &["nosuid", "noexec"],
                &["ptmxmode=666", "mode=620", "gid=5"],
            );
            has("/dev/shm", "tmpfs", &["nosuid", "nodev", "noexec"], &["size=65536k"]);
            has("/dev/mqueue", "mqueue", &["nosuid", "nodev", "noexec"], &[]);
            has("/sys", "sysfs", &["ro", "nosuid", "nodev", "noexec"], &[]);
            for path in ["/proc/sys", "/proc/irq", "/proc/bus"] {
                has(path, "proc", &["ro"], &[]);
            }
            // Nothing of the host's tree is to be seen, and nothing flows back to it.
            for mount in &mounts {
                assert!(!mount[5].contains("shared"), "{mount:?}");
                assert!(!mount[0].contains(&world.tag), "{mount:?}");
            }
        }
    });
}

#[test]
fn paths_are_masked_and_read_only() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let run =
                root.sh("for f in kcore keys timer_list interrupts sched_debug latency_stats; do \
                 [ ! -e /proc/$f ] || head -c 1 /proc/$f | wc -c; done; \
                 for d in /sys/firmware /proc/acpi /proc/scsi; do \
                 [ ! -d $d ] || ls -A $d | wc -l; done");
            let out = run.run().success().out;
            assert!(!out.is_empty() && out.lines().all(|line| line.trim() == "0"), "{out}");
            for path in [
                "/proc/sys/kernel/hostname",
                "/proc/sys/vm/swappiness",
                "/proc/sysrq-trigger",
                "/proc/irq/default_smp_affinity",
                "/sys/kernel/mm/transparent_hugepage/enabled",
            ] {
                if std::path::Path::new(path).exists() {
                    let run = root.exec(["/probe", "open", path, "w"]).run().code(1);
                    assert_eq!(run.out, format!("error EROFS open {path}\n"));
                }
            }
            // No way back: the masks cannot be taken off.
            let run = root.exec(["/probe", "umount", "/proc/sys"]).run().code(1);
            assert!(run.out.contains("EPERM"), "{}", run.out);
            before.assert_restored();
        }
    });
}

#[test]
fn the_control_group_is_nsinit_and_the_id() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let id = root.detach([""; 0]);
            let run = root.exec(["/probe", "status"]).run().success();
            let pid = std::fs::read_to_string(root.file("pid")).unwrap();
            let seen = std::fs::read_to_string(format!("/proc/{}/cgroup", pid.trim())).unwrap();
            for line in seen.lines() {
                let path = line.splitn(3, ':').nth(2).unwrap();
                let right = path.ends_with(&format!("/nsinit/{id}"));
                assert!(right || e2e::is_out_of_reach(line), "{line}");
            }
            assert_eq!(run.all("cgroup"), seen.lines().collect::<Vec<_>>());
            root.delete();
            before.assert_restored();
        }
    });
}

#[test]
fn the_root_is_the_directory_and_nothing_above_it() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            std::fs::write(root.file("mark"), "here").unwrap();
            let out = root.sh("cat /mark; ls /../mark; ls -A /..").run().success().out;
            assert!(out.starts_with("here/../mark\n"), "{out}");
            assert!(!out.contains(&world.tag), "{out}");
            // Writable, and what is written is in the directory.
            root.sh("echo more >> /mark").run().success();
            assert_eq!(std::fs::read_to_string(root.file("mark")).unwrap(), "heremore\n");
            std::fs::remove_file(root.file("mark")).unwrap();
            before.assert_restored();
        }
    });
}

#[test]
fn no_mount_made_inside_reaches_the_host() {
    each_view(|world: &World| {
        for root in world.roots() {
            root.configure(r#"{"capabilities": ["SYS_ADMIN"], "seccomp_profiles": []}"#);
            let before = world.snapshot();
            let run = root.exec(["/probe", "mounts"]).run().success();
            let points: Vec<&str> = run.out.lines().filter_map(|l| l.split('\t').next()).collect();
            let script: String = points
                .iter()
                .map(|point| format!("mount -o bind /etc/passwd {point} 2>&1; "))
                .chain(points.iter().map(|point| format!("mount -t tmpfs x {point} 2>&1; ")))
                .collect();
            let held = format!("{script}echo done; read x");
            let mut running = root.sh(&held).start();
            running.until("done");
            let host = before.difference();
            let mounts: Vec<&str> =
                host.lines().filter(|line| line.starts_with("  + mount ")).collect();
            assert!(mounts.is_empty(), "{mounts:#?}");
            drop(running);
            root.nsinit(["delete", "--force"]).run();
        }
    });
}
