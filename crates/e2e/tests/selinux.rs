//! SELinux' labels with Debian's policy, permissive and enforcing: the virtual machine called `selinux` runs
//! these (docs/testing.md).

use std::fs::File;
use std::path::{Path, PathBuf};

use e2e::{Bundle, Cmd, Rootfs, World, on_this_host, skip};
use rustix::fs::{FlockOperation, XattrFlags, flock, lgetxattr, lsetxattr};
use serde_json::json;

/// No flags.
const NONE: [&str; 0] = [];
const MODE: &str = "/sys/fs/selinux/enforce";

const PROCESS: &str = "system_u:system_r:container_t:s0:c1,c2";
const MOUNTS: &str = "system_u:object_r:container_file_t:s0:c1,c2";
const OTHER: &str = "system_u:system_r:container_t:s0:c3,c4";
const OTHERS: &str = "system_u:object_r:container_file_t:s0:c3,c4";
const SHARED: &str = "system_u:object_r:container_file_t:s0";
/// A domain that those who start containers may not enter.
const FORBIDDEN: &str = "system_u:system_r:getty_t:s0";
/// What a container may not read.
const HOSTS: &str = "system_u:object_r:shadow_t:s0";

/// Runs `body` in each mode, and says in which. The mode is the whole machine's, so one test at a
/// time is at it.
fn in_both_modes(world: &World, body: impl Fn(&World, bool)) {
    if !Path::new(MODE).exists() {
        return skip("this kernel runs no SELinux");
    }
    let lock = File::open("/etc/selinux/config").unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let before = std::fs::read_to_string(MODE).unwrap();
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for enforcing in [false, true] {
            std::fs::write(MODE, if enforcing { "1" } else { "0" }).unwrap();
            body(world, enforcing);
        }
    }));
    std::fs::write(MODE, before.trim()).unwrap();
    if let Err(failure) = done {
        std::panic::resume_unwind(failure);
    }
}

fn label(path: impl AsRef<Path>) -> String {
    let mut value = [0; 256];
    let length = lgetxattr(path.as_ref(), "security.selinux", &mut value[..]).unwrap();
    String::from_utf8(value[..length].to_vec()).unwrap().trim_end_matches('\0').to_owned()
}

fn set_label(path: impl AsRef<Path>, label: &str) {
    let value = [label.as_bytes(), b"\0"].concat();
    lsetxattr(path.as_ref(), "security.selinux", &value, XattrFlags::empty()).unwrap();
}

/// Whoever unpacks an image labels it.
fn label_image(root: &Rootfs) {
    Cmd::new("chcon", ["-R", SHARED]).args([&root.path]).run().success();
}

fn bundle(world: &World) -> Bundle {
    let mut bundle = world.bundle();
    label_image(&bundle.rootfs);
    bundle.set("/process/selinuxLabel", PROCESS);
    bundle.set("/linux/mountLabel", MOUNTS);
    // A change of domain with it takes a permission of its own (nnp_transition).
    bundle.set("/process/noNewPrivileges", false);
    let mount = |path: &str, kind: &str| json!({"destination": path, "type": kind, "source": kind});
    bundle.push("/mounts", mount("/dev/mqueue", "mqueue"));
    bundle.push("/mounts", mount("/sys", "sysfs"));
    bundle.set("/linux/maskedPaths", json!(["/proc/kcore", "/sys/firmware"]));
    bundle
}

/// The next mode makes it anew.
fn remove(bundle: &Bundle) {
    std::fs::remove_dir_all(bundle.rootfs.path.parent().unwrap()).unwrap();
}

/// A directory with files and a link, which a container may not read.
fn volume(world: &World, name: &str) -> PathBuf {
    let path = world.path(name);
    std::fs::create_dir_all(path.join("below")).unwrap();
    std::fs::write(path.join("below/file"), "text\n").unwrap();
    let _ = std::os::unix::fs::symlink("/etc/shadow", path.join("link"));
    for inside in ["", "below", "below/file", "link"] {
        set_label(path.join(inside), HOSTS);
    }
    path
}

