//! Everything a process knows of itself, as lines of `key value`.
//!
//! One thing it cannot know: Rust's start-up ignores SIGPIPE and catches SEGV and BUS before
//! main, so what a container left ignored is read with busybox's `grep Sig /proc/self/status`.

use std::fs;
use std::process::ExitCode;

use rustix::process::{Resource, getpgrp, getppid, getrlimit, getsid, parent_process_death_signal};
use rustix::termios::{isatty, tcgetpgrp, tcgetwinsize, ttyname};
use rustix::time::{ClockId, clock_gettime};
use sys::Context;

use crate::{Outcome, line, names};

/// Prints them all. What cannot be read (no /proc, say) is left out.
pub fn print() -> Outcome {
    process();
    from_proc_status()?;
    limits();
    surroundings();
    namespaces();
    descriptors();
    terminal();
    for (name, value) in std::env::vars_os() {
        line(&format!("env {}={}", name.to_string_lossy(), value.to_string_lossy()));
    }
    Ok(ExitCode::SUCCESS)
}

fn fact(key: &str, value: impl std::fmt::Display) {
    line(format!("{key} {value}").trim_end());
}

/// A fact that a file holds, without its last newline.
fn fact_of_file(key: &str, path: &str) {
    if let Ok(text) = fs::read_to_string(path) {
        fact(key, text.trim_end_matches(['\n', '\0']));
    }
}

fn process() {
    fact("pid", std::process::id());
    fact("ppid", getppid().map_or(0, |pid| pid.as_raw_nonzero().get()));
    fact("pgid", getpgrp().as_raw_nonzero());
    fact("sid", getsid(None).map_or(0, |pid| pid.as_raw_nonzero().get()));
    for arg in std::env::args_os() {
        fact("arg", arg.to_string_lossy());
    }
    let signal = parent_process_death_signal().ok().flatten();
    fact("pdeathsig", signal.map_or("none".to_owned(), |signal| names::signal(signal.as_raw())));
}

/// Ids, capabilities, signals and more: proc_pid_status(5).
fn from_proc_status() -> Result<(), sys::SysError> {
    let path = "/proc/self/status";
    let text = fs::read_to_string(path).sys("open", || path)?;
    for (key, value) in text.lines().filter_map(|line| line.split_once(":\t")) {
        let value = value.trim();
        let mask = || u64::from_str_radix(value, 16).unwrap_or(0);
        let words = || value.split_whitespace().collect::<Vec<_>>().join(" ");
        match key {
            // Real, effective, saved and file-system id.
            "Uid" => fact("uid", words()),
            "Gid" => fact("gid", words()),
            "Groups" => fact("groups", words()),
            "Umask" => fact("umask", value),
            "CapInh" => fact("cap-inh", names::capabilities(mask())),
            "CapPrm" => fact("cap-prm", names::capabilities(mask())),
            "CapEff" => fact("cap-eff", names::capabilities(mask())),
            "CapBnd" => fact("cap-bnd", names::capabilities(mask())),
            "CapAmb" => fact("cap-amb", names::capabilities(mask())),
            "NoNewPrivs" => fact("no-new-privs", value),
            "Seccomp" => fact("seccomp", value),
            "Seccomp_filters" => fact("seccomp-filters", value),
            "SigBlk" => fact("sig-blocked", names::signals_of(mask())),
            "SigIgn" => fact("sig-ignored", names::signals_of(mask())),
            "SigCgt" => fact("sig-caught", names::signals_of(mask())),
            "Cpus_allowed_list" => fact("cpus-allowed", value),
            "Mems_allowed_list" => fact("mems-allowed", value),
            "Threads" => fact("threads", value),
            _ => {}
        }
    }
    Ok(())
}

