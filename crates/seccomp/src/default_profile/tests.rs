use super::*;
use crate::arch::Arch;
use crate::compile::{Options, compile};
use crate::filter::Program;
use crate::interpreter::{SeccompData, run};
use crate::table;

const ALLOWED: u32 = 0x7fff_0000;
const EPERM: u32 = 0x5_0001;

fn program(capabilities: &[&str]) -> Program {
    let profile = default_profile(&|name| capabilities.contains(&name));
    let program = compile(&profile, Options::new(Arch::X86_64)).unwrap();
    assert!(program.skipped.is_empty(), "{:?}", program.skipped);
    program
}

fn value(program: &Program, arch: Arch, name: &str, args: [u64; 6]) -> u32 {
    let nr = table::call(name).and_then(|call| call.number(arch)).expect(name);
    let data = SeccompData { nr, arch: arch.audit(), args, instruction_pointer: 0 };
    run(&program.filter, &data).unwrap().value
}

/// Each name of the table is one that some architecture has.
#[test]
fn every_name_is_known() {
    let listed = calls::WITH_CAPABILITY.iter().map(|(_, calls)| *calls).chain([calls::ALWAYS]);
    let mut seen = Vec::new();
    for name in listed.flat_map(str::split_ascii_whitespace) {
        assert!(table::call(name).is_some(), "{name} is no system call");
        assert!(!seen.contains(&name), "{name} is there twice");
        seen.push(name);
    }
    for (capabilities, _) in calls::WITH_CAPABILITY {
        assert!(capabilities.split_ascii_whitespace().all(|name| name.starts_with("CAP_")));
    }
}

#[test]
fn without_capabilities() {
    let program = program(&[]);
    for arch in [Arch::X86_64, Arch::X86] {
        for name in
            ["read", "execve", "clone", "ptrace", "seccomp", "prctl", "file_setattr", "socketpair"]
        {
            assert_eq!(value(&program, arch, name, [0; 6]), ALLOWED, "{name}");
        }
        let denied = "mount umount2 pivot_root setns unshare bpf perf_event_open keyctl add_key \
            request_key io_uring_setup userfaultfd kexec_load reboot init_module chroot acct \
            open_by_handle_at swapon syslog settimeofday iopl vhangup quotactl fsopen open_tree \
            move_mount mount_setattr open_tree_attr kcmp mbind sysfs uselib nfsservctl pidfd_getfd";
        for name in denied.split_ascii_whitespace() {
            assert_eq!(value(&program, arch, name, [0; 6]), EPERM, "{name}");
        }
        assert_eq!(value(&program, arch, "clone3", [0; 6]), 0x5_0026);
        let newer = SeccompData { nr: 470, arch: arch.audit(), ..SeccompData::default() };
        assert_eq!(run(&program.filter, &newer).unwrap().value, 0x5_0026);
    }
    assert_eq!(value(&program, Arch::X32, "read", [0; 6]), 0);
}

#[test]
fn clone_makes_no_namespaces() {
    let denied = program(&[]);
    let admin = program(&["CAP_SYS_ADMIN"]);
    for arch in [Arch::X86_64, Arch::X86] {
        let clone = |program, flags| value(program, arch, "clone", [flags, 0, 0, 0, 0, 0]);
        // What pthread_create(3) passes, and SIGCHLD.
        assert_eq!((clone(&denied, 0x3d_0f00), clone(&denied, 17)), (ALLOWED, ALLOWED));
        let namespaces = [17, 25, 26, 27, 28, 29, 30].map(|bit| 1_u64 << bit);
        assert_eq!(namespaces.iter().sum::<u64>(), NEW_NAMESPACES);
        for flag in namespaces {
            assert_eq!(clone(&denied, flag | 17), EPERM);
            assert_eq!(clone(&admin, flag | 17), ALLOWED);
        }
    }
    assert_eq!(value(&denied, Arch::X86_64, "clone", [1 << 40 | 1 << 28, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(value(&admin, Arch::X86_64, "clone3", [0; 6]), ALLOWED);
}

#[test]
fn personality_and_socket() {
    let program = program(&[]);
    for arch in [Arch::X86_64, Arch::X86] {
        let first = |name, argument| value(&program, arch, name, [argument, 0, 0, 0, 0, 0]);
        for allowed in [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff] {
            assert_eq!(first("personality", allowed), ALLOWED);
        }
        // ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC, another domain.
        for denied in [0x4_0000, 0x40_0000, 1, 0xffff_fffe] {
            assert_eq!(first("personality", denied), EPERM);
        }
        assert_eq!([1, 2, 10, 16, 38, 41].map(|family| first("socket", family)), [ALLOWED; 6]);
        assert_eq!(first("socket", 40), 0x5_0061);
    }
    let hidden = [1 << 32 | 40, 0, 0, 0, 0, 0];
    assert_eq!(value(&program, Arch::X86_64, "socket", hidden), 0x5_0061);
    assert_eq!(value(&program, Arch::X86_64, "personality", [1 << 32 | 8, 0, 0, 0, 0, 0]), ALLOWED);
}

#[test]
fn calls_come_with_capabilities() {
    for (capabilities, calls) in calls::WITH_CAPABILITY {
        for capability in capabilities.split_ascii_whitespace() {
            let program = program(&[capability]);
            for name in calls.split_ascii_whitespace() {
                for arch in [Arch::X86_64, Arch::X86] {
                    if table::call(name).is_some_and(|call| call.number(arch).is_some()) {
                        assert_eq!(value(&program, arch, name, [0; 6]), ALLOWED, "{name}");
                    }
                }
            }
        }
    }
}

#[test]
fn on_arm() {
    let profile = default_profile(&|_| false);
    let program = compile(&profile, Options::new(Arch::Aarch64)).unwrap();
    for name in ["read", "newfstatat", "clone"] {
        assert_eq!(value(&program, Arch::Aarch64, name, [0; 6]), ALLOWED, "{name}");
    }
    for name in ["read", "set_tls", "cacheflush", "mmap2", "fstatat64"] {
        assert_eq!(value(&program, Arch::Arm, name, [0; 6]), ALLOWED, "{name}");
    }
    assert_eq!(value(&program, Arch::Aarch64, "mount", [0; 6]), EPERM);
}

/// Short on every path: what a call costs in a container.
#[test]
fn size_and_steps() {
    let program = program(&["CAP_CHOWN", "CAP_SYS_CHROOT"]);
    assert!(program.filter.len() < 500, "{} instructions", program.filter.len());
    for name in calls::ALWAYS.split_ascii_whitespace() {
        let Some(nr) = table::call(name).and_then(|call| call.number(Arch::X86_64)) else {
            continue;
        };
        let data = SeccompData { nr, arch: Arch::X86_64.audit(), ..SeccompData::default() };
        let steps = run(&program.filter, &data).unwrap().steps;
        assert!(steps <= 12, "{name} takes {steps} instructions");
    }
}