const CURRENT: &str = "tr -d '\\000' </proc/self/attr/current";

#[test]
fn processes_and_mounts_have_their_labels() {
    on_this_host(|world: &World| {
        in_both_modes(world, |world, enforcing| {
            let mut bundle = bundle(world);
            bundle.sh(&format!(
                "{CURRENT}; echo; cat /proc/mounts; echo >/dev/shm/a && echo >/dev/mqueue/q && \
             ls /sys/firmware && echo used"
            ));
            let run = bundle.run(NONE).run().success();
            assert!(run.out.starts_with(PROCESS), "{}", run.out);
            assert!(run.out.ends_with("used\n"), "{} {}", run.out, run.err);
            for place in ["/dev", "/dev/pts", "/dev/shm", "/sys/firmware"] {
                let line = run.out.lines().find(|line| line.split(' ').nth(1) == Some(place));
                let line = line.unwrap_or_else(|| panic!("{place}: {}", run.out));
                assert!(line.contains(&format!("context=\"{MOUNTS}\"")), "{line}");
            }
            bundle.args(["/probe", "sleep", "1000"]);
            let pid = bundle.detach();
            assert_eq!(label(format!("/proc/{pid}/root/dev/mqueue")), MOUNTS);
            assert_eq!(bundle.exec(["sh", "-c", CURRENT]).run().success().out, PROCESS);
            let exec = |label: &str| {
                bundle
                    .nsrun(["exec", "--process-label", label, &bundle.id, "sh", "-c", CURRENT])
                    .run()
            };
            assert_eq!(exec(OTHER).success().out, OTHER);
            exec("no:such:label").code(255).error(&["no:such:label", "policy knows no such label"]);
            if enforcing {
                exec(FORBIDDEN).code(255).error(&["sh", "permission denied", "audit log"]);
            }
            bundle.delete();
            remove(&bundle);
        })
    });
}

#[test]
fn nsinit_gives_the_labels_of_its_file_and_flags() {
    on_this_host(|world: &World| {
        in_both_modes(world, |world, _| {
            let root = world.busybox();
            label_image(&root);
            let look = format!("{CURRENT}; echo; grep ' /dev/shm ' /proc/mounts");
            let check = |run: e2e::Run| {
                let run = run.success();
                assert!(run.out.starts_with(PROCESS), "{}", run.out);
                assert!(run.out.contains(&format!("context=\"{MOUNTS}\"")), "{}", run.out);
            };
            root.configure(json!({"process_label": PROCESS, "mount_label": MOUNTS}));
            check(root.sh(&look).run());
            root.detach(["/probe", "sleep", "1000"]);
            check(root.sh(&look).run());
            root.delete();
            root.configure(json!({"hostname": "labelled"}));
            let flags = ["--process-label", PROCESS, "--mount-label", MOUNTS];
            check(root.exec(flags).args(["sh", "-c", &look]).run());
            std::fs::remove_dir_all(&root.path).unwrap();
        })
    });
}

