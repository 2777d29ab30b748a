//! What engines read beside results: messages, exit codes, the log, lists, the version.

use std::path::Path;

use e2e::{Cmd, World, each_view, on_this_host};
use serde_json::Value;

/// No flags.
const NONE: [&str; 0] = [];

fn nsrun<const N: usize>(args: [&str; N]) -> Cmd {
    Cmd::new(e2e::nsrun(), args)
}

#[test]
fn the_version_as_engines_read_it() {
    for flag in ["--version", "-v"] {
        let out = nsrun([flag]).run().success().out;
        let lines: Vec<_> = out.lines().collect();
        assert!(lines[0].strip_prefix("nsrun version ").unwrap().starts_with("0."), "{out}");
        assert!(
            lines[1].strip_prefix("commit: ").is_some_and(|commit| !commit.is_empty()),
            "{out}"
        );
        assert_eq!(lines[2..], ["spec: 1.3.0"]);
    }
}

#[test]
fn every_verb_has_help() {
    let help = nsrun(["--help"]).run().success().out;
    let verbs = help.split("Commands:\n").nth(1).unwrap().lines();
    let verbs: Vec<_> = verbs.map_while(|line| line.split_whitespace().next()).collect();
    for verb in [
        "create",
        "start",
        "run",
        "exec",
        "state",
        "list",
        "kill",
        "delete",
        "pause",
        "resume",
        "ps",
        "events",
        "update",
        "checkpoint",
        "restore",
        "spec",
        "features",
    ] {
        assert!(verbs.contains(&verb), "{verb}: {verbs:?}");
    }
    for verb in verbs.into_iter().filter(|verb| *verb != "help") {
        let own = nsrun([verb, "--help"]).run().success().out;
        assert!(own.contains("Usage: nsrun"), "{own}");
    }
    nsrun([]).run().code(1);
}

#[test]
fn mistakes_are_one_line_and_end_with_one() {
    for (args, part) in [
        (&["nonsense"] as &[&str], "nonsense"),
        (&["--nonsense", "list"], "--nonsense"),
        (&["run"], "required arguments"),
        (&["state", "a", "b"], "'b'"),
        (&["--log-format", "xml", "list"], "xml"),
        (&["--rootless", "maybe", "list"], "maybe"),
        (&["list", "--format", "xml"], "xml"),
        (&["run", "--detach=perhaps", "x"], "perhaps"),
        (&["run", "--preserve-fds", "many", "x"], "many"),
    ] {
        Cmd::new(e2e::nsrun(), args).run().code(1).error(&["nsrun: ", part, "--help"]);
    }
    on_this_host(|world: &World| {
        let log = world.path("log");
        let flags =
            ["--log", log.to_str().unwrap(), "--log-format", "json", "run", "--nonsense", "x"];
        nsrun(flags).run().code(1);
        assert_eq!(lines(&log)[0]["level"], "error");
    });
}

/// The lines of a log.
fn lines(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_log_has_what_standard_error_has() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let log = world.path("log");
        let flags = ["--log", log.to_str().unwrap(), "--log-format=json"];
        let told = |cmd: Cmd| cmd.run().err.trim_end().strip_prefix("nsrun: ").unwrap().to_owned();
        // It is appended to.
        let mut messages = vec![told(bundle.nsrun(flags).args(["state", "no-such"]))];
        bundle.args(["no-such-program"]);
        messages.push(told(bundle.nsrun(flags).args(["run", &bundle.id])));
        assert!(messages[1].contains("executable file not found in $PATH"));
        let lines = lines(&log);
        let logged: Vec<_> = lines.iter().map(|line| line["msg"].as_str().unwrap()).collect();
        assert_eq!(logged, messages);
        for line in &lines {
            assert_eq!(line["level"], "error");
            let time = line["time"].as_str().unwrap();
            assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
        }
        // A warning is for the log alone, so that nobody takes it for an error.
        bundle.args(["true"]).set("/process/capabilities/bounding/0", "CAP_FLY");
        std::fs::remove_file(&log).unwrap();
        bundle.nsrun(flags).args(["run", &bundle.id]).run().success();
        let warning = &self::lines(&log)[0];
        assert_eq!(warning["level"], "warning");
        assert!(warning["msg"].as_str().unwrap().contains("CAP_FLY"), "{warning}");
        bundle.run(NONE).run().code(0).error(&["warning: ", "CAP_FLY"]);
    });
}

#[test]
fn the_log_as_text() {
    on_this_host(|world: &World| {
        let log = world.path("log");
        let flags = ["--log", log.to_str().unwrap(), "state"];
        nsrun(flags).args(["no-such"]).run().code(1);
        let text = std::fs::read_to_string(&log).unwrap();
        let start = "\" level=error msg=\"container does not exist: \\\"no-such\\\"\"\n";
        assert!(text.starts_with("time=\"20") && text.ends_with(start), "{text}");
        nsrun(["--log", "/no/such/log", "list"]).run().code(1).error(&["log", "/no/such/log"]);
        // Steps are told to those who ask.
        let flags = ["--debug", "--log", log.to_str().unwrap(), "state", "no-such"];
        nsrun(flags).run().code(1).error(&["container does not exist"]);
        assert!(std::fs::read_to_string(&log).unwrap().contains("level=debug"));
        let run = nsrun(["--debug", "list"]).run().code(0);
        assert!(
            run.err.starts_with("time=\"20") && run.err.contains(" level=debug msg="),
            "{run:?}"
        );
    });
}

