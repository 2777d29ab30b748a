//! SELinux' labels with Debian's policy, permissive and enforcing: the virtual machine called `selinux` runs
//! these (docs/testing.md).

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use e2e::{Bundle, Cmd, Rootfs, Run, World, cell, is_in_a_world, on_this_host, skip};
use rustix::fs::{FlockOperation, XattrFlags, flock, lgetxattr, lsetxattr};
use rustix::io::Errno;
use serde_json::{Value, json};

/// No flags.
const NONE: [&str; 0] = [];
const MODE: &str = "/sys/fs/selinux/enforce";

/// Who starts containers: of the policy's domains the one that may, and is confined itself.
const ENGINE: &str = "system_u:system_r:container_engine_t:s0-s0:c0.c1023";
const PROCESS: &str = "system_u:system_r:container_t:s0:c1,c2";
const MOUNTS: &str = "system_u:object_r:container_file_t:s0:c1,c2";
const OTHER: &str = "system_u:system_r:container_t:s0:c3,c4";
const OTHERS: &str = "system_u:object_r:container_file_t:s0:c3,c4";
const SHARED: &str = "system_u:object_r:container_file_t:s0";
/// A domain that those who start containers may not enter.
const FORBIDDEN: &str = "system_u:system_r:getty_t:s0";
/// What the engine makes, which a container may not read.
const ENGINES: &str = "system_u:object_r:container_engine_tmpfs_t:s0";

/// Runs the test as an engine. The mode is the whole machine's, so one test at a time is at it.
fn as_an_engine(test: impl Fn()) {
    if is_in_a_world() {
        return test();
    }
    if !Path::new(MODE).exists() {
        return skip("this kernel runs no SELinux");
    }
    let lock = File::open("/etc/selinux/config").unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let before = std::fs::read_to_string(MODE).unwrap();
    // A world is made by what the policy would not let an engine do.
    std::fs::write(MODE, "0").unwrap();
    // For what this thread starts.
    std::fs::write("/proc/thread-self/attr/exec", ENGINE).unwrap();
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(test));
    std::fs::write("/proc/thread-self/attr/exec", "\n").unwrap();
    std::fs::write(MODE, before.trim()).unwrap();
    if let Err(failure) = done {
        std::panic::resume_unwind(failure);
    }
}

/// First permissive, then enforcing, from where an engine cannot go back.
fn modes() -> impl Iterator<Item = bool> {
    ["0", "1"].into_iter().map(|mode| {
        std::fs::write(MODE, mode).unwrap();
        mode == "1"
    })
}

/// For the table of security modules.
fn seen(enforcing: bool, whats: &[&str]) {
    let place = if enforcing { "enforcing" } else { "permissive" };
    whats.iter().for_each(|what| cell(place, what));
}

/// Nothing where the policy keeps it from an engine.
fn label(path: impl AsRef<Path>) -> Option<String> {
    let mut value = [0; 256];
    let length = match lgetxattr(path.as_ref(), "security.selinux", &mut value[..]) {
        Err(Errno::ACCESS) => return None,
        length => length.unwrap(),
    };
    Some(String::from_utf8_lossy(&value[..length]).trim_end_matches('\0').to_owned())
}

/// Whoever unpacks an image labels it.
fn label_image(path: &Path) {
    let value = [SHARED.as_bytes(), b"\0"].concat();
    lsetxattr(path, "security.selinux", &value, XattrFlags::empty()).unwrap();
    if path.symlink_metadata().unwrap().is_dir() {
        for entry in path.read_dir().unwrap() {
            label_image(&entry.unwrap().path());
        }
    }
}

fn image(world: &World) -> Rootfs {
    let root = world.busybox();
    label_image(&root.path);
    root
}

fn bundle(world: &World) -> Bundle {
    let mut bundle = world.bundle();
    label_image(&bundle.rootfs.path);
    bundle.set("/process/selinuxLabel", PROCESS);
    bundle.set("/linux/mountLabel", MOUNTS);
    bundle
}

fn mount(place: &str, kind: &str, options: &[&str]) -> Value {
    json!({"destination": place, "type": kind, "source": kind, "options": options})
}

/// A directory with files and a link out of it, which a container may not read.
fn volume(world: &World) -> PathBuf {
    let (path, outside) = (world.path("volume"), world.path("outside"));
    std::fs::create_dir_all(path.join("below")).unwrap();
    std::fs::write(path.join("below/file"), "text\n").unwrap();
    std::fs::write(&outside, "").unwrap();
    symlink(outside, path.join("link")).unwrap();
    path
}

const CURRENT: &str = "tr -d '\\000' </proc/self/attr/current";

