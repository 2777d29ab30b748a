//! Landlock without privileges, its ports and scopes through both runtimes, kernels that know less
//! of it, and values that are wrong.

use e2e::{Bundle, World, cell, on_this_host, skip};
use serde_json::{Value, json};

/// No flags.
const NONE: [&str; 0] = [];

/// As if the kernel's version were 1, or 4: the runtime asks before all else, and its init does not.
const OLD: [[&str; 5]; 2] = [
    ["strace", "-o", "/dev/null", "-e", "inject=landlock_create_ruleset:retval=1"],
    ["strace", "-o", "/dev/null", "-e", "inject=landlock_create_ruleset:retval=4"],
];

/// Whether the kernel restricts files, ports and scopes.
fn there() -> bool {
    let list = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let there = list.is_empty() || list.contains("landlock");
    let new = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = new.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let new = (numbers.next(), numbers.next()) >= (Some(6), Some(12));
    if !there || !new {
        skip("it takes Linux 6.12, started with Landlock");
    }
    there && new
}

fn landlock(bundle: &mut Bundle, wanted: &Value) {
    bundle.set("/annotations", json!({"org.nsrun.landlock": wanted.to_string()}));
}

/// What those who are held by [`narrow`] find; the files are on the loopback's ports.
const TRIES: &str = "/probe listen 127.0.0.1:8080 hello & \
    for try in $(seq 500); do /probe connect 127.0.0.1:8080 | grep got && break; \
    usleep 10000; done; wait; \
    /probe listen 127.0.0.1:8081; /probe connect 127.0.0.1:9; \
    /probe connect @foreign; /probe kill 1 USR1; /probe open /etc/passwd w; /probe open /etc/passwd";
const FOUND: &str = "got hello\nerror EACCES bind 127.0.0.1:8081\n\
    error EACCES connect 127.0.0.1:9\nerror EPERM connect @foreign\n\
    error EPERM kill 1 USR1\nerror EACCES open /etc/passwd\nok\n";

fn narrow() -> Value {
    json!({
        "filesystem": {"restrict": ["write_file"], "rules": [
            {"paths": ["/dev", "/tmp"], "allow": ["write_file"]}]},
        "network": {"bind_tcp": [8080], "connect_tcp": [8080]},
        "scopes": ["abstract_unix_socket", "signal"],
    })
}

fn found(out: &str) {
    let lines: Vec<_> = out
        .lines()
        .filter(|line| !["listening", "peer"].iter().any(|word| line.starts_with(word)))
        .collect();
    assert_eq!(lines, FOUND.lines().collect::<Vec<_>>(), "{out}");
}

/// Each who is executed in the container is held by himself, whoever he is: his init is a stranger.
#[test]
fn ports_and_scopes_of_who_is_executed() {
    on_this_host(|world: &World| {
        if !there() {
            return;
        }
        let mut bundle = world.bundle();
        landlock(&mut bundle, &narrow());
        bundle.args(["/probe", "listen", "@foreign", "never"]);
        bundle.detach();
        let up = ["sh", "-c", "grep -q @foreign /proc/net/unix"];
        e2e::until("PID 1 listens", || bundle.exec(up).run().status.success());
        for user in ["0:0", "1000:1000"] {
            let exec = ["exec", "--user", user, &bundle.id, "sh", "-c", TRIES];
            found(&bundle.nsrun(exec).run().code(0).out);
        }
        let process = world.path("process.json");
        let mut own = bundle.config()["process"].clone();
        own["args"] = json!(["sh", "-c", TRIES]);
        std::fs::write(&process, own.to_string()).unwrap();
        let exec = bundle.nsrun(["exec", "--process"]).args([&process]).args([&bundle.id]);
        found(&exec.run().code(0).out);
        bundle.delete();
        let root = world.busybox();
        root.configure(json!({"landlock": narrow(), "networks": [{"type": "loopback"}]}));
        let detach = ["--detach", "/probe", "listen", "@foreign", "never"];
        root.exec(detach).run().success();
        e2e::until("PID 1 listens", || root.exec(up).run().status.success());
        for user in ["root", "alice"] {
            let exec = root.exec(["--user", user, "sh", "-c", TRIES]);
            found(&exec.run().code(0).out);
        }
        root.delete();
    });
}