#[test]
fn lists() {
    each_view(|world: &World| {
        let first = world.bundle();
        let second = world.bundle();
        let list = |args: &[&str]| nsrun(["list"]).args(args).run().success().out;
        assert_eq!(list(&["--format", "json"]), "[]\n");
        assert_eq!(list(&["-q"]), "");
        assert_eq!(list(&[]).lines().count(), 1);
        let before = world.snapshot();
        first.create(NONE).run().success();
        let pid = second.detach();
        assert_eq!(list(&["--quiet"]), format!("{}\n{}\n", first.id, second.id));
        let table = list(&[]);
        let rows: Vec<Vec<_>> =
            table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[0], ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]);
        let bundle = second.path.to_str().unwrap();
        assert_eq!(rows[2][..4], [&second.id, &*pid.to_string(), "running", bundle]);
        assert_eq!(rows[2][5], "root");
        let json: Value = serde_json::from_str(&list(&["-f", "json"])).unwrap();
        assert_eq!(json.as_array().unwrap().len(), 2);
        assert_eq!(json[0], first.state());
        assert_eq!(json[1], second.state());
        // A record that cannot be read is told about, and the others are there.
        let broken = Path::new("/run/nsrun/broken");
        std::fs::create_dir(broken).unwrap();
        std::fs::write(broken.join("record.json"), "nonsense\n").unwrap();
        let run = nsrun(["list", "-q"]).run().code(0).error(&["broken"]);
        assert_eq!(run.out, format!("{}\n{}\n", first.id, second.id));
        nsrun(["delete", "--force", "broken"]).run().code(0);
        first.delete();
        second.delete();
        before.assert_restored();
    });
}

#[test]
fn where_records_are() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        let run = |cmd: Cmd| cmd.leaves_behind().run().success();
        let elsewhere = world.path("elsewhere");
        let root = ["--root", elsewhere.to_str().unwrap()];
        run(bundle.nsrun(root).args(["create", &bundle.id]));
        assert!(elsewhere.join(&bundle.id).is_dir());
        bundle.verb("state").run().code(1);
        // A relative one is seen from where we are called.
        let name = elsewhere.file_name().unwrap().to_str().unwrap();
        let state = nsrun(["--root", name, "state", &bundle.id]).dir(world.scratch());
        state.run().success();
        run(bundle.nsrun(root).args(["delete", "--force", &bundle.id]));
        let runtime = world.path("runtime");
        std::fs::create_dir(&runtime).unwrap();
        let with = |cmd: Cmd| cmd.env("XDG_RUNTIME_DIR", runtime.to_str().unwrap());
        run(with(bundle.create(NONE)));
        assert!(Path::new("/run/nsrun").join(&bundle.id).is_dir(), "root's own");
        bundle.delete();
        run(with(bundle.nsrun(["--rootless=true", "create", &bundle.id])));
        assert!(runtime.join("nsrun").join(&bundle.id).is_dir());
        run(with(bundle.nsrun(["--rootless=true", "delete", "-f", &bundle.id])));
    });
}

#[test]
fn systemd_that_is_not_there_is_refused_by_name() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        // /run is this world's own: no systemd is in it.
        for flag in ["--systemd-cgroup", "--cgroup-manager=systemd", "--cgroup-manager=delegated"] {
            for verb in ["create", "run"] {
                let run = bundle.nsrun([flag, verb, &bundle.id]).run().code(1);
                run.error(&["systemd is not the init of this host"]);
            }
        }
        bundle
            .nsrun(["--systemd-cgroup", "--cgroup-manager=cgroupfs", "list"])
            .run()
            .code(1)
            .error(&["contradict"]);
        // Verbs that make no group do not mind.
        bundle.nsrun(["--systemd-cgroup", "list"]).run().success();
        bundle
            .nsrun(["--systemd-cgroup=false", "run", "-d", &bundle.id])
            .leaves_behind()
            .run()
            .success();
        bundle.delete();
    });
}

#[test]
fn man_pages_and_completions() {
    on_this_host(|world: &World| {
        let directory = world.path("man");
        nsrun(["man", directory.to_str().unwrap()]).run().success();
        for page in ["nsrun.1", "nsrun-create.1", "nsrun-exec.1", "nsrun-update.1"] {
            assert!(directory.join(page).is_file(), "{page}");
        }
        for (shell, part) in
            [("bash", "_nsrun"), ("zsh", "#compdef nsrun"), ("fish", "complete -c nsrun")]
        {
            let script = nsrun(["completions", shell]).run().success().out;
            assert!(script.contains(part) && script.contains("console-socket"), "{shell}");
        }
    });
}
