//! AppArmor's profiles, on kernels that run this module: the virtual machine does (docs/testing.md).

use std::path::Path;

use e2e::{Cmd, World, cell, on_this_host, skip};
use serde_json::json;

/// No flags.
const NONE: [&str; 0] = [];

/// Everything but one file.
fn load(name: &str) -> bool {
    let text = format!(
        "abi <abi/4.0>,\nprofile {name} flags=(attach_disconnected,mediate_deleted) {{\n\
         file,\ncapability,\nnetwork,\nmount,\nremount,\numount,\npivot_root,\nsignal,\nptrace,\nunix,\n\
         dbus,\nuserns,\nio_uring,\nmqueue,\ndeny /etc/secret rw,\n\
         change_profile -> &**,\n}}\n"
    );
    let plain = text.replace("abi <abi/4.0>,\n", "").replace("userns,\nio_uring,\nmqueue,\n", "");
    // An older parser knows less.
    [text, plain].iter().any(|text| {
        Cmd::new("apparmor_parser", ["--replace", "--skip-cache"])
            .input(text)
            .run()
            .status
            .success()
    })
}

fn unload(name: &str) {
    let text = format!("profile {name} {{\n}}\n");
    let _ = Cmd::new("apparmor_parser", ["--remove"]).input(text).run();
}

/// Runs `body` with the names of two profiles, where there is AppArmor.
fn with_profiles(world: &World, body: impl FnOnce(&str, &str)) {
    if !Path::new("/proc/self/attr/apparmor").exists() {
        return skip("this kernel runs no AppArmor");
    }
    if !Path::new("/usr/sbin/apparmor_parser").exists() {
        return skip("there is no apparmor_parser");
    }
    let tag = world.scratch().file_name().unwrap().to_string_lossy().into_owned();
    let (one, other) = (format!("{tag}-one"), format!("{tag}-other"));
    assert!(load(&one) && load(&other));
    body(&one, &other);
    unload(&one);
    unload(&other);
}

const LOOK: &str = "cat /proc/self/attr/apparmor/current; cat /etc/secret 2>&1 || true";

/// What a process says that this profile holds.
fn held(profile: &str) -> String {
    format!("{profile} (enforce)\ncat: can't open '/etc/secret': Permission denied\n")
}

#[test]
fn apparmor_holds_what_nsrun_starts() {
    on_this_host(|world: &World| {
        with_profiles(world, |one, other| {
            let mut bundle = world.bundle();
            std::fs::write(bundle.rootfs.file("etc/secret"), "secret\n").unwrap();
            bundle.sh(LOOK);
            assert!(bundle.run(NONE).run().success().out.ends_with("secret\n"));
            for no_new_privileges in [true, false] {
                bundle.set("/process/noNewPrivileges", no_new_privileges);
                bundle.set("/process/apparmorProfile", one);
                bundle.sh(LOOK);
                assert_eq!(bundle.run(NONE).run().success().out, held(one));
                bundle.args(["/probe", "sleep", "1000"]);
                bundle.detach();
                assert_eq!(bundle.exec(["sh", "-c", LOOK]).run().success().out, held(one));
                let exec =
                    bundle.nsrun(["exec", "--apparmor", other, &bundle.id, "sh", "-c", LOOK]);
                assert_eq!(exec.run().success().out, held(other));
                let file = world.path("process.json");
                let mut process = bundle.config()["process"].clone();
                process["args"] = json!(["sh", "-c", LOOK]);
                process["apparmorProfile"] = json!(other);
                std::fs::write(&file, process.to_string()).unwrap();
                let exec = ["exec", "--process", file.to_str().unwrap(), &bundle.id];
                assert_eq!(bundle.nsrun(exec).run().success().out, held(other));
                let exec = ["exec", "--apparmor", "no-such-profile", &bundle.id, "true"];
                let words = ["no-such-profile", "no such profile is loaded"];
                bundle.nsrun(exec).run().code(255).error(&words);
                bundle.delete();
            }
            bundle.set("/process/apparmorProfile", "no-such-profile");
            let before = world.snapshot();
            bundle.run(NONE).run().error(&["no-such-profile", "no such profile is loaded"]);
            before.assert_restored();
            for what in ["start, nsrun", "exec, nsrun", "unknown, refused"] {
                cell("AppArmor", what);
            }
        });
    });
}

#[test]
fn apparmor_holds_what_nsinit_starts() {
    on_this_host(|world: &World| {
        with_profiles(world, |one, _| {
            let root = world.busybox();
            std::fs::write(root.file("etc/secret"), "secret\n").unwrap();
            let exec = || root.exec(["--apparmor-profile", one, "sh", "-c", LOOK]);
            assert_eq!(exec().run().success().out, held(one));
            root.detach(["--apparmor-profile", one, "/probe", "sleep", "1000"]);
            assert_eq!(root.sh(LOOK).run().success().out, held(one));
            root.delete();
            let refused = root.exec(["--apparmor-profile", "no-such-profile", "true"]);
            refused.run().code(125).error(&["no-such-profile", "no such profile is loaded"]);
            cell("AppArmor", "start, nsinit");
            cell("AppArmor", "exec, nsinit");
        });
    });
}

#[test]
fn apparmor_holds_what_an_ordinary_user_starts() {
    on_this_host(|world: &World| {
        with_profiles(world, |one, _| {
            let user = world.user();
            let root = world.busybox();
            std::fs::write(root.file("etc/secret"), "secret\n").unwrap();
            user.own_all(&root.path);
            assert!(user.run(root.sh(LOOK)).run().success().out.ends_with("secret\n"));
            let flags = ["--apparmor-profile", one];
            let exec = root.exec(flags).args(["sh", "-c", LOOK]);
            assert_eq!(user.run(exec).run().success().out, held(one));
            user.run(root.exec(["--detach"]).args(flags).args(["/probe", "sleep", "1000"]))
                .run()
                .success();
            assert_eq!(user.run(root.sh(LOOK)).run().success().out, held(one));
            user.run(root.nsinit(["delete", "--force"])).run().success();
            cell("AppArmor", "ordinary user");
        });
    });
}

/// Whoever is confined himself adds to it, where his own profile lets him.
#[test]
fn apparmor_profiles_are_stacked_where_they_cannot_be_changed() {
    on_this_host(|world: &World| {
        with_profiles(world, |one, other| {
            let mut bundle = world.bundle();
            bundle.set("/process/apparmorProfile", one);
            bundle.sh("cat /proc/self/attr/apparmor/current");
            let root = world.busybox();
            let flags = ["--apparmor-profile", one, "cat", "/proc/self/attr/apparmor/current"];
            for cmd in [bundle.run(NONE), root.exec(flags)] {
                let run = cmd.by(["aa-exec", "-p", other, "--"]).run().success();
                assert!(run.out.contains(one) && run.out.contains(other), "{}", run.out);
                assert!(run.out.contains("//&"), "{}", run.out);
            }
            cell("AppArmor", "confined caller");
        });
    });
}
