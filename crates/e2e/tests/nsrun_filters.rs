//! Compiled filters are kept below the state root for the next start, and a start never depends on
//! what is found there.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use e2e::{Bundle, Cmd, World, containerds_profile_without_mkdir, on_this_host};
use serde_json::{Value, json};

/// The same that permits it, and is as large.
fn permissive() -> Value {
    let mut profile = containerds_profile_without_mkdir();
    profile["syscalls"][0]["names"]
        .as_array_mut()
        .unwrap()
        .extend(["mkdir", "mkdirat"].map(Value::from));
    profile
}

/// One file, and what is in it.
fn kept(root: &Path) -> PathBuf {
    let all: Vec<_> = fs::read_dir(root.join("@filters")).unwrap().flatten().collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].path()
}

/// Runs a container, which is confined.
#[track_caller]
fn confined(bundle: &Bundle, root: &Path) {
    let run = bundle.nsrun(["--root"]).args([root]).args(["run", &bundle.id]).run().code(1);
    assert_eq!(run.out, "error EPERM mkdir /run/x\n", "{}", run.err);
    assert_eq!(run.err, "");
}

#[test]
fn the_next_start_uses_what_is_kept_if_nobody_has_touched_it() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.args(["/probe", "mkdir", "/run/x"]);
        let root = world.path("state");
        world.watch("permitted");
        // Nothing for a start without a profile, or with a small one.
        bundle.nsrun(["--root"]).args([&root]).args(["run", &bundle.id]).run().code(0);
        bundle.set(
            "/linux/seccomp",
            json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls":
                [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}),
        );
        confined(&bundle, &root);
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);

        bundle.set("/linux/seccomp", containerds_profile_without_mkdir());
        confined(&bundle, &root);
        let file = kept(&root);
        let stat = |path: &Path| fs::symlink_metadata(path).unwrap();
        let first = stat(&file);
        assert_eq!((first.mode() & 0o7777, first.uid()), (0o600, 0));
        let directory = stat(&root.join("@filters"));
        assert_eq!((directory.mode() & 0o7777, directory.uid()), (0o700, 0));
        confined(&bundle, &root);
        assert_eq!(stat(&file).ino(), first.ino(), "it is used as it is");
        // No container, to nobody.
        let list = bundle.nsrun(["--root"]).args([&root]).args(["list", "-q"]).run().code(0);
        assert_eq!(list.out, "");
        let state = bundle.nsrun(["--root"]).args([&root]).args(["state", "@filters"]).run();
        assert!(!state.status.success());

        // A filter that permits everything, in the place of ours: the last instructions are
        // returns, and the kernel would take it.
        let good = fs::read(&file).unwrap();
        let mut open = good.clone();
        let permit = 0x7fff_0000_u32.to_le_bytes();
        let returns: Vec<usize> = (24..open.len() - 8)
            .filter(|at| open[*at..].starts_with(&[6, 0, 0, 0, 1, 0, 5, 0]))
            .collect();
        assert!(!returns.is_empty(), "the filter is in there");
        returns.iter().for_each(|at| open[at + 4..at + 8].copy_from_slice(&permit));
        let put = |content: &[u8], mode: u32| {
            fs::write(&file, content).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        };
        let replaced = |what: &str| {
            let before = stat(&file).ino();
            confined(&bundle, &root);
            let after = stat(&file);
            assert!(after.is_file() && after.ino() != before, "{what}");
            assert_eq!((after.mode() & 0o7777, after.uid(), after.nlink()), (0o600, 0, 1));
            assert_eq!(fs::read(&file).unwrap(), good, "{what}");
        };
        put(&open, 0o600);
        replaced("changed");
        put(&good[..good.len() / 2], 0o600);
        replaced("half of it");
        put(b"", 0o600);
        replaced("nothing");
        for mode in [0o660, 0o606, 0o644] {
            put(&good, mode);
            replaced("others may touch it");
        }
        chown(&file, Some(1234), None).unwrap();
        replaced("another user's");
        let (elsewhere, elsewhere_root) = (world.path("elsewhere"), world.path("other-state"));
        fs::rename(&file, &elsewhere).unwrap();
        symlink(&elsewhere, &file).unwrap();
        replaced("a link");
        fs::remove_file(&elsewhere).unwrap();
        fs::hard_link(&file, &elsewhere).unwrap();
        replaced("it has another name, too");
        assert_eq!(fs::read(&elsewhere).unwrap(), good);
        fs::remove_file(&file).unwrap();
        Cmd::new("mkfifo", ["-m", "600"]).args([&file]).run().success();
        replaced("a FIFO");
        // Whole, and for another profile, or of another program.
        let mut permitted = world.bundle();
        permitted.args(["/probe", "mkdir", "/run/x"]).set("/linux/seccomp", permissive());
        let at = |root: &Path| permitted.nsrun(["--root"]).args([root]).args(["run", "permitted"]);
        at(&elsewhere_root).run().success();
        put(&fs::read(kept(&elsewhere_root)).unwrap(), 0o600);
        replaced("another profile's");
        let program = world.path("nsrun");
        fs::copy(e2e::nsrun(), &program).unwrap();
        fs::remove_dir_all(&elsewhere_root).unwrap();
        let other = bundle.nsrun(["--root"]).args([&elsewhere_root]).args(["run", &bundle.id]);
        other.program(&program).run().code(1);
        put(&fs::read(kept(&elsewhere_root)).unwrap(), 0o600);
        replaced("another program's");
        // What cannot be replaced is no obstacle either.
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        confined(&bundle, &root);
        fs::remove_dir(&file).unwrap();
        fs::remove_dir(root.join("@filters")).unwrap();
        fs::write(root.join("@filters"), "").unwrap();
        confined(&bundle, &root);
        fs::remove_file(root.join("@filters")).unwrap();

        // exec finds it as well, and a profile that is refused is refused with it there.
        confined(&bundle, &root);
        bundle.args(["/probe", "sleep", "1000"]);
        let at = |args: &[&str]| bundle.nsrun(["--root"]).args([&root]).args(args);
        at(&["run", "--detach", &bundle.id]).leaves_behind().run().code(0);
        let before = stat(&file).ino();
        at(&["exec", &bundle.id, "/probe", "mkdir", "/run/x"]).run().code(1);
        assert_eq!(stat(&file).ino(), before);
        at(&["delete", "--force", &bundle.id]).run().code(0);
        let mut wrong = containerds_profile_without_mkdir();
        wrong["syscalls"][0]["errnoRet"] = json!(5000);
        bundle.set("/linux/seccomp", wrong);
        let run = bundle.nsrun(["--root"]).args([&root]).args(["run", &bundle.id]).run();
        assert!(!run.status.success());
    });
}