const LIMITS: &[(&str, Resource)] = &[
    ("AS", Resource::As),
    ("CORE", Resource::Core),
    ("CPU", Resource::Cpu),
    ("DATA", Resource::Data),
    ("FSIZE", Resource::Fsize),
    ("LOCKS", Resource::Locks),
    ("MEMLOCK", Resource::Memlock),
    ("MSGQUEUE", Resource::Msgqueue),
    ("NICE", Resource::Nice),
    ("NOFILE", Resource::Nofile),
    ("NPROC", Resource::Nproc),
    ("RSS", Resource::Rss),
    ("RTPRIO", Resource::Rtprio),
    ("RTTIME", Resource::Rttime),
    ("SIGPENDING", Resource::Sigpending),
    ("STACK", Resource::Stack),
];

/// The resource of a name like NOFILE.
pub fn resource(name: &str) -> Option<Resource> {
    LIMITS.iter().find(|(known, _)| *known == name).map(|(_, resource)| *resource)
}

fn limits() {
    let show = |value: Option<u64>| value.map_or("unlimited".to_owned(), |value| value.to_string());
    for (name, resource) in LIMITS {
        let limit = getrlimit(*resource);
        fact("rlimit", format!("{name} {} {}", show(limit.current), show(limit.maximum)));
    }
}

fn surroundings() {
    let uname = rustix::system::uname();
    fact("hostname", uname.nodename().to_string_lossy());
    fact("domainname", uname.domainname().to_string_lossy());
    if let Ok(cwd) = std::env::current_dir() {
        fact("cwd", cwd.display());
    }
    if let Ok(exe) = fs::read_link("/proc/self/exe") {
        fact("exe", exe.display());
    }
    fact_of_file("comm", "/proc/self/comm");
    fact_of_file("oom-score-adj", "/proc/self/oom_score_adj");
    fact_of_file("personality", "/proc/self/personality");
    fact_of_file("lsm", "/proc/self/attr/current");
    for (key, path) in [
        ("cgroup", "/proc/self/cgroup"),
        ("uid-map", "/proc/self/uid_map"),
        ("gid-map", "/proc/self/gid_map"),
    ] {
        for text in fs::read_to_string(path).unwrap_or_default().lines() {
            fact(key, text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    fact("clock-monotonic", clock_gettime(ClockId::Monotonic).tv_sec);
    fact("clock-boottime", clock_gettime(ClockId::Boottime).tv_sec);
}

/// `ns NAME INODE` for each namespace.
fn namespaces() {
    for name in ["cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts"] {
        if let Ok(link) = fs::read_link(format!("/proc/self/ns/{name}")) {
            let link = link.to_string_lossy().into_owned();
            let inode =
                link.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_end_matches(']');
            fact("ns", format!("{name} {inode}"));
        }
    }
}

/// `fd NUMBER TARGET` for each descriptor that the process started with.
fn descriptors() {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    // The directory's own descriptor is closed by now, so its link is gone.
    for number in numbers {
        if let Ok(target) = fs::read_link(format!("/proc/self/fd/{number}")) {
            fact("fd", format!("{number} {}", target.display()));
        }
    }
}

fn terminal() {
    let stdin = std::io::stdin();
    if !isatty(&stdin) {
        fact("tty", "none");
        return;
    }
    match ttyname(&stdin, Vec::new()) {
        Ok(name) => fact("tty", name.to_string_lossy()),
        Err(errno) => fact("tty", format!("unnamed {}", names::errno(errno.raw_os_error()))),
    }
    if let Some(size) = terminal_size() {
        fact("tty-size", size);
    }
    match tcgetpgrp(&stdin) {
        Ok(group) => fact("tty-foreground", group.as_raw_nonzero()),
        Err(errno) => fact("tty-foreground", names::errno(errno.raw_os_error())),
    }
}

/// The size of the terminal on stdin as `ROWSxCOLUMNS`.
pub fn terminal_size() -> Option<String> {
    let size = tcgetwinsize(std::io::stdin()).ok()?;
    Some(format!("{}x{}", size.ws_row, size.ws_col))
}
