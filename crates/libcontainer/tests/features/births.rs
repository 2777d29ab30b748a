//! What a process in a container can see of those that are born beside it, when it may trace
//! whatever it sees: CAP_SYS_PTRACE in the host's own user namespace (attacks.md, row 2).

use std::collections::BTreeSet;
use std::io::Read;

use libcontainer::config::{Capabilities, Namespace, NamespaceKind};
use libcontainer::{Config, Process, Stdio};

use crate::common::{Place, Test, test};
use crate::kit::{self, Running};

pub fn tests() -> Vec<Test> {
    vec![
        test("births::who_joins_has_no_more_than_its_program", join).in_both_views(),
        test("births::with_a_cgroup_namespace", join_with_cgroup).in_both_views(),
        test("births::with_a_filter", join_with_filter),
        test("births::of_another_container", another),
        test("births::whose_file_is_sealed", sealed),
    ]
}

const SETGID: u64 = 1 << 6;
const SETUID: u64 = 1 << 7;
const KILL: u64 = 1 << 5;
const SYS_PTRACE: u64 = 1 << 19;
const SYS_ADMIN: u64 = 1 << 21;

/// Whose processes may trace, and have little else.
fn tracing(place: &Place, name: &str) -> Config {
    let mut config = Config { seccomp: Vec::new(), ..place.config(name) };
    config.process.capabilities = Some(Capabilities::of(["SYS_PTRACE", "KILL"]));
    config
}

/// What a process in the container finds while `meanwhile` is done again and again.
fn findings(running: &Running, meanwhile: impl Fn()) -> BTreeSet<String> {
    let mut process = Process::new(["/bin/probe", "watch-births", "2", "libcontainer:"]);
    (process.stdin, process.stdout) = (Stdio::Null, Stdio::Pipe);
    let mut watcher = running.container.exec(process).unwrap();
    while watcher.try_wait().unwrap().is_none() {
        meanwhile();
    }
    let mut text = String::new();
    watcher.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("birth ")).map(str::to_owned).collect()
}

/// All capabilities that were met in a set.
fn union(findings: &BTreeSet<String>, set: &str) -> u64 {
    let sets = findings.iter().filter_map(|finding| finding.strip_prefix(set)?.strip_prefix(' '));
    sets.fold(0, |all, hex| all | u64::from_str_radix(hex, 16).unwrap())
}

/// Nobody was met with more than this, but somebody was met.
fn assert_modest(findings: &BTreeSet<String>, permitted: u64) {
    assert!(!findings.is_empty(), "nobody was met");
    let met = (union(findings, "cap-prm"), union(findings, "cap-bnd"));
    assert_eq!(met.0 & !permitted, 0, "{:#x} are permitted, {findings:#?}", met.0);
    assert_eq!(met.1, SYS_PTRACE | KILL, "{:#x} are bounding, {findings:#?}", met.1);
    assert!(!findings.contains("root foreign") && !findings.contains("cwd foreign"));
}

fn joined(place: &Place, name: &str, config: Config) -> BTreeSet<String> {
    let running = Running::new(place, name, config);
    findings(&running, || {
        let process = Process::new(["/bin/probe", "exit", "0"]).silent();
        assert!(running.container.exec(process).unwrap().wait().unwrap().success());
        let mut process = Process::new(["/bin/probe", "exit", "0"]).silent();
        process.spec.user = Some("alice".parse().unwrap());
        assert!(running.container.exec(process).unwrap().wait().unwrap().success());
    })
}

fn join() {
    let Some(place) = kit::place() else { return };
    let findings = joined(&place, "join", tracing(&place, "join"));
    assert_modest(&findings, SYS_PTRACE | KILL | SETUID | SETGID);
}

