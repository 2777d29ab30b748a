//! Labels of saved containers: they come back with the processes, or others take their places. What
//! they do is seen where such a module runs, which the virtual machine does (docs/testing.md).

use std::path::{Path, PathBuf};

use e2e::counting::{COUNT, no_criu};
use e2e::trace::has_strace;
use e2e::{Bundle, Cmd, World, on_this_host, skip, until};

/// No flags.
const NONE: [&str; 0] = [];

fn has_apparmor() -> bool {
    Path::new("/proc/self/attr/apparmor").exists()
}

/// CRIU, whose socket is listened to.
fn listened(command: Cmd) -> (Cmd, PathBuf) {
    // Not in /tmp, which is covered for a CRIU that is elsewhere; /run is the world's own.
    let place = Path::new("/run/listened");
    std::fs::create_dir(place).unwrap();
    let log = place.join("heard");
    let own = e2e::criu().unwrap();
    let real = place.join("real");
    Cmd::new("cp", ["-a", own.to_str().unwrap(), real.to_str().unwrap()]).run().success();
    let strace = format!("strace -D -qq -s 100000 -e trace=recvfrom,recvmsg -o {}", log.display());
    let script = format!("#!/bin/sh\nexec {strace} {}/criu \"$@\"\n", real.display());
    std::fs::write(place.join("criu"), script).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(place.join("criu"), executable).unwrap();
    let usual = std::env::var("PATH").unwrap();
    (command.env("PATH", format!("{}:{usual}", place.display())), log)
}

#[test]
fn criu_is_told_of_both_and_tells_what_it_cannot() {
    if no_criu() || !has_strace() {
        return;
    }
    on_this_host(|world: &World| {
        let bundle = world.counting();
        bundle.checkpoint("images", NONE).run().success();
        bundle.verb("delete").run().success();
        let module = if has_apparmor() { "selinux" } else { "apparmor" };
        let profile = format!("{module}:some_u:some_r:other_t:s0");
        let before = world.snapshot();
        let run = bundle.restore("images", ["--lsm-profile", &profile]).run().code(1);
        run.error(&["restoring container", "CRIU failed", module, "restore.log"]);
        bundle.verb("state").run().code(1);
        bundle.tidy(["images/restore.log"]);
        let left = before.wait_restored(std::time::Duration::from_secs(3));
        assert!(!left.contains("process") && !left.contains("cgroup"), "{left}");
        let context = "system_u:object_r:some_t:s0";
        let restore = bundle.restore("images", ["--lsm-mount-context", context]);
        let (restore, heard) = listened(restore);
        // Nothing of this container has a context: there is none to be another.
        restore.run().success();
        bundle.goes_on();
        let heard = std::fs::read_to_string(heard).unwrap();
        assert!(heard.contains(context), "{heard}");
        bundle.delete();
    });
}

/// A profile that allows everything but to read one file.
fn load(name: &str) {
    let text = format!(
        "profile {name} flags=(attach_disconnected,mediate_deleted) {{\n\
         file,\ncapability,\nnetwork,\nmount,\nremount,\numount,\npivot_root,\nsignal,\nptrace,\n\
         unix,\ndeny /etc/secret rw,\nchange_profile -> **,\n}}\n"
    );
    Cmd::new("apparmor_parser", ["--replace", "--skip-cache"]).input(&text).run().success();
}

/// What the container's process says of its profile.
fn held_by(bundle: &Bundle) -> String {
    let file = bundle.rootfs.file("held");
    std::fs::write(&file, "").unwrap();
    until("a word", || std::fs::read_to_string(&file).unwrap().lines().count() > 2);
    let text = std::fs::read_to_string(&file).unwrap();
    text.lines().last().unwrap().to_owned()
}