/// Runs the command with files for its output: the policy keeps containers from an engine's pipes.
fn run(world: &World, cmd: Cmd) -> Run {
    let [out, err] = ["out", "err"].map(|name| world.path(name));
    for file in [&out, &err] {
        std::fs::write(file, "").unwrap();
        label_image(file);
    }
    let script = "\"$@\" >$0 2>$OUT_2; code=$?; cat $0; cat $OUT_2 >&2; exit $code";
    let words = ["sh".as_ref(), "-c".as_ref(), script.as_ref(), out.as_os_str()];
    cmd.by(words).env("OUT_2", &err).run()
}

/// The line of /proc/mounts that is about `place`.
fn mounted<'a>(mounts: &'a str, place: &str) -> &'a str {
    let line = mounts.lines().find(|line| line.split(' ').nth(1) == Some(place));
    line.unwrap_or_else(|| panic!("{place}: {mounts}"))
}

#[test]
fn processes_and_mounts_have_their_labels() {
    as_an_engine(|| {
        on_this_host(|world: &World| {
            let mut bundle = bundle(world);
            let [lower, upper, work] = ["lower", "upper", "work"].map(|name| world.path(name));
            for directory in [&lower, &upper, &work] {
                std::fs::create_dir(directory).unwrap();
            }
            std::fs::write(lower.join("file"), "text\n").unwrap();
            let layers = [("lowerdir", &lower), ("upperdir", &upper), ("workdir", &work)];
            let layers = layers.map(|(name, path)| format!("{name}={}", path.display()));
            bundle.push("/mounts", mount("/layers", "overlay", &layers.each_ref().map(|a| &a[..])));
            bundle.push("/mounts", mount("/dev/mqueue", "mqueue", &[]));
            bundle.push("/mounts", mount("/sys", "sysfs", &[]));
            let own = format!("context={SHARED}");
            bundle.push("/mounts", mount("/own", "tmpfs", &[&own]));
            bundle.set("/linux/maskedPaths", json!(["/proc/kcore", "/sys/firmware"]));
            for enforcing in modes() {
                bundle.sh(&format!(
                "{CURRENT}; echo; cat /proc/mounts; touch /dev/shm/a /own/a && cat /layers/file && \
                 echo more >>/layers/file && ls /sys/firmware && touch /dev/mqueue/q && echo used"
            ));
                for no_new_privileges in [false, true] {
                    bundle.set("/process/noNewPrivileges", no_new_privileges);
                    let done = run(world, bundle.run(NONE)).success();
                    assert!(done.out.starts_with(PROCESS), "{}", done.out);
                    assert!(done.out.ends_with("used\n"), "{} {}", done.out, done.err);
                    for place in
                        ["/dev", "/dev/pts", "/dev/shm", "/run", "/layers", "/sys/firmware"]
                    {
                        let line = mounted(&done.out, place);
                        assert!(line.contains(&format!("context=\"{MOUNTS}\"")), "{line}");
                    }
                    assert!(mounted(&done.out, "/own").contains(&own), "{}", done.out);
                    // The kernel labels what is in there itself.
                    for place in ["/proc", "/sys"] {
                        assert!(!mounted(&done.out, place).contains("context="), "{}", done.out);
                    }
                }
                bundle.args(["/probe", "sleep", "1000"]);
                let pid = bundle.detach();
                assert_eq!(label(format!("/proc/{pid}/root/dev/mqueue")).as_deref(), Some(MOUNTS));
                bundle.delete();
                seen(enforcing, &["start, nsrun", "labels of mounts", "confined caller"]);
            }
        });
    });
}

#[test]
fn what_is_executed_has_the_containers_label_or_its_own() {
    as_an_engine(|| {
        on_this_host(|world: &World| {
            let bundle = bundle(world);
            for enforcing in modes() {
                bundle.detach();
                let current = ["sh", "-c", CURRENT];
                assert_eq!(run(world, bundle.exec(current)).success().out, PROCESS);
                let exec = |label: &str| {
                    let flags = ["exec", "--process-label", label, &bundle.id];
                    run(world, bundle.nsrun(flags).args(current))
                };
                assert_eq!(exec(OTHER).success().out, OTHER);
                exec("no:such:label")
                    .code(255)
                    .error(&["no:such:label", "policy knows no such label"]);
                if enforcing {
                    exec(FORBIDDEN).code(255).error(&[
                        "getty_t",
                        "policy may not allow",
                        "audit log",
                    ]);
                }
                let file = world.path("process.json");
                let process = |label: Option<&str>| {
                    let mut process = bundle.config()["process"].clone();
                    process["args"] = json!(current);
                    process["selinuxLabel"] = json!(label);
                    if label.is_none() {
                        process.as_object_mut().unwrap().remove("selinuxLabel");
                    }
                    std::fs::write(&file, process.to_string()).unwrap();
                    let flags = ["exec", "--process", file.to_str().unwrap(), &bundle.id];
                    run(world, bundle.nsrun(flags)).success().out
                };
                assert_eq!(process(Some(OTHER)), OTHER);
                assert_eq!(process(None), PROCESS);
                bundle.delete();
                seen(enforcing, &["exec, nsrun"]);
            }
        });
    });
}

