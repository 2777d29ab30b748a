//! Commands that are ended at each of their system calls, by strace(1).

use crate::{Cmd, Run, World};

/// System calls that change something outside of the process.
const SIDE_EFFECTS: &str = "mkdir,mkdirat,rmdir,unlink,unlinkat,rename,renameat,renameat2,write,\
                            sendto,sendmsg,clone,clone3,fork,vfork,mount,umount2,move_mount,\
                            fsmount,fsconfig,open_tree,mount_setattr,mknodat,symlinkat,linkat,\
                            ftruncate,fchmod,fchown,flock,openat,bpf,setns,unshare,pivot_root,\
                            execve,setsid,fsetxattr";

/// Whether E2E_WHOLE is set: each call is tried, and not a sample of them.
pub fn whole() -> bool {
    std::env::var_os("E2E_WHOLE").is_some_and(|value| !value.is_empty())
}

/// One such call of a process: its name, and which of that name, from 1.
pub type Point = (String, usize);

/// Under strace(1), as a grandchild (-D) so that it does not wait for what is left in the background,
/// and with streams of its own so that it does not hold ours.
fn traced(cmd: &Cmd, follow: bool, options: &str) -> Run {
    let follow = if follow { "-f" } else { "" };
    let script =
        format!("exec strace -D {follow} -qq -e signal=none {options} \"$@\" >/dev/null 2>&1");
    cmd.clone().by(["sh", "-c", &script, "sh"]).seconds(60).run()
}

/// All the calls with side effects that `cmd` makes, in their order; with `follow`, those of the
/// processes that it starts too, the same call of two of them once.
///
/// # Panics
/// If it does not succeed.
pub fn points(world: &World, cmd: &Cmd, follow: bool) -> Vec<Point> {
    let log = world.path("trace");
    let shown = log.display();
    traced(cmd, follow, &format!("-e trace={SIDE_EFFECTS} -o {shown}")).code(0);
    let mut counts = std::collections::BTreeMap::new();
    let mut all: Vec<Point> = Vec::new();
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        let (pid, call) = line.split_once(' ').filter(|_| follow).unwrap_or(("", line));
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        let count: &mut usize = counts.entry((pid.to_owned(), name.to_owned())).or_default();
        *count += 1;
        let point = (name.to_owned(), *count);
        if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !all.contains(&point) {
            all.push(point);
        }
    }
    std::fs::remove_file(log).unwrap();
    all
}

/// Runs `cmd` with SIGKILL for every process that comes to that call; with `follow`, also those
/// that it starts. Whether that made it fail.
pub fn killed_at(cmd: &Cmd, (name, number): &Point, follow: bool) -> bool {
    let inject = format!("-e trace={name} -e inject={name}:signal=KILL:when={number}");
    traced(cmd, follow, &inject).status.code() != Some(0)
}

/// Runs `cmd`, and that call of it fails with `errno` (a name: `EIO`), without having been made.
/// Whether `cmd` failed, too.
pub fn fails_at(cmd: &Cmd, (name, number): &Point, errno: &str) -> bool {
    let inject = format!("-e trace={name} -e inject={name}:error={errno}:when={number}");
    traced(cmd, false, &inject).status.code() != Some(0)
}

/// Whether there is strace; says so where there is none.
pub fn has_strace() -> bool {
    let found = Cmd::new("which", ["strace"]).run().status.success();
    if !found {
        crate::skip("there is no strace here to kill at a system call with");
    }
    found
}

/// Further calls that a start may depend on.
const DEPENDED_ON: &str = "accept4,bind,capset,chdir,chroot,connect,epoll_create1,epoll_ctl,\
                           fchdir,fchmodat,fchownat,fgetxattr,fsopen,fstat,ftruncate,getdents64,\
                           keyctl,listen,memfd_create,open,openat2,pidfd_open,pidfd_send_signal,\
                           pipe2,poll,prctl,pread64,read,readlink,readlinkat,recvmsg,seccomp,\
                           sendfile,setgroups,sethostname,setresgid,setresuid,signalfd4,socket,\
                           socketpair,statfs,statx,timerfd_create,timerfd_settime,waitid";

