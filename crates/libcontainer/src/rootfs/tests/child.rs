//! A test's body in a process of its own: only a process of one thread may change its mount
//! namespace and root, and nothing it does there reaches other tests.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use rustix::mount::{MountPropagationFlags, mount_change};

use crate::config::{Config, Device, DeviceKind, Mount, Rootfs};
use crate::console::{self, Pty};
use crate::plan::mounts::{MountFacts, plan};
use crate::procfs::Procfs;
use crate::rootfs::{Root, build, open_sources};
use crate::{Result, Step};

const MARK: &str = "ROOTFS_TEST_CHILD";

/// A directory of the host that goes with the test.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rootfs-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs `body` in a process of its own, with a scratch directory that is gone afterwards; `name`
/// is the test's full name below `rootfs::tests`.
pub fn isolated(name: &str, body: impl FnOnce(&Path)) {
    again(name, Command::new(std::env::current_exe().unwrap()), body);
}

/// The same, on a kernel without `call`: strace answers ENOSYS in its stead.
pub fn without(call: &str, name: &str, body: impl FnOnce(&Path)) {
    let strace = Command::new("strace").arg("-V").output();
    if !strace.is_ok_and(|out| out.status.success()) {
        println!("SKIP: {name} needs strace");
        return;
    }
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:error=ENOSYS")]);
    under(command, name, body);
}

/// The same, as what `command` executes.
pub fn under(mut command: Command, name: &str, body: impl FnOnce(&Path)) {
    command.arg(std::env::current_exe().unwrap());
    again(name, command, body);
}

fn again(name: &str, mut command: Command, body: impl FnOnce(&Path)) {
    let full = format!("rootfs::tests::{name}");
    if let Some(scratch) = std::env::var_os(MARK) {
        return body(Path::new(&scratch));
    }
    if !rustix::process::geteuid().is_root() {
        println!("SKIP: {full} needs root");
        return;
    }
    let scratch = Scratch::new(&name.replace(':', "-"));
    command.args(["--exact", &full, "--nocapture", "--test-threads=1"]).env(MARK, &scratch.0);
    let out = command.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    let errors = String::from_utf8_lossy(&out.stderr);
    print!("{text}");
    let ok = out.status.success() && text.contains("1 passed");
    assert!(ok, "{full}: {:?} {:?}\n{text}\n{errors}", out.status.code(), out.status.signal());
}

/// A mount of a config.
pub fn mount(fstype: &str, destination: &str, options: &[&str]) -> Mount {
    Mount {
        destination: destination.into(),
        fstype: fstype.into(),
        source: None,
        options: options.iter().map(|o| (*o).to_owned()).collect(),
        ..Mount::default()
    }
}

/// A bind of a config.
pub fn bind(source: &Path, destination: &str, options: &[&str]) -> Mount {
    Mount { source: Some(source.into()), ..mount("bind", destination, options) }
}

/// A character device of a config.
pub fn device(path: &str, major: u32, minor: u32) -> Device {
    let kind = DeviceKind::Char;
    Device { path: path.into(), kind, major, minor, mode: 0o666, uid: 0, gid: 0 }
}

/// The file systems of nsinit's template, on an empty root directory.
pub fn template(root: &Path) -> Config {
    Config {
        rootfs: Rootfs::Directory(root.into()),
        mounts: vec![
            mount("proc", "/proc", &["nosuid", "nodev", "noexec"]),
            mount("tmpfs", "/dev", &["nosuid", "mode=755", "size=65536k"]),
            mount("devpts", "/dev/pts", &["nosuid", "noexec", "ptmxmode=0666", "mode=0620"]),
            mount("tmpfs", "/dev/shm", &["nosuid", "nodev", "mode=1777", "size=65536k"]),
            mount("mqueue", "/dev/mqueue", &["nosuid", "nodev", "noexec"]),
            mount("sysfs", "/sys", &["nosuid", "nodev", "noexec", "ro"]),
        ],
        devices: vec![
            device("/dev/null", 1, 3),
            device("/dev/zero", 1, 5),
            device("/dev/full", 1, 7),
            device("/dev/tty", 5, 0),
            device("/dev/urandom", 1, 9),
            device("/dev/random", 1, 8),
        ],
        masked_paths: ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"]
            .map(PathBuf::from)
            .into(),
        readonly_paths: ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"]
            .map(PathBuf::from)
            .into(),
        ..Config::default()
    }
}

/// Plans and builds in a new mount namespace, without entering.
pub fn built(config: &Config, facts: &MountFacts) -> Result<Root> {
    let plan = plan(config, facts)?;
    let sources = open_sources(&plan, &Procfs::open()?)?;
    let proc = Procfs::open()?;
    sys::namespace::unshare(sys::namespace::flag::MOUNT).step(|| "unshare")?;
    build(&plan, sources, &proc)
}

/// The same, and enters.
/// A terminal of the container's, shown at its /dev/console.
pub fn terminal(root: &Root) -> Result<Pty> {
    let pty = console::open_in(root.as_fd())?;
    root.show_terminal(pty.peer.as_fd())?;
    Ok(pty)
}

pub fn entered(config: &Config, facts: &MountFacts) -> Result<()> {
    let root = built(config, facts)?;
    root.enter()
}

/// What a privileged container's init may do.
pub fn facts() -> MountFacts {
    MountFacts { mknod: true, ..MountFacts::default() }
}

/// A mount namespace that stands for the host, so that the machine's own is left alone.
pub fn private_host() {
    sys::namespace::unshare(sys::namespace::flag::MOUNT).unwrap();
    let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", flags).unwrap();
}

/// Runs `body` in a thread, whose mount namespace ends with it.
pub fn in_thread<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(body).join().unwrap())
}

/// Runs a program that must succeed.
pub fn run(command: &mut Command) {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
}
