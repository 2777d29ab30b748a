//! libseccomp as a program of its own (export.c): built by the test, so that nothing of ours links
//! a shared library.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use seccomp::{Action, Arch, Architecture, Op, Profile, Rule, SockFilter};

/// What libseccomp makes of a profile.
pub struct Exported {
    pub filter: Vec<SockFilter>,
    /// Names it does not know.
    pub unknown: Vec<String>,
    /// Rules that it did not take, and why.
    pub refused: Vec<String>,
    /// From seccomp_init to seccomp_export_bpf, in nanoseconds of its processor time.
    pub took: u64,
}

/// Calls that programs make all the time.
pub const COMMON: &str = "read write close fstat newfstatat openat lseek mmap munmap mprotect brk \
    rt_sigaction rt_sigprocmask ioctl pread64 pwrite64 readv writev poll epoll_wait epoll_pwait \
    epoll_ctl futex nanosleep clock_nanosleep getpid gettid sendto recvfrom sendmsg recvmsg accept4 \
    connect fcntl getdents64 statx execve wait4 clone exit_group sched_yield madvise getrandom \
    prlimit64 set_robust_list rseq pipe2 dup3 fsync unlink rename";

/// How libseccomp looks for a call (SCMP_FLTATR_CTL_OPTIMIZE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Linear = 1,
    Tree = 2,
}

/// The running program.
pub struct Libseccomp {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Libseccomp {
    /// Builds and starts it in the directory `scratch`; None, with a word about it, where
    /// libseccomp's header is not installed.
    pub fn start(scratch: &Path) -> Option<Libseccomp> {
        if !Path::new("/usr/include/seccomp.h").exists() {
            println!("SKIP: libseccomp-dev is not installed");
            return None;
        }
        static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
        let mut child = Command::new(PROGRAM.get_or_init(|| build(scratch)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program just built starts");
        let input = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Some(Libseccomp { child, input, lines })
    }

    /// The filter for `profile` on a machine whose native architecture is `native`.
    pub fn export(&mut self, profile: &Profile, native: Arch, layout: Layout) -> Exported {
        self.input.write_all(request(profile, native, layout).as_bytes()).expect("it reads");
        self.input.flush().expect("it reads");
        let mut exported =
            Exported { filter: Vec::new(), unknown: Vec::new(), refused: Vec::new(), took: 0 };
        for line in &mut self.lines {
            let line = line.expect("it writes text");
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match word {
                "end" => return exported,
                "took" => exported.took = rest.parse().expect("nanoseconds"),
                "unknown" => exported.unknown.push(rest.to_owned()),
                "refused" => exported.refused.push(rest.to_owned()),
                code => {
                    let mut fields = rest.split(' ').map(|field| field.parse().expect("a number"));
                    let mut next = || -> u32 { fields.next().expect("four fields") };
                    let [jt, jf] = [next(), next()].map(|jump| u8::try_from(jump).expect("a jump"));
                    let code = code.parse().expect("an operation");
                    exported.filter.push(SockFilter { code, jt, jf, k: next() });
                }
            }
        }
        panic!("libseccomp ended: {profile:?}");
    }
}

impl Drop for Libseccomp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn build(scratch: &Path) -> PathBuf {
    let program = scratch.join("libseccomp-export");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/libseccomp/export.c");
    let built = Command::new("cc")
        .args(["-O2", "-o"])
        .arg(&program)
        .args([source, "-lseccomp"])
        .status()
        .expect("a C compiler");
    assert!(built.success(), "{source} does not compile");
    program
}

fn request(profile: &Profile, native: Arch, layout: Layout) -> String {
    let default = outcome(profile.default_action, profile.default_errno_ret);
    let name = match native {
        Arch::X86_64 => "x86_64",
        Arch::X86 => "x86",
        Arch::X32 => "x32",
        Arch::Aarch64 => "aarch64",
        Arch::Arm => "arm",
    };
    let mut text = format!("filter {name} {default} {}\n", layout as u32);
    for architecture in &profile.architectures {
        let name = match architecture {
            Architecture::X86_64 => "x86_64",
            Architecture::X86 => "x86",
            Architecture::X32 => "x32",
            Architecture::Arm => "arm",
            Architecture::Aarch64 => "aarch64",
            other => panic!("{other:?}"),
        };
        let _ = writeln!(text, "arch {name}");
    }
    // It refuses rules like the default.
    for rule in &profile.syscalls {
        let action = outcome(rule.action, rule.errno_ret);
        if action == default {
            continue;
        }
        for name in &rule.names {
            let _ = write!(text, "rule {action} {name}{}", conditions(rule));
            text.push('\n');
        }
    }
    text.push_str("end\n");
    text
}

fn conditions(rule: &Rule) -> String {
    let mut text = format!(" {}", rule.args.len());
    for arg in &rule.args {
        let op = match arg.op {
            Op::Ne => 1,
            Op::Lt => 2,
            Op::Le => 3,
            Op::Eq => 4,
            Op::Ge => 5,
            Op::Gt => 6,
            Op::MaskedEq => 7,
        };
        let _ = write!(text, " {} {op} {} {}", arg.index, arg.value, arg.value_two);
    }
    text
}

/// SECCOMP_RET_* of linux/seccomp.h, which are libseccomp's actions too.
pub fn outcome(action: Action, errno: Option<u32>) -> u32 {
    let data = errno.unwrap_or(1);
    match action {
        Action::KillProcess => 0x8000_0000,
        Action::Kill | Action::KillThread => 0,
        Action::Trap => 0x0003_0000,
        Action::Errno => 0x0005_0000 | data,
        Action::Notify => 0x7fc0_0000,
        Action::Trace => 0x7ff0_0000 | data,
        Action::Log => 0x7ffc_0000,
        Action::Allow => 0x7fff_0000,
    }
}
