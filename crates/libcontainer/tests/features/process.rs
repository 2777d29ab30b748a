//! How a process is started, what it finds, and how it ends.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;

use libcontainer::config::{Capabilities, ProcessSpec, Rlimit};
use libcontainer::{Config, ErrorKind, Process, Stdio};

use crate::common::{Test, test};
use crate::kit::{self, Facts, Running, facts_of, field, once_with, refusal_of, rest};
use crate::privileges::{set, user};

pub fn tests() -> Vec<Test> {
    vec![
        test("process::working_directory", working_directory),
        test("process::environment_and_arguments", environment),
        test("process::streams", streams),
        test("process::further_descriptors", further_descriptors),
        test("process::ends", ends),
        test("process::programs_that_cannot_be_executed", not_executed),
        test("process::signals_are_at_default", signals),
        test("process::exec_has_its_own_settings", exec_settings).in_both_views(),
        test("process::exec_failures", exec_failures),
    ]
}

fn working_directory() {
    let Some(place) = kit::place() else { return };
    let at = |cwd: &str| ProcessSpec { cwd: Some(cwd.into()), ..ProcessSpec::default() };
    assert_eq!(facts_of(&place, place.small(), ProcessSpec::default()).get("cwd"), "/");
    assert_eq!(facts_of(&place, place.small(), at("/home")).get("cwd"), "/home");
    std::os::unix::fs::symlink("/home", place.rootfs().join("people")).unwrap();
    assert_eq!(facts_of(&place, place.small(), at("/people/../usr/bin")).get("cwd"), "/usr/bin");

    let process = |spec: ProcessSpec| {
        let args = vec!["/bin/true".to_owned()];
        Process { spec: ProcessSpec { args, ..spec }, ..Process::default() }
    };
    for (cwd, words) in [
        ("/nowhere", "No such file or directory"),
        ("/etc/passwd", "Not a directory"),
        ("relative", "not an absolute path"),
        ("", "not an absolute path"),
    ] {
        let error = refusal_of(&place, place.small(), process(at(cwd)));
        assert_eq!(field(&error), "process.cwd", "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    // Root's alone.
    let spec = ProcessSpec { cwd: Some("/root".into()), ..user("alice") };
    let error = refusal_of(&place, place.small(), process(spec));
    assert_eq!(field(&error), "process.cwd", "{error}");
    assert!(error.to_string().contains("Permission denied"), "{error}");
    // A descriptor of the host (CVE-2024-21626).
    for number in 3..20 {
        let spec = at(&format!("/proc/self/fd/{number}"));
        refusal_of(&place, place.small(), process(spec));
    }
}

fn environment() {
    let Some(place) = kit::place() else { return };
    let spec = ProcessSpec {
        env: Some(["A=1", "B=x=y", "A=2", "EMPTY=", "SPACES= a b "].map(str::to_owned).to_vec()),
        ..ProcessSpec::default()
    };
    let facts = facts_of(&place, place.small(), spec);
    let mut all = facts.all("env");
    all.sort_unstable();
    assert_eq!(all, ["A=2", "B=x=y", "EMPTY=", "HOME=/root", "SPACES= a b "]);

    let (said, code) =
        kit::once(&place, "args", place.small(), &["/bin/probe", "args", "", "a b", "é"]);
    assert_eq!((said.as_str(), code), ("arg \narg a b\narg é\n", 0));

    let env = |entry: &str| ProcessSpec { env: Some(vec![entry.to_owned()]), ..Default::default() };
    for (name, spec) in [
        ("process.env[0]", env("NOVALUE")),
        ("process.env[0]", env("=x")),
        ("process.env[0]", env("A=\0")),
        ("process.args", ProcessSpec::default()),
    ] {
        let mut spec = spec;
        if name != "process.args" {
            spec.args = vec!["/bin/true".into()];
        }
        let error = refusal_of(&place, place.small(), Process { spec, ..Process::default() });
        assert_eq!(field(&error), name, "{error}");
    }
    let error = refusal_of(&place, place.small(), Process::new(["/bin/true", "a\0b"]));
    assert_eq!(field(&error), "process.args[1]", "{error}");
}

fn streams() {
    let Some(place) = kit::place() else { return };
    // Pipes, both ways and told apart.
    let mut process = Process::new(["sh", "-c", "cat; echo problem >&2"]);
    (process.stdin, process.stdout, process.stderr) = (Stdio::Pipe, Stdio::Pipe, Stdio::Pipe);
    let mut running = Running::with(&place, "pipes", place.small(), process);
    running.init.stdin.take().unwrap().write_all(b"through").unwrap();
    let mut problem = String::new();
    assert_eq!(rest(&mut running.init), ("through".to_owned(), 0));
    running.init.stderr.take().unwrap().read_to_string(&mut problem).unwrap();
    assert_eq!(problem, "problem\n");
    drop(running);

    // A descriptor: a file that is written where it stands.
    let path = place.dir().join("out");
    let mut file =
        File::options().create(true).truncate(true).read(true).write(true).open(&path).unwrap();
    file.write_all(b"before ").unwrap();
    let mut process = Process::new(["echo", "after"]);
    process.stdin = Stdio::Null;
    process.stdout = Stdio::Fd(OwnedFd::from(file.try_clone().unwrap()));
    let mut running = Running::with(&place, "file", place.small(), process);
    assert!(running.init.wait().unwrap().success());
    assert!(running.init.stdout.is_none());
    file.rewind().unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "before after\n");
    drop(running);

    // A user may open his own streams again.
    let mut process = Process::new(["sh", "-c", "echo again > /proc/self/fd/1; cat /dev/stdin"]);
    process.spec.user = Some("alice".parse().unwrap());
    let config = Config { ..place.config("again") };
    assert_eq!(once_with(&place, "again", config, process), ("again\n".to_owned(), 0));

    // Null.
    let facts = facts_of(&place, place.small(), ProcessSpec::default());
    assert!(facts.all("fd").contains(&"0 /dev/null"), "{:?}", facts.all("fd"));
}

fn further_descriptors() {
    let Some(place) = kit::place() else { return };
    let paths = ["one", "two"].map(|name| place.dir().join(name));
    let files: Vec<OwnedFd> = paths
        .iter()
        .map(|path| {
            std::fs::write(path, path.file_name().unwrap().as_encoded_bytes()).unwrap();
            File::open(path).unwrap().into()
        })
        .collect();
    let again = |files: &[OwnedFd]| files.iter().map(|file| file.try_clone().unwrap()).collect();
    let mut process = Process::new(["/bin/probe", "status"]);
    process.extra_fds = again(&files);
    let (said, _) = once_with(&place, "fds", place.small(), process);
    let facts = Facts::new(&said);
    let numbers: Vec<&str> =
        facts.all("fd").iter().map(|fd| fd.split(' ').next().unwrap()).collect();
    assert_eq!(numbers, ["0", "1", "2", "3", "4"], "{facts:?}");
    let running = Running::new(&place, "fds", place.small());
    for (number, text) in [("3", "one"), ("4", "two")] {
        let mut process =
            Process::new(["sh".to_owned(), "-c".to_owned(), format!("cat <&{number}")]);
        process.extra_fds = paths.iter().map(|path| File::open(path).unwrap().into()).collect();
        process.stdout = Stdio::Pipe;
        let mut child = running.container.exec(process).unwrap();
        assert_eq!(rest(&mut child), (text.to_owned(), 0));
    }
    // None but the asked ones, in exec too.
    let facts = running.facts();
    assert_eq!(facts.all("fd").len(), 3, "{facts:?}");
}

fn ends() {
    let Some(place) = kit::place() else { return };
    let end = |args: &[&str]| {
        let mut running = Running::with(
            &place,
            "end",
            place.small(),
            Process::new(args.iter().copied()).silent(),
        );
        running.init.wait().unwrap()
    };
    assert_eq!(end(&["/bin/probe", "exit", "0"]).code(), Some(0));
    assert_eq!(end(&["/bin/probe", "exit", "255"]).code(), Some(255));
    let mut running = Running::new(&place, "end", place.small());
    assert!(running.init.try_wait().unwrap().is_none());
    let mut child =
        running.container.exec(Process::new(["/bin/probe", "sleep", "100"]).silent()).unwrap();
    child.signal(15).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    let mut child =
        running.container.exec(Process::new(["/bin/probe", "kill-self", "USR1"]).silent()).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(10));
    assert_eq!(*child.signal(9).unwrap_err().kind(), ErrorKind::NotRunning);
    // The end of the first ends all.
    let mut other =
        running.container.exec(Process::new(["/bin/probe", "sleep", "100"]).silent()).unwrap();
    running.init.signal(9).unwrap();
    assert_eq!(other.wait().unwrap().signal(), Some(9));
    assert_eq!(running.init.wait().unwrap().signal(), Some(9));
    assert_eq!(
        *running.container.signal(9, libcontainer::Target::Init).unwrap_err().kind(),
        ErrorKind::NotRunning
    );
}

