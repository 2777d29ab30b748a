//! What passes for a program of ours, by programs that differ in nothing but one thing.
#![allow(clippy::unwrap_used)]

use super::*;

const NAME: Name = *b"nsinit_test\0\0\0\0\0";

/// `return 0`
const DENY: [Instruction; 2] = [
    Instruction { code: 0xb7, registers: 0, offset: 0, immediate: 0 },
    Instruction { code: 0x95, registers: 0, offset: 0, immediate: 0 },
];

fn allow() -> [Instruction; 2] {
    [Instruction { immediate: 1, ..DENY[0] }, DENY[1]]
}

/// A program of ours, or none where the caller may load none.
fn ours() -> Option<OwnedFd> {
    let program = load_cgroup_device(NAME, &DENY);
    if program.is_err() {
        println!("SKIP: this needs CAP_BPF");
    }
    program.ok()
}

#[test]
fn the_same_instructions_under_the_same_name() {
    let Some(program) = ours() else { return };
    assert!(is_cgroup_device(&program, NAME, &DENY).unwrap());
    assert!(!is_cgroup_device(&program, *b"nsinit_tests\0\0\0\0", &DENY).unwrap());
    assert!(!is_cgroup_device(&program, NAME, &allow()).unwrap());
    assert!(!is_cgroup_device(&program, NAME, &DENY[..1]).unwrap());
    assert!(!is_cgroup_device(&program, NAME, &[DENY[0], DENY[0], DENY[1]]).unwrap());
}

#[test]
fn another_users_is_not_taken() {
    let Some(program) = ours() else { return };
    let other = std::thread::spawn(move || {
        // Of this thread alone, the real one alone: it may do what it could before.
        // SAFETY: no pointer is passed, and nothing in this process depends on the thread's ids.
        let changed = unsafe { libc::syscall(libc::SYS_setresuid, 1, -1, -1) };
        assert_eq!(changed, 0);
        is_cgroup_device(&program, NAME, &DENY)
    });
    assert!(!other.join().unwrap().unwrap());
}

#[test]
fn one_with_a_map_is_not_taken() {
    #[repr(C)]
    struct Array {
        map_type: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
    }
    #[repr(C)]
    struct Bind {
        prog_fd: u32,
        map_fd: u32,
        flags: u32,
    }
    let Some(program) = ours() else { return };
    let mut array = Array { map_type: 2, key_size: 4, value_size: 4, max_entries: 1 };
    let map = own(bpf(0, &mut array).unwrap());
    let (prog_fd, map_fd) = (program.as_raw_fd() as u32, map.as_raw_fd() as u32);
    bpf(35, &mut Bind { prog_fd, map_fd, flags: 0 }).unwrap();
    assert!(!is_cgroup_device(&program, NAME, &DENY).unwrap());
}

#[test]
fn one_with_btf_is_not_taken() {
    #[repr(C)]
    struct LoadBtf {
        btf: u64,
        log: u64,
        btf_size: u32,
        log_size: u32,
        log_level: u32,
    }
    #[repr(C)]
    struct Load {
        prog_type: u32,
        insn_cnt: u32,
        insns: u64,
        license: u64,
        log: [u32; 4],
        kern_version: u32,
        prog_flags: u32,
        prog_name: Name,
        prog_ifindex: u32,
        expected_attach_type: u32,
        prog_btf_fd: u32,
        func_info_rec_size: u32,
        func_info: u64,
        func_info_cnt: u32,
    }
    if ours().is_none() {
        return;
    }
    // `int f(void)`: an int of 32 bits, a prototype, a function (Documentation/bpf/btf.rst).
    let types: [u32; 10] = [1, 1 << 24, 4, 32 | 1 << 24, 0, 13 << 24, 1, 5, 12 << 24, 2];
    let names = *b"\0int\0f\0\0";
    let mut btf = Vec::new();
    for word in [0x0001_eb9f, 24, 0, 40, 40, names.len() as u32].iter().chain(&types) {
        btf.extend(word.to_ne_bytes());
    }
    btf.extend(names);
    let (address, size) = (btf.as_ptr() as u64, btf.len() as u32);
    let mut types = LoadBtf { btf: address, log: 0, btf_size: size, log_size: 0, log_level: 0 };
    let types = own(bpf(18, &mut types).unwrap());
    // struct bpf_func_info { insn_off, type_id }
    let function: [u32; 2] = [0, 3];
    let mut load = Load {
        prog_type: PROG_TYPE_CGROUP_DEVICE,
        insn_cnt: 2,
        insns: DENY.as_ptr() as u64,
        license: c"Apache-2.0".as_ptr() as u64,
        log: [0; 4],
        kern_version: 0,
        prog_flags: 0,
        prog_name: NAME,
        prog_ifindex: 0,
        expected_attach_type: 0,
        prog_btf_fd: types.as_raw_fd() as u32,
        func_info_rec_size: 8,
        func_info: function.as_ptr() as u64,
        func_info_cnt: 1,
    };
    let program = own(bpf(PROG_LOAD, &mut load).unwrap());
    assert_eq!(program_instructions(&program).unwrap(), DENY);
    assert!(!is_cgroup_device(&program, NAME, &DENY).unwrap());
}