#[test]
fn an_apparmor_profile_comes_back_or_another() {
    if no_criu() {
        return;
    }
    if !has_apparmor() {
        return skip("this kernel runs no AppArmor");
    }
    on_this_host(|world: &World| {
        let (one, other) = (format!("{}-one", world.tag), format!("{}-other", world.tag));
        [&one, &other].iter().for_each(|name| load(name));
        let mut bundle = world.bundle();
        bundle.set("/process/apparmorProfile", one.as_str());
        bundle.sh("while sleep 0.05; do cat /proc/self/attr/apparmor/current >>/held; done");
        bundle.detach();
        assert_eq!(held_by(&bundle), format!("{one} (enforce)"));
        for (flags, name) in
            [(&[][..], &one), (&["--lsm-profile", &format!("apparmor:{other}")], &other)]
        {
            bundle.checkpoint("images", NONE).run().success();
            bundle.restore("images", flags).run().success();
            assert_eq!(held_by(&bundle), format!("{name} (enforce)"));
        }
        bundle.delete();
        for name in [one, other] {
            let text = format!("profile {name} {{\n}}\n");
            let _ = Cmd::new("apparmor_parser", ["--remove"]).input(&text).run();
        }
    });
}

const MODE: &str = "/sys/fs/selinux/enforce";
const PROCESS: &str = "system_u:system_r:container_t:s0:c1,c2";
const MOUNTS: &str = "system_u:object_r:container_file_t:s0:c1,c2";
const OTHER: &str = "system_u:system_r:container_t:s0:c3,c4";
const OTHERS: &str = "system_u:object_r:container_file_t:s0:c3,c4";

/// The label of the container's process, and those of its mounts that have one.
fn labels(bundle: &Bundle) -> (String, Vec<String>) {
    let pid = bundle.state()["pid"].to_string();
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let process = read("attr/current").trim_end_matches(['\0', '\n']).to_owned();
    let mounts = read("mountinfo");
    let context = |line: &str| Some(line.split_once("context=\"")?.1.split_once('"')?.0.to_owned());
    let mut contexts: Vec<_> = mounts.lines().filter_map(context).collect();
    contexts.sort();
    contexts.dedup();
    (process, contexts)
}

/// What the policy says of whoever runs CRIU is the policy's matter: permissive.
#[test]
fn selinux_labels_come_back_or_others() {
    if no_criu() {
        return;
    }
    if !Path::new(MODE).exists() {
        return skip("this kernel runs no SELinux");
    }
    let run = || {
        on_this_host(|world: &World| {
            let mut bundle = world.bundle();
            bundle.set("/process/selinuxLabel", PROCESS).set("/linux/mountLabel", MOUNTS);
            bundle.sh(COUNT).detach();
            bundle.goes_on();
            let flags =
                ["--lsm-profile", &format!("selinux:{OTHER}"), "--lsm-mount-context", OTHERS];
            let rounds: [(&[&str], _, _); 2] = [(&[], PROCESS, MOUNTS), (&flags, OTHER, OTHERS)];
            let saved = bundle.checkpoint("images", ["--leave-running"]).run();
            if saved.err.contains("built without SELinux") {
                // As Debian's is. It would come back unconfined: so it goes on here.
                saved.code(1).error(&["SELinux label", PROCESS]);
                assert_eq!(bundle.status(), "running");
                assert_eq!(labels(&bundle).0, PROCESS);
                bundle.goes_on();
                return bundle.delete();
            }
            saved.success();
            for (flags, process, mounts) in rounds {
                bundle.checkpoint("images", NONE).run().success();
                bundle.restore("images", flags).run().success();
                bundle.counts_on();
                let (found, contexts) = labels(&bundle);
                assert_eq!(found, process);
                assert_eq!(contexts, [mounts]);
            }
            bundle.delete();
        });
    };
    if e2e::is_in_a_world() {
        return run();
    }
    // The mode is the whole machine's: one test at a time is at it.
    let lock = std::fs::File::open("/etc/selinux/config").unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let before = std::fs::read_to_string(MODE).unwrap();
    std::fs::write(MODE, "0").unwrap();
    let done = std::panic::catch_unwind(run);
    std::fs::write(MODE, before.trim()).unwrap();
    if let Err(failure) = done {
        std::panic::resume_unwind(failure);
    }
}