#[test]
fn nsinit_gives_the_labels_of_its_file_and_flags() {
    as_an_engine(|| {
        on_this_host(|world: &World| {
            let root = image(world);
            let look = format!("{CURRENT}; echo; cat /proc/mounts");
            let check = |done: Run| {
                let done = done.success();
                assert!(done.out.starts_with(PROCESS), "{}", done.out);
                let line = mounted(&done.out, "/dev/shm");
                assert!(line.contains(&format!("context=\"{MOUNTS}\"")), "{line}");
            };
            for enforcing in modes() {
                root.configure(json!({"process_label": PROCESS, "mount_label": MOUNTS}));
                check(run(world, root.sh(&look)));
                root.detach(NONE);
                check(run(world, root.sh(&look)));
                let other = root.exec(["--process-label", OTHER, "sh", "-c", CURRENT]);
                other.run().code(125).error(&["--process-label", "runs already"]);
                root.delete();
                root.configure(json!({"hostname": "labelled"}));
                let flags = ["--process-label", PROCESS, "--mount-label", MOUNTS];
                check(run(world, root.exec(flags).args(["sh", "-c", &look])));
                seen(enforcing, &["start, nsinit", "exec, nsinit"]);
            }
        });
    });
}

#[test]
fn what_is_bound_is_relabelled() {
    as_an_engine(|| {
        on_this_host(|world: &World| {
            let root = image(world);
            for enforcing in modes() {
                let volume = volume(world);
                let cat = |process: &str, mounts: &str, relabel: &str| {
                    root.configure(json!({
                    "process_label": process,
                    "mount_label": mounts,
                    "mounts": [{
                        "source": volume, "destination": "/data", "device": "bind", "flags": 4096,
                        "relabel": relabel,
                    }],
                }));
                    // What has the engine's label is not the container's to read.
                    label_image(&root.file("container.json"));
                    run(world, root.exec(["cat", "/data/below/file"]))
                };
                let reads = |done: Run| assert_eq!(done.success().out, "text\n");
                let denied = |done: Run| match enforcing {
                    true => assert!(done.code(1).err.contains("Permission denied")),
                    false => reads(done),
                };
                denied(cat(PROCESS, MOUNTS, ""));
                assert_eq!(label(&volume).as_deref(), Some(ENGINES));
                reads(cat(PROCESS, MOUNTS, "Z"));
                for inside in ["", "below", "below/file", "link"] {
                    assert_eq!(label(volume.join(inside)).as_deref(), Some(MOUNTS), "{inside}");
                }
                assert_eq!(
                    label(std::fs::read_link(volume.join("link")).unwrap()).as_deref(),
                    Some(ENGINES)
                );
                // It is the one's alone, until it is made everybody's.
                denied(cat(OTHER, OTHERS, ""));
                reads(cat(OTHER, OTHERS, "z"));
                assert_eq!(label(volume.join("below/file")).as_deref(), Some(SHARED));
                reads(cat(PROCESS, MOUNTS, ""));
                // A flag asks for the same.
                root.configure(json!({"process_label": PROCESS, "mount_label": MOUNTS}));
                let bind = |how: &str| {
                    let bind = format!("{}:/data:{how}", volume.display());
                    run(world, root.exec(["--bind", &bind, "cat", "/data/below/file"]))
                };
                reads(bind("ro,Z"));
                assert_eq!(label(volume.join("below/file")).as_deref(), Some(MOUNTS));
                seen(enforcing, &["relabel"]);
            }
        });
    });
}

