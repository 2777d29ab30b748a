//! Commands that are ended at each of their system calls, by strace(1).

use crate::{Cmd, Run, World};

/// System calls that change something outside of the process.
const SIDE_EFFECTS: &str = "mkdir,mkdirat,rmdir,unlink,unlinkat,rename,renameat,renameat2,write,\
                            sendto,sendmsg,clone,clone3,fork,vfork,mount,umount2,move_mount,\
                            fsmount,fsconfig,open_tree,mount_setattr,mknodat,symlinkat,linkat,\
                            ftruncate,fchmod,fchown,flock,openat,bpf,setns,unshare,pivot_root,\
                            execve,setsid,fsetxattr";

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
