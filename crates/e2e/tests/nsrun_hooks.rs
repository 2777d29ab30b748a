//! Hooks, as an engine meets them: by the command line and by what it reads.

use std::path::Path;

use e2e::schema::faults;
use e2e::{Bundle, World, each_view, on_this_host, until};
use rustix::process::Signal;
use serde_json::{Value, json};

/// No flags.
const NONE: [&str; 0] = [];

const KINDS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// A hook that is a line of shell in the bundle's root file system, wherever that is for it.
fn hook(bundle: &Bundle, kind: &str, script: &str) -> Value {
    let root = if kind == "startContainer" { Path::new("/") } else { &bundle.rootfs.path };
    let script = format!("cd {}; {script}", root.display());
    json!({"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"]})
}

/// One of each kind, which notes that it ran and what it was told.
fn noted(bundle: &mut Bundle) {
    for kind in KINDS {
        let script = format!("echo {kind} >>order; cat >state.{kind}");
        let hook = hook(bundle, kind, &script);
        bundle.push(&format!("/hooks/{kind}"), hook);
    }
}

/// Who ran, forgotten then.
fn order(bundle: &Bundle) -> Vec<String> {
    let file = bundle.rootfs.path.join("order");
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let _ = std::fs::remove_file(file);
    text.lines().map(str::to_owned).collect()
}

/// Removes what hooks wrote.
fn forget(bundle: &Bundle) {
    let states = KINDS.map(|kind| format!("state.{kind}"));
    for name in states.iter().map(String::as_str).chain(["order", "amid"]) {
        let _ = std::fs::remove_file(bundle.rootfs.path.join(name));
    }
}

#[test]
fn each_runs_in_its_verb_and_knows_the_state() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/annotations", json!({"org.example": "hooks"}));
        noted(&mut bundle);
        let before = world.snapshot();
        bundle.create(NONE).run().success();
        assert_eq!(order(&bundle), KINDS[..3]);
        let pid = bundle.state()["pid"].as_i64().unwrap();
        assert_eq!(bundle.status(), "created");
        bundle.verb("start").run().success();
        assert_eq!(order(&bundle), KINDS[3..5]);
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        bundle.until_stopped();
        assert_eq!(order(&bundle), [""; 0]);
        bundle.verb("delete").run().success();
        assert_eq!(order(&bundle), KINDS[5..]);
        let told = [
            ("creating", Some(pid)),
            ("creating", Some(pid)),
            ("creating", Some(1)),
            ("created", Some(1)),
            ("running", Some(pid)),
            ("stopped", None),
        ];
        for (kind, (status, pid)) in KINDS.iter().zip(told) {
            let file = bundle.rootfs.path.join(format!("state.{kind}"));
            let state: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            assert_eq!(faults("state-schema.json", &state), [""; 0]);
            assert_eq!((&state["status"], state["pid"].as_i64()), (&status.into(), pid), "{kind}");
            assert_eq!(state["id"], bundle.id.as_str());
            assert_eq!(state["bundle"], bundle.path.to_str().unwrap());
            assert_eq!(state["annotations"], json!({"org.example": "hooks"}));
        }
        forget(&bundle);
        before.assert_restored();
    });
}

#[test]
fn one_that_fails_is_told_and_leaves_nothing() {
    each_view(|world: &World| {
        for (number, kind) in KINDS[..5].iter().enumerate() {
            let mut bundle = world.bundle();
            noted(&mut bundle);
            let failing = hook(&bundle, kind, "echo no such luck >&2; exit 3");
            bundle.push(&format!("/hooks/{kind}"), failing);
            let never = hook(&bundle, kind, "echo never >>order");
            bundle.push(&format!("/hooks/{kind}"), never);
            let before = world.snapshot();
            let words = format!("error running {kind} hook #1: /bin/sh: exit status 3");
            let parts = [words.as_str(), "stderr: no such luck"];
            let expected = [&KINDS[..=number], &["poststop"]].concat();
            bundle.run(NONE).run().code(255).error(&parts);
            assert_eq!(order(&bundle), expected);
            let created = bundle.create(NONE).run();
            if number < 3 {
                created.code(1).error(&parts);
            } else {
                created.success();
                bundle.verb("start").run().code(1).error(&parts);
            }
            assert_eq!(order(&bundle), expected);
            bundle.verb("state").run().code(1).error(&["container does not exist"]);
            bundle.nsrun(["delete", "--force", &bundle.id]).run().success();
            forget(&bundle);
            before.assert_restored();
        }
    });
}

#[test]
fn one_that_fails_after_delete_is_a_warning() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let failing = hook(&bundle, "poststop", "exit 3");
        bundle.push("/hooks/poststop", failing);
        noted(&mut bundle);
        let before = world.snapshot();
        bundle.detach();
        let warning = "warning: error running poststop hook #0: /bin/sh: exit status 3";
        bundle.nsrun(["delete", "--force", &bundle.id]).run().code(0).error(&[warning]);
        assert_eq!(order(&bundle), KINDS);
        bundle.verb("state").run().code(1).error(&["container does not exist"]);
        forget(&bundle);
        before.assert_restored();
    });
}

#[test]
fn the_runtime_is_killed_amid_one() {
    each_view(|world: &World| {
        for kind in &KINDS[..3] {
            let mut bundle = world.bundle();
            let slow = hook(&bundle, kind, "echo >amid; exec sleep 1000");
            bundle.push(&format!("/hooks/{kind}"), slow);
            noted(&mut bundle);
            let before = world.snapshot();
            let mut creator = bundle.create(NONE).start();
            let amid = bundle.rootfs.path.join("amid");
            until("amid the hook", || amid.exists() || creator.ended());
            assert_eq!(bundle.status(), "creating");
            creator.signal(Signal::KILL);
            creator.wait();
            bundle.nsrun(["delete", "--force", &bundle.id]).run().success();
            assert_eq!(order(&bundle).last().map(String::as_str), Some("poststop"));
            forget(&bundle);
            before.assert_restored();
        }
    });
}

#[test]
fn what_is_wrong_is_named_before_anything_is_done() {
    on_this_host(|world: &World| {
        for (wrong, words) in [
            (json!([{"path": "true"}]), "hooks.prestart[0].path: \"true\" is not an absolute path"),
            (json!([{"path": "/bin/true"}, {}]), "hooks.prestart[1].path: is required"),
            (
                json!([{"path": "/bin/true", "timeout": 0}]),
                "hooks.prestart[0].timeout: must be greater than 0",
            ),
        ] {
            let mut bundle = world.bundle();
            bundle.set("/hooks/prestart", wrong);
            bundle.create(NONE).run().code(1).error(&[words]);
            bundle.verb("state").run().code(1).error(&["container does not exist"]);
        }
    });
}

#[test]
fn its_time_is_limited() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let mut slow = hook(&bundle, "createRuntime", "exec sleep 1000");
        slow["timeout"] = json!(1);
        bundle.push("/hooks/createRuntime", slow);
        let words = "error running createRuntime hook #0: /bin/sh: timed out after 1 s";
        bundle.create(NONE).run().code(1).error(&[words]);
    });
}
