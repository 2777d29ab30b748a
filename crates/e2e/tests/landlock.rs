//! Landlock, asked for in container.json and by config.json's annotation.

use e2e::{World, cell, on_this_host};
use serde_json::{Value, json};

const ABSENT: [&str; 6] =
    ["strace", "-f", "-o", "/dev/null", "-e", "inject=landlock_create_ruleset:error=ENOSYS"];

fn wanted() -> Value {
    json!({
        "filesystem": {
            "restrict": ["write_file", "make_reg"],
            "rules": [{"paths": ["/tmp", "/dev"], "allow": ["write"]}],
        },
    })
}

/// Root of the container writes to /tmp alone.
const SCRIPT: &str = "echo >/tmp/a && rm /tmp/a && echo written; \
    (echo >/etc/a) 2>/dev/null || echo denied; (echo >/etc/passwd) 2>/dev/null || echo denied";
const SAID: &str = "written\ndenied\ndenied\n";

fn there() -> bool {
    let text = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    // Where securityfs is not mounted, the kernel's log of the start may be gone as well.
    let there = text.is_empty() || text.contains("landlock");
    if !there {
        println!("SKIP: this kernel was started without Landlock");
    }
    there
}

#[test]
fn nsruns_annotation_holds_for_run_and_exec() {
    on_this_host(|world: &World| {
        if !there() {
            return;
        }
        let mut bundle = world.bundle();
        bundle.set("/root/readonly", false);
        bundle.set("/annotations", json!({"org.nsrun.landlock": wanted().to_string()}));
        bundle.sh(SCRIPT);
        assert_eq!(bundle.run([""; 0]).run().success().out, SAID);
        bundle.args(["/probe", "sleep", "1000"]);
        bundle.detach();
        assert_eq!(bundle.exec(["sh", "-c", SCRIPT]).run().success().out, SAID);
        bundle.delete();
        // What cannot be had is refused, unless best effort is asked for.
        bundle.sh(SCRIPT);
        let refused = bundle.run([""; 0]).by(ABSENT).run();
        refused.code(255).error(&["org.nsrun.landlock", "has no Landlock", "best_effort"]);
        let mut lenient = wanted();
        lenient["best_effort"] = true.into();
        bundle.set("/annotations", json!({"org.nsrun.landlock": lenient.to_string()}));
        let run = bundle.run([""; 0]).by(ABSENT).run();
        assert!(run.err.contains("warning") && run.err.contains("has no Landlock"), "{}", run.err);
        assert_eq!(run.out, "written\n");
        bundle.set("/annotations", json!({"org.nsrun.landlock": "{\"x\": 1}"}));
        bundle.run([""; 0]).run().code(1).error(&["annotations[\"org.nsrun.landlock\"].x"]);
        cell("Landlock", "start, nsrun");
        cell("Landlock", "exec, nsrun");
    });
}

#[test]
fn nsinits_field_holds_for_all_commands() {
    on_this_host(|world: &World| {
        if !there() {
            return;
        }
        let root = world.busybox();
        root.configure(json!({"landlock": wanted()}));
        assert_eq!(root.sh(SCRIPT).run().success().out, SAID);
        let printed = root.nsinit(["config"]).run().success().json();
        let restrict = json!(["write_file", "make_reg"]);
        assert_eq!(printed["landlock"]["filesystem"]["restrict"], restrict);
        root.detach(["/probe", "sleep", "1000"]);
        assert_eq!(root.sh(SCRIPT).run().success().out, SAID);
        root.delete();
        root.sh(SCRIPT)
            .by(ABSENT)
            .run()
            .code(125)
            .error(&["landlock: this kernel has no Landlock"]);
        cell("Landlock", "start, nsinit");
        cell("Landlock", "exec, nsinit");
    });
}
