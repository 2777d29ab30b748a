//! What attacks on a runtime have in common: a canary on the host, links to it, names that are
//! exchanged while a container starts.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::{Cmd, Rootfs, Run, WindowSize, World};

/// What nobody in a container may change.
pub fn host_settings() -> Vec<String> {
    let files = ["kernel/core_pattern", "kernel/modprobe", "vm/swappiness", "kernel/sysrq"];
    let read = |file| std::fs::read_to_string(format!("/proc/sys/{file}")).unwrap_or_default();
    files.into_iter().map(read).collect()
}

/// A directory of the host with what attackers look for.
///
/// # Panics
/// If the caller may not.
pub fn canary(world: &World) -> PathBuf {
    let path = world.path("canary");
    for name in ["", "pts", "shm", "sub", "self/attr", "sys/kernel"] {
        std::fs::create_dir_all(path.join(name)).unwrap();
    }
    for name in ["ptmx", "null", "console", "file", "self/attr/current", "sys/kernel/core_pattern"]
    {
        std::fs::write(path.join(name), "host").unwrap();
    }
    path
}

/// A command that joined an attacker: it ran, or could not be executed while that held the image's
/// program open for writing, which it may. (It meant the runtime, which had just become that.)
///
/// # Panics
/// If it ended otherwise.
pub fn join(run: Run) {
    if !run.err.contains("ext file busy") {
        run.code(0);
    }
}

/// All below it: types, modes, sizes, contents.
///
/// # Panics
/// If the caller may not.
pub fn contents(directory: &Path) -> Vec<String> {
    let list =
        "find . -printf '%p %y %m %U %s %l\\n' | sort; find . -type f -exec cksum {} + | sort -k3";
    let run = Cmd::new("sh", ["-c", list]).dir(directory).run().success();
    run.out.lines().map(str::to_owned).collect()
}

/// Replaces what is at `name` by a link.
///
/// # Panics
/// If the caller may not.
pub fn link(root: &Rootfs, name: &str, target: impl AsRef<Path>) {
    let path = root.file(name);
    let _ = std::fs::remove_file(&path);
    let _ = std::fs::remove_dir_all(&path);
    symlink(target, &path).unwrap();
}

/// A program of the host that is the test's own by a copy, which belongs to `owner`, and may be
/// written by nobody else.
///
/// # Panics
/// If the caller may not.
pub fn victim(world: &World, program: &Path, owner: u32) -> PathBuf {
    let path = world.path("victim");
    std::fs::copy(program, &path).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    chown(&path, Some(owner), Some(owner)).unwrap();
    path
}

/// Links to the canary: absolute, relative with more .. than there are, through another link.
///
/// # Panics
/// If the caller may not.
pub fn links(root: &Rootfs, canary: &Path) -> Vec<PathBuf> {
    link(root, "hop", canary.parent().unwrap());
    let up = Path::new("../../../../../../../../..").join(canary.strip_prefix("/").unwrap());
    let nested = Path::new("/hop").join(canary.file_name().unwrap());
    vec![canary.to_owned(), up, nested]
}

/// A record whose init has this number.
///
/// # Panics
/// If there is none in it.
pub fn point_at(record: &str, pid: i32) -> String {
    let (before, init) = record.rsplit_once("{\"pid\":").unwrap();
    let (_, rest) = init.split_once(',').unwrap();
    format!("{before}{{\"pid\":{pid},{rest}")
}

/// A caller who leaves directories of the host open, without close-on-exec.
pub const OPEN_DIRECTORIES: [&str; 4] =
    ["bash", "-c", "exec 7</ 8</etc 9</proc 40</sys/fs/cgroup; exec \"$@\"", "bash"];

/// Root of a container with CAP_SYS_ADMIN puts a false /proc over the true one, and shows at the end
/// of each line of input what has become of it: `untouched`, if nobody has written to it.
pub const FALSE_PROC: &str = "mount -t tmpfs none /proc || exit; \
    for at in self thread-self 1; do mkdir -p /proc/$at/attr/apparmor /proc/$at/fd /proc/$at/ns; \
    for file in attr/current attr/exec attr/apparmor/exec attr/keycreate setgroups uid_map \
    oom_score_adj loginuid; do echo false >/proc/$at/$file; done; \
    for number in 0 1 2 3 4 5 6 7 8 9; do ln -s /canary /proc/$at/fd/$number; done; done; \
    mkdir -p /proc/sys/net/ipv4 /proc/sys/kernel; echo false >/proc/sys/net/ipv4/ip_forward; \
    echo false >/proc/sys/kernel/core_pattern; echo false >/canary; echo ready; \
    while read line; do cat /canary $(find /proc -type f) | sort | uniq -c | \
    grep -q '^ *27 false$' && echo untouched; done";

/// Types `evil` and a new line into its standard input's terminal, byte by byte, by each name that
/// this has: `/probe` must be there. At the end it says `done`.
pub const TYPE_IN: &str = "for it in /dev/stdin /dev/tty /dev/console /proc/self/fd/0; do \
    for c in e v i l '\n'; do /probe ioctl-tiocsti \"$c\" < $it; done; done 2>&1; echo done";

/// Runs it in a shell on a terminal. What was shown, and what that shell reads from its terminal
/// afterwards: what the command has typed there.
///
/// # Panics
/// If it takes more than ten seconds.
pub fn typed_by(cmd: &Cmd) -> (String, String) {
    let script = "\"$@\"; read -r -t 1 line; echo \"typed=[$line]\"; echo over";
    let shell = cmd.clone().by(["bash", "-c", script, "bash"]);
    let mut pty = shell.on_terminal(WindowSize(24, 200));
    pty.until("over").wait();
    let screen = pty.screen();
    let typed = screen.rsplit_once("typed=[").and_then(|(_, rest)| rest.split_once(']'));
    let typed = typed.unwrap().0.to_owned();
    (screen, typed)
}

/// Exchanges two names as fast as it can, while `body` runs.
///
/// # Panics
/// If the caller may not.
pub fn while_swapping(one: &Path, other: &Path, body: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut swaps = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
                swaps += 1;
            }
            assert!(swaps > 100, "{swaps}");
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
}
