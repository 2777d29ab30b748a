//! Attacks on the runtime's executable and on processes that join: attacks.md, rows 1 to 3.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use e2e::attack::{OPEN_DIRECTORIES, join, victim};
use e2e::{Cmd, Rootfs, World, data, nsinit, on_this_host};

fn exec(victim: &Path, root: &Rootfs, args: &[&str]) -> Cmd {
    Cmd::new(victim, ["exec"]).args(args).dir(&root.path)
}

/// Flags of the container and who attacks in it.
const WAYS: [(&[&str], &str); 3] = [
    (&[], "plain"),
    (&["--security", "low"], "plain"),
    (&["--security", "low", "--user", "1000"], "userns"),
];

/// While `attack-exe.pl` runs in the container, 64 commands join it.
fn attack_joins(world: &World, root: &Rootfs, owner: u32, flags: &[&str], how: &str) -> String {
    let canary = world.path("canary");
    std::fs::write(&canary, "host").unwrap();
    let victim = victim(world, &nsinit(), owner);
    let before = std::fs::read(&victim).unwrap();
    std::fs::copy(data("attack-exe.pl"), root.file("attack.pl")).unwrap();
    let _ = std::fs::remove_file(root.file("tmp/stop"));
    let args = [flags, &["perl", "/attack.pl", how, canary.to_str().unwrap()]].concat();
    let mut attacker = exec(&victim, root, &args).seconds(60).start();
    attacker.until("ready");
    for _ in 0..64 {
        join(exec(&victim, root, &["/bin/true"]).run());
    }
    std::fs::write(root.file("tmp/stop"), "").unwrap();
    let run = attacker.wait().code(0);
    assert!(std::fs::read(&victim).unwrap() == before, "the runtime has changed\n{}", run.out);
    assert!(!run.out.contains("OPENED"), "{}", run.out);
    assert!(!run.out.contains("ESCAPED"), "{}", run.out);
    run.out
}

#[test]
fn row_1_the_runtime_is_not_written_to_while_commands_join() {
    on_this_host(|world: &World| {
        let Some(root) = world.debian() else { return };
        for owner in [0, 1000] {
            for (flags, how) in WAYS {
                let out = attack_joins(world, &root, owner, flags, how);
                assert_eq!(out.contains("unshared"), how == "userns", "{out}");
                // Who joins is met, or nothing has been shown.
                assert!(!out.contains("seen 0"), "{flags:?}: {out}");
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
        // The last words of a dying entry point: its own parent's and its own executable.
        let script = "for pid in self 1 $PPID; do
                for way in '>' '>>' '<>'; do eval \"echo pwned $way /proc/$pid/exe\"; done
                mount -o remount,rw,bind /proc/$pid/exe
            done 2>/dev/null; exec 9</proc/1/exe; echo pwned > /proc/self/fd/9; true";
        for owner in [0, 1000] {
            let victim = victim(world, &nsinit(), owner);
            let before = std::fs::read(&victim).unwrap();
            for (flags, _) in WAYS {
                let run = exec(&victim, &root, &[flags, &["/bin/evil"]].concat()).run();
                assert!(!run.status.success(), "{}", run.out);
                let run =
                    exec(&victim, &root, &[flags, &["/proc/self/exe", "exec", "true"]].concat());
                assert!(!run.run().status.success());
                exec(&victim, &root, &[flags, &["/bin/sh", "-c", script]].concat()).run();
                assert!(std::fs::read(&victim).unwrap() == before, "{flags:?}");
            }
        }
    });
}

/// The descriptors that were found, but for the streams and those of these kinds.
fn not_harmless<'a>(out: &'a str, harmless: &[&str]) -> Vec<&'a str> {
    let found = out.lines().filter_map(|line| line.strip_prefix("FD "));
    found.filter(|fd| !harmless.iter().any(|start| fd.starts_with(start))).collect()
}

#[test]
fn row_2_who_joins_is_not_traced_and_holds_nothing_of_the_host() {
    on_this_host(|world: &World| {
        let Some(root) = world.debian() else { return };
        let out = attack_joins(world, &root, 0, &[], "plain");
        assert!(!out.contains("TRACED"), "{out}");
        // Its streams are the caller's own; the libraries are those of the program that it became.
        let harmless = ["pipe:", "/dev/null", "/usr/lib/", "/lib/", "/etc/ld.so"];
        assert_eq!(not_harmless(&out, &harmless), [""; 0]);
        // With CAP_SYS_PTRACE every descriptor can be opened: none leads to the host.
        let few = r#"{"capabilities": ["SYS_PTRACE", "DAC_OVERRIDE", "KILL"]}"#;
        root.configure(few);
        let out = attack_joins(world, &root, 0, &[], "plain");
        assert!(out.contains("FD "), "nothing was met: {out}");
        for _ in 0..3 {
            attack_joins(world, &root, 0, &[], "plain");
        }
    });
}

#[test]
fn row_3_no_working_directory_leads_out() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        std::fs::write(root.file("inside"), "").unwrap();
        let script = "test -e ../../../../../../../inside || echo escaped; pwd";
        let before = world.snapshot();
        let attack = || {
            for number in 3..=64 {
                let cwd = format!("/proc/self/fd/{number}");
                let exec = root.exec(["--cwd", &cwd, "/bin/sh", "-c", script]);
                let run = exec.by(OPEN_DIRECTORIES).run();
                match run.status.code() {
                    Some(0) => assert!(!run.out.contains("escaped"), "{cwd}: {}", run.out),
                    _ => drop(run.code(125).error(&["cwd"])),
                }
            }
        };
        attack();
        before.assert_restored();
        root.detach::<&str>([]);
        attack();
        // The container's own links, on the way in by a symbolic link of the image.
        std::os::unix::fs::symlink("/proc/self/fd/7/../../..", root.file("way")).unwrap();
        let run = root.exec(["--cwd", "/way", "/bin/sh", "-c", script]).run();
        assert!(!run.out.contains("escaped"), "{}", run.out);
        root.delete();
    });
}