#[test]
fn the_hosts_own_is_not_relabelled() {
    as_an_engine(|| {
        on_this_host(|world: &World| {
            let root = image(world);
            for _ in modes() {
                root.configure(json!({"process_label": PROCESS, "mount_label": MOUNTS}));
                let link = world.path("etc");
                symlink("/etc", &link).unwrap();
                let refused = |source: &str, how: &str, words: &[&str]| {
                    let bind = format!("{source}:/data:{how}");
                    root.exec(["--bind", &bind, "true"]).run().code(125).error(words);
                };
                for path in ["/", "/usr", "/etc", "/etc/selinux", "/var/lib", "/tmp"] {
                    let before = label(path);
                    for how in ["z", "Z"] {
                        refused(path, how, &[path, "relabel"]);
                    }
                    assert_eq!(label(path), before);
                }
                refused(link.to_str().unwrap(), "z", &["/etc", "the host's own"]);
                let volume = volume(world);
                root.configure(json!({"process_label": PROCESS}));
                refused(volume.to_str().unwrap(), "z", &["relabel", "no mount_label"]);
            }
        });
    });
}

#[test]
fn what_the_policy_refuses_is_told_in_a_line() {
    as_an_engine(|| {
        on_this_host(|world: &World| {
            let mut bundle = bundle(world);
            bundle.args(["true"]);
            for enforcing in modes() {
                let mut refused = |process: &str, mounts: &str, words: &[&str]| {
                    bundle.set("/process/selinuxLabel", process);
                    bundle.set("/linux/mountLabel", mounts);
                    let before = world.snapshot();
                    bundle.run(NONE).run().error(words);
                    before.assert_restored();
                };
                let unknown = "system_u:system_r:no_such_t:s0";
                let words = [unknown, "invalid argument", "knows no such label"];
                refused(unknown, MOUNTS, &words);
                refused(PROCESS, unknown, &["mounting", unknown, "invalid argument"]);
                if enforcing {
                    refused(FORBIDDEN, MOUNTS, &["permission denied", "audit log"]);
                    seen(enforcing, &["what the policy denies"]);
                }
                seen(enforcing, &["unknown, refused"]);
            }
        });
    });
}

/// The session's keyring is made with the label (keyrings(7), setkeycreatecon(3)): a process does not see
/// another domain's.
#[test]
fn the_keyring_has_the_label() {
    as_an_engine(|| {
        on_this_host(|world: &World| {
            let mut bundle = bundle(world);
            bundle.sh("cat /proc/keys");
            for enforcing in modes() {
                let keys = run(world, bundle.run(NONE)).success().out;
                assert!(keys.contains(&format!("_ses.{}", bundle.id)), "{keys}");
                seen(enforcing, &["keyring"]);
            }
        });
    });
}

/// An ordinary user: in a user namespace the kernel takes labels for few kinds of mounts.
#[test]
fn an_ordinary_users_containers_have_labels() {
    as_an_engine(|| {
        on_this_host(|world: &World| {
            let user = world.user();
            let root = image(world);
            root.configure(json!({"process_label": PROCESS, "mount_label": MOUNTS}));
            label_image(&root.path);
            user.own_all(&root.path);
            for enforcing in modes() {
                let look =
                    format!("{CURRENT}; echo; cat /proc/mounts; touch /dev/shm/a && echo used");
                let done = run(world, user.run(root.sh(&look))).success();
                assert!(
                    done.out.starts_with(PROCESS) && done.out.ends_with("used\n"),
                    "{}",
                    done.out
                );
                for place in ["/dev", "/dev/pts", "/dev/shm"] {
                    let line = mounted(&done.out, place);
                    assert!(line.contains(&format!("context=\"{MOUNTS}\"")), "{line}");
                }
                seen(enforcing, &["ordinary user"]);
            }
        });
    });
}

/// Where the kernel has no SELinux, whoever asks for a label is told so.
#[test]
fn without_it_a_label_is_refused() {
    on_this_host(|world: &World| {
        if Path::new(MODE).exists() {
            return skip("this kernel runs SELinux");
        }
        let mut bundle = world.bundle();
        bundle.args(["true"]);
        for (pointer, label) in [("/process/selinuxLabel", PROCESS), ("/linux/mountLabel", MOUNTS)]
        {
            bundle.set(pointer, label);
            let before = world.snapshot();
            bundle.run(NONE).run().error(&["SELinux is not enabled in this kernel"]);
            before.assert_restored();
            bundle.set(pointer, "");
        }
        bundle.run(NONE).run().success();
        bundle.args(["/probe", "sleep", "1000"]);
        bundle.detach();
        let exec = ["exec", "--process-label", PROCESS, &bundle.id, "true"];
        bundle.nsrun(exec).run().code(255).error(&["SELinux is not enabled in this kernel"]);
        bundle.delete();
        let root = world.busybox();
        for flag in ["--process-label", "--mount-label"] {
            let run = root.exec([flag, PROCESS, "true"]).run().code(125);
            run.error(&["SELinux is not enabled in this kernel"]);
        }
    });
}