/// How a call can fail: as the kernel does for want of something, or because somebody forbids it.
fn errnos(call: &str) -> &'static [&'static str] {
    match call {
        "accept4" | "flock" | "recvmsg" | "sendmsg" | "connect" => &["EINTR", "ENOMEM", "EPERM"],
        "poll" | "waitid" => &["EINTR"],
        "clone" | "clone3" | "fork" | "vfork" | "unshare" | "setresuid" | "setresgid" => {
            &["EAGAIN", "ENOMEM", "EPERM", "ENOSPC"]
        }
        "openat" | "open" | "openat2" => &["EMFILE", "ENFILE", "ENOMEM", "EIO", "EPERM", "EINTR"],
        "socket" | "socketpair" | "pipe2" | "pidfd_open" | "memfd_create" | "epoll_create1"
        | "signalfd4" | "timerfd_create" | "fsopen" | "open_tree" => {
            &["EMFILE", "ENFILE", "ENOMEM"]
        }
        "read" | "pread64" | "write" | "sendfile" | "getdents64" => {
            &["EIO", "ENOSPC", "ENOMEM", "EINTR"]
        }
        "mkdir" | "mkdirat" | "symlinkat" | "mknodat" | "bind" | "ftruncate" => {
            &["ENOSPC", "EDQUOT", "EIO", "EPERM", "ENOMEM"]
        }
        "rmdir" | "unlink" | "unlinkat" | "rename" | "renameat" => &["EIO", "EPERM", "EBUSY"],
        "execve" => &["ENOMEM", "E2BIG", "EIO"],
        _ => &["EPERM", "ENOMEM", "EIO", "ENOSPC"],
    }
}

/// Calls of std's before main, whose failure ends the process by std's own doing: the first of
/// each of these.
const BEFORE_MAIN: [&str; 4] = ["execve", "poll", "read", "prctl"];

/// One call that fails.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Its name.
    pub call: String,
    /// Which of that name in a process, from 1.
    pub number: usize,
    /// The name of the errno.
    pub errno: &'static str,
    /// Only processes that the command starts come to it.
    pub follow: bool,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let who = if self.follow { " of a child" } else { "" };
        write!(f, "{} at call {} of {}{who}", self.errno, self.number, self.call)
    }
}

/// What can go wrong in `cmd` itself, and in the processes that it starts without `cmd` being
/// struck as well. Each errno of each call; or, where not [`whole`], about `most` of all.
///
/// # Panics
/// If it does not succeed when nothing fails.
pub fn faults(world: &World, cmd: &Cmd, most: usize) -> Vec<Fault> {
    let log = world.path("trace");
    let options = format!("-f -e trace={SIDE_EFFECTS},{DEPENDED_ON} -o {}", log.display());
    streamless(cmd, &options, "/dev/null").code(0);
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(log).unwrap();
    let mut processes: Vec<&str> = Vec::new();
    let mut counts = std::collections::BTreeMap::new();
    let mut all: Vec<Fault> = Vec::new();
    for line in text.lines() {
        let Some((pid, call)) = line.split_once(' ') else { continue };
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        if !processes.contains(&pid) {
            processes.push(pid);
        }
        let count: &mut usize = counts.entry((pid, name)).or_default();
        *count += 1;
        let number = *count;
        let known = |fault: &Fault| fault.call == name && fault.number == number;
        if all.iter().any(known) || (number == 1 && BEFORE_MAIN.contains(&name)) {
            continue;
        }
        let fault =
            |errno: &&'static str| Fault { call: name.to_owned(), number, errno, follow: false };
        all.extend(errnos(name).iter().map(fault));
    }
    // What the command itself comes to, it alone is struck at.
    let first = processes.first().copied().unwrap_or_default();
    for fault in &mut all {
        let own = counts.get(&(first, fault.call.as_str())).copied().unwrap_or(0);
        fault.follow = fault.number > own;
    }
    if whole() {
        return all;
    }
    // Each errno's turn comes, as the step is odd.
    let step = (all.len() / most).max(1) | 1;
    let skipped = usize::from(world.view == crate::View::V2) * (step / 2);
    all.into_iter().skip(skipped).step_by(step).collect()
}

fn streamless(cmd: &Cmd, options: &str, errors: &str) -> Run {
    let script =
        format!("exec strace -D -qq -e signal=none {options} \"$@\" >/dev/null 2>{errors}");
    cmd.clone().by(["sh", "-c", &script, "sh"]).seconds(40).run()
}

/// Runs `cmd` with a fault; what it wrote to standard error.
///
/// # Panics
/// If it takes more than 40 seconds, or ends by a signal or a panic of its own.
pub fn run_with(world: &World, cmd: &Cmd, fault: &Fault) -> Run {
    let errors = world.path("errors");
    let Fault { call, number, errno, follow } = fault;
    let follow = if *follow { "-f" } else { "" };
    let inject = format!("-e inject={call}:error={errno}:when={number}");
    let options = format!("{follow} -o /dev/null -e trace={call} {inject}");
    let mut run = streamless(cmd, &options, &errors.display().to_string());
    run.err = std::fs::read_to_string(&errors).unwrap_or_default();
    std::fs::remove_file(errors).unwrap();
    let code = run.status.code();
    // std takes it for certain that a pipe can be read; and it can.
    let of_std = run.err.contains("/library/std/src/sys/process/");
    let orderly = code.is_some_and(|code| code != 101) || of_std;
    assert!(orderly, "{fault}: {}: {}", run.status, run.err);
    run
}
