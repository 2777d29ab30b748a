//! Filters of system calls, and the agent that one of them may ask.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use libcontainer::config::{Hook, ProcessSpec};
use libcontainer::{Child, Config, ErrorKind, Process, Status, Stdio};
use serde_json::{Value, json};
use sys::notify::Answer;

use crate::agent::Agent;
use crate::common::{Place, Test, test};
use crate::kit::{self, Running, field, once, refusal, refusal_of, rest};

pub fn tests() -> Vec<Test> {
    vec![
        test("seccomp::errnos", errnos),
        test("seccomp::architectures", architectures),
        test("seccomp::flags", flags),
        test("seccomp::an_agent_answers", an_agent_answers),
        test("seccomp::an_agent_hears_of_further_processes", further_processes),
        test("seccomp::an_agent_hears_of_a_held_process", held),
        test("seccomp::an_agent_hears_of_hooks", hooks),
        test("seccomp::an_agent_may_be_asked_for_what_init_calls", what_init_calls),
        test("seccomp::no_agent_no_start", no_agent),
        test("seccomp::an_agent_that_is_gone", gone),
        test("seccomp::what_no_agent_can_be_asked_for", refused),
    ]
}

/// A container whose filter is this, of an OCI bundle.
fn config(place: &Place, profile: Value) -> Config {
    let profile = serde_json::from_value(profile).unwrap();
    Config {
        seccomp: vec![profile],
        bundle: Some(place.dir().to_owned()),
        annotations: [("key".to_owned(), "value".to_owned())].into(),
        ..place.small()
    }
}

fn socket(place: &Place) -> PathBuf {
    place.dir().join("agent.sock")
}

fn notify(path: &Path, names: &[&str]) -> Value {
    json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path, "listenerMetadata": "meta",
        "syscalls": [{"names": names, "action": "SCMP_ACT_NOTIFY"}]})
}

const MKDIR: [&str; 2] = ["mkdir", "mkdirat"];

fn errnos() {
    let Some(place) = kit::place() else { return };
    let profile = |extra: Value| {
        let mut profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": MKDIR, "action": "SCMP_ACT_ERRNO"},
            {"names": ["chmod", "fchmodat", "fchmodat2"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95},
            {"names": ["symlink", "symlinkat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0},
        ]});
        profile.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        profile
    };
    let says = |profile: Value, args: &[&str]| {
        let args: Vec<&str> = ["/bin/probe"].iter().chain(args).copied().collect();
        once(&place, "errnos", config(&place, profile), &args).0
    };
    assert_eq!(says(profile(json!({})), &["mkdir", "/x"]), "error EPERM mkdir /x\n");
    assert_eq!(
        says(profile(json!({})), &["chmod", "/tmp", "700"]),
        "error EOPNOTSUPP chmod /tmp\n"
    );
    // An errno of 0 is success, and nothing is done.
    assert_eq!(says(profile(json!({})), &["symlink", "/a", "/b"]), "ok\n");
    assert!(!place.rootfs().join("b").is_symlink());
    // The default's, where nothing else is said; newer calls than the profile's are not there.
    let native = rustix::system::uname().machine().to_string_lossy().into_owned();
    if native != "x86_64" {
        return crate::common::skip("the numbers are those of x86-64");
    }
    let allowed: Vec<&str> = "read write close fstat mmap mprotect munmap brk rt_sigaction \
        rt_sigprocmask sigaltstack arch_prctl set_tid_address set_robust_list rseq prlimit64 execve \
        execveat exit_group exit poll getrandom capset prctl readlinkat ioctl futex gettid \
        sched_getaffinity openat lseek fcntl newfstatat access readlink pselect6 uname openat2"
        .split_whitespace()
        .collect();
    let profile = json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 93,
        "syscalls": [{"names": allowed, "action": "SCMP_ACT_ALLOW"}]});
    // mkdir, pidfd_open, and what no table has.
    let text = says(profile, &["syscall", "83", "434", "999"]);
    assert_eq!(
        text,
        "syscall 83 EPROTONOSUPPORT\nsyscall 434 EPROTONOSUPPORT\nsyscall 999 ENOSYS\n"
    );
}