/// An ordinary user asks for it as root does.
#[test]
fn without_privileges() {
    on_this_host(|world: &World| {
        if !there() {
            return;
        }
        let user = world.user();
        let denied = "error EACCES open /root/x\nok\n";
        let script = "/probe open /root/x create; /probe open /tmp/x create; rm -f /tmp/x";
        let wanted = json!({"filesystem": {"restrict": ["make_reg"], "rules": [
            {"paths": ["/tmp"], "allow": ["make_reg"]}]}});
        let own = |id: &str, host: &str| json!([{id: 0, host: user.id, "size": 1}]);
        let mut bundle = world.bundle();
        bundle.push("/linux/namespaces", json!({"type": "user"}));
        bundle.set("/linux/uidMappings", own("containerID", "hostID"));
        bundle.set("/linux/gidMappings", own("containerID", "hostID"));
        bundle.set("/linux/cgroupsPath", json!(null));
        landlock(&mut bundle, &wanted);
        user.own_all(&bundle.path);
        bundle.sh(script);
        assert_eq!(user.run(bundle.run(NONE)).run().success().out, denied);
        bundle.args(["/probe", "sleep", "1000"]);
        user.run(bundle.run(["--detach"]).leaves_behind()).run().success();
        assert_eq!(user.run(bundle.exec(["sh", "-c", script])).run().success().out, denied);
        user.run(bundle.nsrun(["delete", "--force", &bundle.id])).run().success();
        let root = world.busybox();
        user.own_all(&root.path);
        // Without a configuration of namespaces his is added.
        root.configure(json!({"landlock": wanted}));
        user.own(&root.file("container.json"));
        for _ in 0..2 {
            let run = user.run(root.sh(script)).run().success();
            assert_eq!(run.out, denied);
            user.run(root.exec(["--detach", "/probe", "sleep", "1000"])).run().success();
        }
        user.run(root.nsinit(["delete", "--force"])).run().success();
        cell("Landlock", "ordinary user");
    });
}

/// What is too old is told by its version: refused, or left out with a warning.
#[test]
fn kernels_that_know_less() {
    on_this_host(|world: &World| {
        if !there() || !e2e::trace::has_strace() {
            return;
        }
        let mut bundle = world.bundle();
        bundle.args(["/bin/echo", "ran"]);
        let files = |access: &str| json!({"filesystem": {"restrict": [access], "rules": []}});
        let ports = json!({"network": {"bind_tcp": []}});
        let scopes = json!({"scopes": ["signal"]});
        for (wanted, [one, four]) in [
            (files("write_file"), ["", ""]),
            (
                files("refer"),
                ["version 1 of Landlock, which this kernel has, is too old for refer", ""],
            ),
            (files("truncate"), ["version 1", ""]),
            (files("ioctl_dev"), ["version 1", "version 4 of Landlock"]),
            (ports, ["network (since Linux 6.7)", ""]),
            (scopes, ["scopes (since Linux 6.12)", "version 4 of Landlock"]),
        ] {
            for (words, old) in [one, four].into_iter().zip(OLD) {
                landlock(&mut bundle, &wanted);
                let run = bundle.run(NONE).by(old).run();
                if words.is_empty() {
                    assert_eq!(run.success().out, "ran\n", "{wanted}");
                    continue;
                }
                assert!(!run.status.success() && run.out.is_empty(), "{wanted}: {}", run.out);
                run.error(&["org.nsrun.landlock", words, "too old", "best_effort"]);
                let mut lenient = wanted.clone();
                lenient["best_effort"] = true.into();
                landlock(&mut bundle, &lenient);
                let run = bundle.run(NONE).by(old).run().code(0);
                assert_eq!(run.out, "ran\n");
                run.error(&["warning", words, "left out"]);
            }
        }
    });
}