#[test]
fn what_is_bound_is_relabelled() {
    on_this_host(|world: &World| {
        in_both_modes(world, |world, enforcing| {
            let root = world.busybox();
            label_image(&root);
            let volume = volume(world, "volume");
            let cat = |process: &str, mounts: &str, relabel: &str| {
                root.configure(json!({
                    "process_label": process,
                    "mount_label": mounts,
                    "mounts": [{
                        "source": volume, "destination": "/data", "device": "bind", "flags": 4096,
                        "relabel": relabel,
                    }],
                }));
                root.exec(["cat", "/data/below/file"]).run()
            };
            let reads = |run: e2e::Run| assert_eq!(run.success().out, "text\n");
            let denied = |run: e2e::Run| {
                if enforcing {
                    assert!(run.code(1).err.contains("Permission denied"));
                }
            };
            denied(cat(PROCESS, MOUNTS, ""));
            assert_eq!(label(&volume), HOSTS);
            reads(cat(PROCESS, MOUNTS, "Z"));
            for inside in ["", "below", "below/file", "link"] {
                assert_eq!(label(volume.join(inside)), MOUNTS, "{inside}");
            }
            assert_ne!(label("/etc/shadow"), MOUNTS);
            // It is the one's alone, until it is made everybody's.
            denied(cat(OTHER, OTHERS, ""));
            reads(cat(OTHER, OTHERS, "z"));
            assert_eq!(label(volume.join("below/file")), SHARED);
            reads(cat(PROCESS, MOUNTS, ""));
            // A flag asks for the same.
            root.configure(json!({"process_label": PROCESS, "mount_label": MOUNTS}));
            let bind = |how: &str| {
                let bind = format!("{}:/data:{how}", volume.display());
                root.exec(["--bind", &bind, "cat", "/data/below/file"]).run()
            };
            reads(bind("ro,Z"));
            assert_eq!(label(volume.join("below/file")), MOUNTS);
            let bound = world.path("etc");
            std::os::unix::fs::symlink("/etc", &bound).unwrap();
            let own = format!("{}:/data:z", bound.display());
            root.exec(["--bind", &own, "true"]).run().code(125).error(&["/etc", "the host's own"]);
            root.exec(["--bind", "/usr:/data:z", "true"])
                .run()
                .code(125)
                .error(&["/usr", "relabel"]);
            root.configure(json!({"process_label": PROCESS}));
            bind("z").code(125).error(&["relabel", "no mount_label"]);
            for path in [&volume, &root.path] {
                std::fs::remove_dir_all(path).unwrap();
            }
            std::fs::remove_file(&bound).unwrap();
        })
    });
}

#[test]
fn what_the_policy_refuses_is_told_in_a_line() {
    on_this_host(|world: &World| {
        in_both_modes(world, |world, enforcing| {
            let mut bundle = bundle(world);
            bundle.args(["true"]);
            let before = world.snapshot();
            bundle.set("/process/selinuxLabel", "no:such:label");
            bundle.run(NONE).run().error(&[
                "no:such:label",
                "invalid argument",
                "knows no such label",
            ]);
            bundle.set("/process/selinuxLabel", PROCESS);
            bundle.set("/linux/mountLabel", "no:such:label");
            bundle.run(NONE).run().error(&["mounting", "no:such:label", "invalid argument"]);
            bundle.set("/linux/mountLabel", MOUNTS);
            if enforcing {
                bundle.set("/process/selinuxLabel", FORBIDDEN);
                bundle.run(NONE).run().error(&["true", "permission denied", "audit log"]);
                // A service may start containers that change domains, but not with this.
                bundle.set("/process/selinuxLabel", PROCESS);
                bundle.set("/process/noNewPrivileges", true);
                bundle.run(NONE).run().error(&["true", "operation not permitted", "audit log"]);
            }
            before.assert_restored();
            remove(&bundle);
        })
    });
}

/// The session's keyring is made with the label (keyrings(7), setkeycreatecon(3)).
#[test]
fn the_keyring_is_labelled_before_it_is_made() {
    on_this_host(|world: &World| {
        in_both_modes(world, |world, _| {
            let mut bundle = bundle(world);
            bundle.args(["true"]);
            let log = world.path("strace");
            let log = log.to_str().unwrap();
            let strace = ["strace", "-f", "-y", "-o", log, "-e", "trace=write,keyctl"];
            bundle.run(NONE).by(strace).run().success();
            let text = std::fs::read_to_string(log).unwrap();
            let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
            assert!(
                at("attr/keycreate>, \"system_u:system_r:container_t") < at("KEYCTL_JOIN_SESSION")
            );
            remove(&bundle);
        })
    });
}

/// Confined itself, as Debian's policy has container engines.
#[test]
fn a_confined_engine_starts_containers() {
    on_this_host(|world: &World| {
        in_both_modes(world, |world, _| {
            let mut bundle = bundle(world);
            bundle.set("/process/noNewPrivileges", true);
            bundle.sh(CURRENT);
            let engine = ["runcon", "system_u:system_r:container_engine_t:s0-s0:c0.c1023", "--"];
            assert_eq!(bundle.run(NONE).by(engine).run().success().out, PROCESS);
            remove(&bundle);
        })
    });
}
