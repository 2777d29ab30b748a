//! -v SOURCE:TARGET:shared and its kin.

use crate::docker;

/// What comes of a mount that the host makes below the source while the container runs, and of one
/// that the container makes below the target.
#[track_caller]
fn seen(option: &str) -> Option<(bool, bool)> {
    let docker = docker()?;
    let from = docker.sandbox.directory("shared").display().to_string();
    let script =
        format!("mount --bind {from} {from}; mount --make-shared {from}; mkdir {from}/a {from}/b");
    docker.sandbox.sh(&script).run().code(0);
    let options =
        format!("-v {from}:/m:{option} --cap-add SYS_ADMIN --security-opt apparmor=unconfined");
    let name = docker.background(&options, &["sleep", "1000"]);
    docker.sandbox.sh(&format!("mount -t tmpfs tmpfs {from}/a; : > {from}/a/file")).run().code(0);
    let inward = docker.exec("", &name, "test -e /m/a/file").run().status.success();
    docker.exec("", &name, "mount -t tmpfs tmpfs /m/b && : > /m/b/file").run().code(0);
    let outward = docker.sandbox.sh(&format!("test -e {from}/b/file")).run().status.success();
    docker.remove(&[&name]);
    docker.sandbox.sh(&format!("umount --recursive {from}; rmdir {from}/a {from}/b {from}")).run();
    Some((inward, outward))
}

#[test]
fn private_mounts_stay_apart() {
    for option in ["private", "rprivate", "ro,private"] {
        let Some(seen) = seen(option) else { return };
        assert_eq!(seen, (false, false), "{option}");
    }
}

#[test]
fn slaves_follow_the_host() {
    for option in ["slave", "rslave"] {
        let Some(seen) = seen(option) else { return };
        assert_eq!(seen, (true, false), "{option}");
    }
}

#[test]
fn shared_mounts_go_both_ways() {
    for option in ["shared", "rshared"] {
        let Some(seen) = seen(option) else { return };
        assert_eq!(seen, (true, true), "{option}");
    }
}

#[test]
fn a_private_source_cannot_be_shared() {
    let Some(docker) = docker() else { return };
    let from = docker.sandbox.directory("private").display().to_string();
    docker
        .sandbox
        .sh(&format!("mount --bind {from} {from}; mount --make-private {from}"))
        .run()
        .code(0);
    for option in ["shared", "slave"] {
        let run = docker.run(&format!("-v {from}:/m:{option} busybox true")).run().code(125);
        assert!(run.err.contains("is not a"), "{}", run.err);
    }
    docker.sandbox.sh(&format!("umount {from}")).run().code(0);
}