/// What is misspelled would be allowed: it is refused, with its place, and nothing is left.
#[test]
fn what_is_wrong_is_refused_by_its_place() {
    on_this_host(|world: &World| {
        if !there() {
            return;
        }
        let mut bundle = world.bundle();
        bundle.args(["/bin/echo", "ran"]);
        let root = world.busybox();
        let rule = |rule: Value| json!({"filesystem": {"restrict": ["write"], "rules": [rule]}});
        let absent = rule(json!({"paths": ["/absent"], "allow": ["write"]}));
        let before = world.snapshot();
        for (wanted, place) in [
            (json!({"file_system": {}}), ".file_system"),
            (json!({"filesystem": {"restrcit": []}}), ".filesystem.restrcit"),
            (json!({"filesystem": {"restrict": ["wriet"]}}), ".filesystem.restrict[0]"),
            (rule(json!({"paths": ["/tmp"], "allow": ["wriet"]})), ".filesystem.rules[0].allow[0]"),
            (rule(json!({"paths": ["/tmp"], "deny": []})), ".filesystem.rules[0].deny"),
            (rule(json!({"paths": ["/tmp"]})), ".filesystem.rules[0].allow"),
            (rule(json!({"paths": ["tmp"], "allow": ["write"]})), ".filesystem.rules[0].paths[0]"),
            (rule(json!({"paths": [], "allow": ["write"]})), ".filesystem.rules[0].paths"),
            (absent.clone(), ".filesystem.rules[0].paths[0]"),
            (rule(json!({"paths": ["/tmp"], "allow": ["execute"]})), ".filesystem.rules[0].allow"),
            (json!({"network": {"bind_udp": []}}), ".network.bind_udp"),
            (json!({"network": {"bind_tcp": [65536]}}), ".network.bind_tcp[0]"),
            (json!({"network": {"connect_tcp": ["http"]}}), ".network.connect_tcp[0]"),
            (json!({"scopes": ["signals"]}), ".scopes[0]"),
            (json!({"best_effort": "yes"}), ".best_effort"),
            (json!({}), "restricts nothing"),
            (json!([]), ""),
        ] {
            landlock(&mut bundle, &wanted);
            let run = bundle.run(NONE).run();
            assert!(!run.status.success() && run.out.is_empty(), "{wanted}: {}", run.out);
            let where_from = "annotations[\"org.nsrun.landlock\"]";
            let whole =
                if place.starts_with('.') { format!("{where_from}{place}") } else { place.into() };
            run.error(&[where_from, &whole]);
            root.configure(json!({"landlock": wanted}));
            let run = root.exec(["/bin/echo", "ran"]).run().code(125);
            assert!(run.out.is_empty(), "{wanted}");
            let whole =
                if place.starts_with('.') { format!("landlock{place}") } else { place.into() };
            run.error(&["landlock", &whole]);
        }
        bundle.set("/annotations", json!({"org.nsrun.landlock": "{not json"}));
        let run = bundle.run(NONE).run();
        assert!(!run.status.success());
        run.error(&["org.nsrun.landlock", "line 1"]);
        // A path that is missing is left out where that is asked for.
        let mut lenient = absent;
        lenient["best_effort"] = true.into();
        landlock(&mut bundle, &lenient);
        let run = bundle.run(NONE).run().code(0);
        assert_eq!(run.out, "ran\n");
        run.error(&["warning", "rules[0].paths[0]", "/absent is not there"]);
        landlock(&mut bundle, &json!({}));
        std::fs::remove_file(root.file("container.json")).unwrap();
        let left = before.wait_restored(std::time::Duration::from_secs(2));
        assert!(left.lines().all(|line| line.contains("config.json")), "{left}");
        cell("Landlock", "unknown, refused");
    });
}