/// A 32-bit program for Linux on x86: mkdir("/made"), and exits with its errno.
fn mkdir_of_x86() -> Vec<u8> {
    const BASE: u32 = 0x0804_8000;
    let code: &[u8] = &[
        0xb8, 39, 0, 0, 0, // mov eax, 39 (mkdir)
        0xbb, 0, 0, 0, 0, // mov ebx, path
        0xb9, 0xc0, 1, 0, 0, // mov ecx, 0700
        0xcd, 0x80, // int 0x80
        0xf7, 0xd8, // neg eax
        0x89, 0xc3, // mov ebx, eax
        0xb8, 1, 0, 0, 0, // mov eax, 1 (exit)
        0xcd, 0x80, // int 0x80
    ];
    let mut code = code.to_vec();
    let headers = 52 + 32;
    let path = BASE + headers + code.len() as u32;
    code[6..10].copy_from_slice(&path.to_le_bytes());
    code.extend_from_slice(b"/made\0");
    let size = headers + code.len() as u32;
    let mut file = vec![0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for half in [2u16, 3] {
        file.extend(half.to_le_bytes());
    }
    for word in [1, BASE + headers, 52, 0, 0] {
        file.extend(word.to_le_bytes());
    }
    for half in [52u16, 32, 1, 0, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    for word in [1, 0, BASE, BASE, size, size, 5, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(code);
    file
}

fn architectures() {
    let Some(place) = kit::place() else { return };
    if !cfg!(target_arch = "x86_64") {
        return crate::common::skip("it is written for x86-64");
    }
    let program = place.rootfs().join("bin/mkdir32");
    std::fs::write(&program, mkdir_of_x86()).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    if std::process::Command::new(&program).status().is_err() {
        return crate::common::skip("this kernel has no 32-bit system calls");
    }
    let _ = std::fs::remove_dir("/made");
    let ends = |architectures: &[&str]| {
        let rule = json!({"names": MKDIR, "action": "SCMP_ACT_ERRNO", "errnoRet": 77});
        let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": architectures,
            "syscalls": [rule]});
        once(&place, "architectures", config(&place, profile), &["/bin/mkdir32"]).1
    };
    assert_eq!(once(&place, "architectures", place.small(), &["/bin/mkdir32"]).1, 0);
    assert_eq!(ends(&["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]), 77);
    assert_eq!(ends(&["SCMP_ARCH_X86"]), 77);
    assert_eq!(ends(&["SCMP_ARCH_X86", "SCMP_ARCH_RISCV64", "SCMP_ARCH_SHEB"]), 77);
    // What is not covered is not let through.
    assert_eq!(ends(&["SCMP_ARCH_X86_64"]), -31, "SIGSYS");
    assert_eq!(ends(&[]), -31, "SIGSYS");
}

const FLAGS: [&str; 4] = [
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];

fn flags() {
    let Some(place) = kit::place() else { return };
    for flags in [&FLAGS[..], &FLAGS[3..], &FLAGS[..1], &[]] {
        // Without an agent, and with one.
        let rule = json!({"names": MKDIR, "action": "SCMP_ACT_ERRNO"});
        let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "flags": flags,
            "listenerPath": "/nowhere/to/be/found", "syscalls": [rule]});
        let (text, _) =
            once(&place, "flags", config(&place, profile), &["/bin/probe", "mkdir", "/x"]);
        assert_eq!(text, "error EPERM mkdir /x\n", "{flags:?}");
        let _agent = Agent::new(&socket(&place), |_| Some(Answer::Errno(95)));
        let mut profile = notify(&socket(&place), &MKDIR);
        profile["flags"] = json!(flags);
        let (text, _) =
            once(&place, "flags", config(&place, profile), &["/bin/probe", "mkdir", "/x"]);
        assert_eq!(text, "error EOPNOTSUPP mkdir /x\n", "{flags:?}");
    }
}

fn process(args: &[&str], no_new_privileges: bool) -> Process {
    let spec = ProcessSpec {
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        no_new_privileges: Some(no_new_privileges),
        ..ProcessSpec::default()
    };
    Process { spec, stdin: Stdio::Null, stdout: Stdio::Pipe, ..Process::default() }
}

fn expected(place: &Place, id: &str, status: &str, pid: i32, init: i32) -> Value {
    json!({"ociVersion": "1.3.0", "fds": ["seccompFd"], "pid": pid, "metadata": "meta",
        "state": {"ociVersion": "1.3.0", "id": id, "status": status, "pid": init,
            "bundle": place.dir(), "annotations": {"key": "value"}}})
}

fn an_agent_answers() {
    let Some(place) = kit::place() else { return };
    // Nothing else than these calls comes to it.
    let native = rustix::system::uname().machine().to_string_lossy().into_owned();
    let agent = Agent::new(&socket(&place), move |call| {
        let mkdir = if native == "x86_64" { [83, 258] } else { [34, 34] };
        assert!(mkdir.contains(&call.nr), "{call:?}");
        Some(Answer::Errno(61))
    });
    for no_new_privileges in [false, true] {
        let config = config(&place, notify(&socket(&place), &MKDIR));
        let process = process(&["/bin/probe", "mkdir", "/x"], no_new_privileges);
        let mut running = Running::with(&place, "asking", config, process);
        let pid = running.init.pid();
        assert_eq!(agent.state(), expected(&place, "asking", "creating", pid, pid));
        assert_eq!(rest(&mut running.init), ("error ENODATA mkdir /x\n".to_owned(), 1));
    }
    // It may let them through, or do them itself.
    drop(agent);
    for (answer, made) in [(Answer::Continue, true), (Answer::Value(0), false)] {
        let _agent = Agent::new(&socket(&place), move |_| Some(answer));
        let config = config(&place, notify(&socket(&place), &MKDIR));
        assert_eq!(once(&place, "asking", config, &["/bin/probe", "mkdir", "/x"]).0, "ok\n");
        assert_eq!(place.rootfs().join("x").exists(), made);
        let _ = std::fs::remove_dir(place.rootfs().join("x"));
    }
}

fn further_processes() {
    let Some(place) = kit::place() else { return };
    let agent = Agent::new(&socket(&place), |_| Some(Answer::Errno(61)));
    let config = config(&place, notify(&socket(&place), &MKDIR));
    let running = Running::new(&place, "asking", config);
    let init = running.init.pid();
    agent.state();
    for no_new_privileges in [false, true] {
        let process = process(&["/bin/probe", "mkdir", "/x"], no_new_privileges);
        let mut child: Child = running.container.exec(process).unwrap();
        assert_eq!(agent.state(), expected(&place, "asking", "running", child.pid(), init));
        assert_eq!(rest(&mut child).0, "error ENODATA mkdir /x\n");
    }
    // Without the agent there are no more.
    drop(agent);
    let error = running.container.exec(process(&["touch", "/ran"], true)).unwrap_err();
    assert!(error.to_string().contains("failed to connect with the seccomp agent"), "{error}");
    assert!(!place.rootfs().join("ran").exists());
}

fn held() {
    let Some(place) = kit::place() else { return };
    let create = || {
        let config = config(&place, notify(&socket(&place), &MKDIR));
        let container = place.factory().create("held", config).unwrap();
        let process = process(&["sh", "-c", "touch /ran; probe mkdir /x"], true);
        let child = container.start(process).unwrap();
        (container, child)
    };
    let agent = Agent::new(&socket(&place), |_| Some(Answer::Errno(61)));
    let (container, mut child) = create();
    // By another handle, as another program would.
    place.factory().load("held").unwrap().release().unwrap();
    assert_eq!(agent.state(), expected(&place, "held", "created", child.pid(), child.pid()));
    assert_eq!(rest(&mut child).0, "error ENODATA mkdir /x\n");
    assert!(agent.is_idle());
    container.destroy().unwrap();
    std::fs::remove_file(place.rootfs().join("ran")).unwrap();
    // Nobody there any more: it ends without having run.
    let (container, mut child) = create();
    drop(agent);
    let error = container.release().unwrap_err();
    assert!(error.to_string().contains("failed to connect with the seccomp agent"), "{error}");
    child.wait().unwrap();
    assert_eq!(container.status().unwrap(), Status::Stopped);
    assert!(!place.rootfs().join("ran").exists());
    container.destroy().unwrap();
}

fn hooks() {
    let Some(place) = kit::place() else { return };
    let hook = |args: &[&str]| Hook {
        path: "/bin/probe".into(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: Vec::new(),
        timeout: None,
    };
    let config = || {
        let mut config = config(&place, notify(&socket(&place), &MKDIR));
        let own = hook(&["probe", "mkdir", "/of-the-hook"]);
        config.hooks.start_container = vec![own, hook(&["probe", "mkdir", "/of-another"])];
        config
    };
    // It is asked for the hooks as for the program, and each comes with a listener.
    let agent = Agent::new(&socket(&place), |_| Some(Answer::Value(0)));
    for hold in [false, true] {
        let process = process(&["/bin/probe", "mkdir", "/x"], true);
        let container = place.factory().create("hooked", config()).unwrap();
        let mut child = match hold {
            true => container.start(process).unwrap(),
            false => container.run(process).unwrap(),
        };
        if hold {
            assert!(agent.is_idle());
            container.release().unwrap();
        }
        let status = if hold { "created" } else { "creating" };
        for _ in 0..3 {
            assert_eq!(agent.state(), expected(&place, "hooked", status, child.pid(), child.pid()));
        }
        assert_eq!(rest(&mut child).0, "ok\n");
        container.destroy().unwrap();
    }
    assert!(!place.rootfs().join("of-the-hook").exists());
    drop(agent);
    let agent = Agent::new(&socket(&place), |_| Some(Answer::Errno(61)));
    let error = refusal(&place, config());
    assert!(error.to_string().contains("ENODATA"), "{error}");
    drop(agent);
    let error = refusal(&place, config());
    assert!(error.to_string().contains("failed to connect with the seccomp agent"), "{error}");
}

fn what_init_calls() {
    let Some(place) = kit::place() else { return };
    let names = ["execve", "execveat", "openat", "open", "read", "close", "capset", "prctl", "brk"];
    let _agent = Agent::new(&socket(&place), |_| Some(Answer::Continue));
    for no_new_privileges in [false, true] {
        let config = config(&place, notify(&socket(&place), &names));
        let process = process(&["echo", "done"], no_new_privileges);
        assert_eq!(kit::once_with(&place, "init", config, process), ("done\n".to_owned(), 0));
    }
    // What an agent refuses init itself is the end of it.
    drop(_agent);
    for name in ["read", "execveat"] {
        let _agent = Agent::new(&socket(&place), |_| Some(Answer::Errno(61)));
        let config = config(&place, notify(&socket(&place), &[name]));
        let error = refusal_of(&place, config, process(&["touch", "/ran"], true));
        assert!(error.to_string().to_lowercase().contains("no data available"), "{error}");
        assert!(!place.rootfs().join("ran").exists());
    }
}

fn no_agent() {
    let Some(place) = kit::place() else { return };
    let path = socket(&place);
    for no_new_privileges in [false, true] {
        let config = config(&place, notify(&path, &MKDIR));
        let error = refusal_of(&place, config, process(&["touch", "/ran"], no_new_privileges));
        let words = format!("failed to connect with the seccomp agent at {}", path.display());
        assert!(error.to_string().contains(&words), "{error}");
        assert_eq!(error.errno(), Some(2), "{error}");
        assert!(!place.rootfs().join("ran").exists());
    }
    // A socket of another kind, and one that nobody listens at.
    let datagrams = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    let error = refusal(&place, config(&place, notify(&path, &MKDIR)));
    assert_eq!(error.errno(), Some(91), "{error}");
    drop(datagrams);
    let error = refusal(&place, config(&place, notify(&path, &MKDIR)));
    assert_eq!(error.errno(), Some(111), "{error}");
    std::fs::remove_file(&path).unwrap();
}

fn gone() {
    let Some(place) = kit::place() else { return };
    // It gives up at the first call: that one and all later ones are not there.
    let _agent = Agent::new(&socket(&place), |_| None);
    let config = config(&place, notify(&socket(&place), &MKDIR));
    let script = "probe mkdir /x; probe mkdir /x";
    let (text, _) = once(&place, "gone", config, &["sh", "-c", script]);
    assert_eq!(text, "error ENOSYS mkdir /x\nerror ENOSYS mkdir /x\n");
}

fn refused() {
    let Some(place) = kit::place() else { return };
    let path = socket(&place);
    let default = json!({"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": path});
    for (profile, name) in [
        (default, "seccomp[0].defaultAction"),
        (notify(&path, &["write"]), "seccomp[0].syscalls"),
        (notify(Path::new("agent.sock"), &MKDIR), "seccomp[0].listenerPath"),
        (notify(Path::new(""), &MKDIR), "seccomp[0].listenerPath"),
    ] {
        let error = refusal(&place, config(&place, profile));
        assert_eq!(*error.kind(), ErrorKind::InvalidConfig { field: field(&error) });
        assert_eq!(field(&error), name, "{error}");
    }
}