fn not_executed() {
    let Some(place) = kit::place() else { return };
    let write = |name: &str, text: &[u8], mode: u32| {
        let path = place.rootfs().join("bin").join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    write("plain", b"#!/bin/sh\n", 0o644);
    write("orphan", b"#!/bin/nowhere\n", 0o755);
    write("garbage", b"\x01\x02\x03", 0o755);
    write("empty", b"", 0o755);
    let mut arm = std::fs::read(place.rootfs().join("bin/probe")).unwrap();
    arm.truncate(4096);
    arm[18] = 183;
    write("arm", &arm, 0o755);
    let cases = [
        ("no-such-program", "executable file not found in $PATH", 2),
        ("/bin/no-such-program", "no such file or directory", 2),
        ("/bin/plain", "permission denied", 13),
        ("plain", "permission denied", 13),
        ("/bin/orphan", "\"/bin/nowhere\" does not", 2),
        ("/bin/garbage", "neither a program nor a script", 8),
        ("/bin/arm", "aarch64", 8),
        ("/etc", "is a directory", 21),
        ("/etc/passwd/x", "not a directory", 20),
        ("./probe", "no such file or directory", 2),
    ];
    for (program, words, errno) in cases {
        let error = refusal_of(&place, place.small(), Process::new([program]).silent());
        assert_eq!(*error.kind(), ErrorKind::ProcessNotExecuted, "{program:?}: {error}");
        assert!(error.to_string().contains(words), "{program:?}: {error}");
        assert_eq!(error.errno(), Some(errno), "{program:?}: {error}");
    }
    // A user who may not.
    write("roots", b"#!/bin/sh\n", 0o700);
    let mut process = Process::new(["/bin/roots"]).silent();
    process.spec.user = Some("alice".parse().unwrap());
    let error = refusal_of(&place, place.small(), process);
    assert_eq!(
        (error.kind(), error.errno()),
        (&ErrorKind::ProcessNotExecuted, Some(13)),
        "{error}"
    );
}

fn signals() {
    let Some(place) = kit::place() else { return };
    let args = ["grep", "Sig", "/proc/self/status"];
    let (first, _) = kit::once(&place, "signals", place.small(), &args);
    let running = Running::new(&place, "signals", place.small());
    for text in [first, running.say(&args)] {
        for set in ["SigBlk", "SigIgn", "SigCgt"] {
            let line = text.lines().find(|line| line.starts_with(set)).unwrap();
            assert!(line.ends_with("0000000000000000"), "{text}");
        }
    }
}

fn exec_settings() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "exec", place.config("exec"));
    let exec = |spec: ProcessSpec| {
        let args = ["/bin/probe", "status"].map(str::to_owned).to_vec();
        let spec = ProcessSpec { args, ..spec };
        let process =
            Process { spec, stdin: Stdio::Null, stdout: Stdio::Pipe, ..Process::default() };
        let mut child = running.container.exec(process).unwrap();
        let (text, code) = rest(&mut child);
        assert_eq!(code, 0, "{text}");
        Facts::new(&text)
    };
    let facts = exec(ProcessSpec {
        user: Some("alice".parse().unwrap()),
        cwd: Some("/tmp".into()),
        env: Some(vec!["ONLY=this".into()]),
        umask: Some(0o077),
        no_new_privileges: Some(true),
        capabilities: Some(Capabilities::of(["KILL"])),
        rlimits: Some(vec![Rlimit { resource: 7, soft: 64, hard: 64 }]),
        oom_score_adj: Some(500),
        ..ProcessSpec::default()
    });
    assert_eq!(facts.get("uid"), "1000 1000 1000 1000");
    assert_eq!(facts.get("cwd"), "/tmp");
    assert_eq!(facts.all("env"), ["ONLY=this", "HOME=/home/alice"]);
    assert_eq!(facts.get("umask"), "0077");
    assert_eq!(facts.get("no-new-privs"), "1");
    assert_eq!(set(&facts, "bnd"), ["KILL"]);
    assert_eq!(set(&facts, "eff"), Vec::<String>::new());
    assert!(facts.all("rlimit").contains(&"NOFILE 64 64"));
    assert_eq!(facts.get("oom-score-adj"), "500");
    // What is left open is the container's.
    let facts = exec(ProcessSpec::default());
    assert_eq!(facts.get("uid"), "0 0 0 0");
    assert_eq!(facts.get("seccomp"), "2");
    assert_eq!(set(&facts, "bnd").len(), 14);
    assert!(facts.all("env").iter().any(|env| env.starts_with("HOSTNAME=")));
}

fn exec_failures() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "exec", place.config("exec"));
    let fails = |spec: ProcessSpec| {
        running.container.exec(Process { spec, ..Process::default() }).unwrap_err()
    };
    let args = |name: &str| vec![name.to_owned()];
    let error = fails(ProcessSpec { args: args("nothing-there"), ..Default::default() });
    assert_eq!((error.kind(), error.errno()), (&ErrorKind::ProcessNotExecuted, Some(2)), "{error}");
    let error = fails(ProcessSpec { args: args("/etc/passwd"), ..Default::default() });
    assert_eq!(
        (error.kind(), error.errno()),
        (&ErrorKind::ProcessNotExecuted, Some(13)),
        "{error}"
    );
    let error = fails(ProcessSpec { args: args("true"), ..user("carol") });
    assert!(error.to_string().contains("carol"), "{error}");
    let cwd = Some("/nowhere".into());
    let error = fails(ProcessSpec { args: args("true"), cwd, ..Default::default() });
    assert_eq!(field(&error), "process.cwd");
    // It runs on, unharmed.
    assert_eq!(running.exec(&["true"]).1, 0);
    assert_eq!(running.container.processes().unwrap().len(), 1);
}