/// It is entered before the birth, so that nothing is needed for it afterwards.
fn join_with_cgroup() {
    let Some(place) = kit::place() else { return };
    let mut config = tracing(&place, "cgroup");
    config.namespaces.push(Namespace { kind: NamespaceKind::Cgroup, path: None });
    let findings = joined(&place, "cgroup", config);
    assert_modest(&findings, SYS_PTRACE | KILL | SETUID | SETGID);
}

/// Only CAP_SYS_ADMIN loads a filter, unless no_new_privs does.
fn join_with_filter() {
    let Some(place) = kit::place() else { return };
    let mut config = tracing(&place, "filter");
    config.seccomp = place.config("filter").seccomp;
    config.process.no_new_privileges = Some(true);
    let findings = joined(&place, "filter", config.clone());
    assert_modest(&findings, SYS_PTRACE | KILL | SETUID | SETGID);
    config.process.no_new_privileges = None;
    let findings = joined(&place, "filter", config);
    assert_modest(&findings, SYS_PTRACE | KILL | SETUID | SETGID | SYS_ADMIN);
}

/// Another container's init is born in this one's PID namespace, with all of the host around it:
/// nothing of that is to be seen by who may not trace. (Who may, sees it: docs/design.md.)
fn another() {
    let Some(place) = kit::place() else { return };
    let mut config = tracing(&place, "host");
    config.process.capabilities = Some(Capabilities::of(["KILL", "DAC_OVERRIDE"]));
    let running = Running::new(&place, "host", config);
    let findings = findings(&running, || {
        let mut config = place.config("guest");
        let pid = config.namespaces.iter_mut().find(|one| one.kind == NamespaceKind::Pid);
        pid.unwrap().path = Some(running.namespace_path(NamespaceKind::Pid));
        let process = Process::new(["/bin/probe", "exit", "0"]).silent();
        let mut guest = Running::with(&place, "guest", config, process);
        assert!(guest.init.wait().unwrap().success());
    });
    assert!(union(&findings, "cap-prm") & SYS_ADMIN != 0, "nobody was met: {findings:#?}");
    let told = ["root ", "cwd ", "fd "];
    let seen = |finding: &&String| told.iter().any(|what| finding.starts_with(what));
    assert_eq!(findings.iter().find(seen), None, "{findings:#?}");
}

/// 64 commands of one caller, whose file somebody in the container goes for (attacks.md, row 1).
fn sealed() {
    let Some(place) = kit::place() else { return };
    let mut config = tracing(&place, "sealed");
    config.process.capabilities =
        Some(Capabilities::of(["SYS_PTRACE", "SYS_ADMIN", "DAC_OVERRIDE", "KILL"]));
    let running = Running::new(&place, "sealed", config);
    let own = std::env::current_exe().unwrap();
    let before = std::fs::read(&own).unwrap();
    let script = "echo ready; until [ -e /stop ]; do for exe in /proc/[0-9]*/exe; do \
        case \"$(readlink $exe)\" in /bin/*|'') continue;; *) echo met;; esac; \
        (echo pwned >$exe) && echo WROTE; (echo pwned >>$exe) && echo WROTE; \
        mount -o remount,rw,bind $exe && echo WROTE; (echo pwned <>$exe >&0) && echo WROTE; \
        done; done 2>/dev/null";
    let mut process = Process::new(["/bin/sh", "-c", script]);
    (process.stdin, process.stdout, process.stderr) = (Stdio::Null, Stdio::Pipe, Stdio::Null);
    let mut attacker = running.container.exec(process).unwrap();
    for _ in 0..64 {
        // It may be kept from running by who holds the image's own program open for writing.
        let process = Process::new(["/bin/true"]).silent();
        if let Ok(mut child) = running.container.exec(process) {
            child.wait().unwrap();
        }
    }
    std::fs::write(place.rootfs().join("stop"), "").unwrap();
    let (said, _) = kit::rest(&mut attacker);
    assert!(said.contains("met") && !said.contains("WROTE"), "{said}");
    assert!(std::fs::read(&own).unwrap() == before, "it has been written to");
}
