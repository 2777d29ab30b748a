//! bpf(2), as far as cgroup device programs need it.
//!
//! Constants and layouts: `include/uapi/linux/bpf.h`. Each command has a `repr(C)` struct of its
//! own with the members that it reads; the kernel takes the missing rest of `union bpf_attr` as
//! zero.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::Errno;

use crate::{Context, Result};

const PROG_LOAD: libc::c_int = 5;
const PROG_ATTACH: libc::c_int = 8;
const PROG_DETACH: libc::c_int = 9;
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const PROG_QUERY: libc::c_int = 16;

const PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_TYPE_CGROUP_DEVICE: u32 = 6;
const F_ALLOW_MULTI: u32 = 1 << 1;
const F_REPLACE: u32 = 1 << 2;
/// At most so many programs of one attach type stand on one cgroup (BPF_CGROUP_MAX_PROGS).
const MAX_PROGRAMS: usize = 64;

/// The name of a program: at most 15 bytes of `[A-Za-z0-9_.]` and NULs to the end
/// (BPF_OBJ_NAME_LEN).
pub type Name = [u8; 16];

/// One eBPF instruction, `struct bpf_insn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// Class, operation and source of the operand.
    pub code: u8,
    /// Destination register in the low four bits, source register in the high four.
    pub registers: u8,
    /// Jump distance in instructions, or memory offset in bytes.
    pub offset: i16,
    /// The constant operand.
    pub immediate: i32,
}

/// The call bpf(2) with one command struct; returns its non-negative result.
fn bpf<T>(command: libc::c_int, attributes: &mut T) -> std::result::Result<libc::c_int, Errno> {
    // SAFETY: `attributes` is a live, writable repr(C) struct and its true size is passed with it;
    // pointers inside it come from borrows that outlive this call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attributes),
            std::mem::size_of::<T>() as libc::c_uint,
        )
    };
    if result < 0 {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
        return Err(Errno::from_raw_os_error(errno));
    }
    Ok(result as libc::c_int)
}

/// Makes an owned descriptor of the number that bpf(2) returned.
fn own(fd: libc::c_int) -> OwnedFd {
    // SAFETY: only called with a descriptor that bpf(2) has just made for us and nobody else owns.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Loads a program of type BPF_PROG_TYPE_CGROUP_DEVICE; returns its descriptor (close-on-exec).
///
/// Errors: EPERM without CAP_BPF or CAP_SYS_ADMIN (before kernel 5.11 also where RLIMIT_MEMLOCK
/// is used up), EINVAL or EACCES where the verifier refuses the program.
pub fn load_cgroup_device(name: Name, program: &[Instruction]) -> Result<OwnedFd> {
    #[repr(C)]
    struct Attributes {
        prog_type: u32,
        insn_cnt: u32,
        insns: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log_buf: u64,
        kern_version: u32,
        prog_flags: u32,
        prog_name: Name,
    }
    let license: &CStr = c"Apache-2.0";
    let mut attributes = Attributes {
        prog_type: PROG_TYPE_CGROUP_DEVICE,
        insn_cnt: program.len() as u32,
        insns: program.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buf: 0,
        kern_version: 0,
        prog_flags: 0,
        prog_name: name,
    };
    // The verifier gives EAGAIN when a signal is pending for the caller.
    for _ in 0..8 {
        match bpf(PROG_LOAD, &mut attributes) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => return other.map(own).sys("bpf", || describe_load(program.len())),
        }
    }
    Err(Errno::AGAIN).sys("bpf", || describe_load(program.len()))
}

fn describe_load(instructions: usize) -> String {
    format!("BPF_PROG_LOAD of {instructions} instructions for devices")
}

#[repr(C)]
struct AttachAttributes {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
    replace_bpf_fd: u32,
}

/// Attaches a device program to a cgroup v2 directory, beside others (BPF_F_ALLOW_MULTI).
///
/// With `replace`, that attached program is exchanged for the new one in one step
/// (BPF_F_REPLACE, kernel 5.6), so that no access goes unchecked between.
pub fn attach_cgroup_device(
    cgroup: impl AsFd,
    program: impl AsFd,
    replace: Option<BorrowedFd<'_>>,
) -> Result<()> {
    let mut attributes = AttachAttributes {
        target_fd: cgroup.as_fd().as_raw_fd() as u32,
        attach_bpf_fd: program.as_fd().as_raw_fd() as u32,
        attach_type: ATTACH_TYPE_CGROUP_DEVICE,
        attach_flags: F_ALLOW_MULTI | if replace.is_some() { F_REPLACE } else { 0 },
        replace_bpf_fd: replace.map_or(0, |fd| fd.as_raw_fd() as u32),
    };
    bpf(PROG_ATTACH, &mut attributes).map(drop).sys("bpf", || "BPF_PROG_ATTACH for devices")
}

/// Detaches a device program from a cgroup v2 directory. ENOENT if it is not attached there.
pub fn detach_cgroup_device(cgroup: impl AsFd, program: impl AsFd) -> Result<()> {
    let mut attributes = AttachAttributes {
        target_fd: cgroup.as_fd().as_raw_fd() as u32,
        attach_bpf_fd: program.as_fd().as_raw_fd() as u32,
        attach_type: ATTACH_TYPE_CGROUP_DEVICE,
        attach_flags: 0,
        replace_bpf_fd: 0,
    };
    bpf(PROG_DETACH, &mut attributes).map(drop).sys("bpf", || "BPF_PROG_DETACH for devices")
}

/// The ids of the device programs attached to this very cgroup, in the order they run.
pub fn query_cgroup_device(cgroup: impl AsFd) -> Result<Vec<u32>> {
    #[repr(C)]
    struct Attributes {
        target_fd: u32,
        attach_type: u32,
        query_flags: u32,
        attach_flags: u32,
        prog_ids: u64,
        prog_cnt: u32,
        padding: u32,
    }
    let mut ids = [0_u32; MAX_PROGRAMS];
    let mut attributes = Attributes {
        target_fd: cgroup.as_fd().as_raw_fd() as u32,
        attach_type: ATTACH_TYPE_CGROUP_DEVICE,
        query_flags: 0,
        attach_flags: 0,
        prog_ids: ids.as_mut_ptr() as u64,
        prog_cnt: MAX_PROGRAMS as u32,
        padding: 0,
    };
    bpf(PROG_QUERY, &mut attributes).sys("bpf", || "BPF_PROG_QUERY for devices")?;
    Ok(ids[..(attributes.prog_cnt as usize).min(MAX_PROGRAMS)].to_vec())
}

/// A descriptor of the loaded program with this id. ENOENT if it is gone.
pub fn program_by_id(id: u32) -> Result<OwnedFd> {
    #[repr(C)]
    struct Attributes {
        prog_id: u32,
        next_id: u32,
        open_flags: u32,
    }
    let mut attributes = Attributes { prog_id: id, next_id: 0, open_flags: 0 };
    bpf(PROG_GET_FD_BY_ID, &mut attributes)
        .map(own)
        .sys("bpf", || format!("BPF_PROG_GET_FD_BY_ID {id}"))
}

/// The first members of `struct bpf_prog_info`, to the BTF.
#[repr(C)]
#[derive(Default)]
struct Info {
    kind: u32,
    id: u32,
    tag: [u8; 8],
    jited_len: u32,
    xlated_len: u32,
    jited_insns: u64,
    xlated_insns: u64,
    load_time: u64,
    created_by_uid: u32,
    nr_map_ids: u32,
    map_ids: u64,
    name: Name,
    ifindex: u32,
    gpl_compatible: u32,
    netns_dev: u64,
    netns_ino: u64,
    nr_jited_ksyms: u32,
    nr_jited_func_lens: u32,
    jited_ksyms: u64,
    jited_func_lens: u64,
    btf_id: u32,
    func_info_rec_size: u32,
}

/// Fills `info`; what it points to must be writable, and be as long as it says.
fn describe(program: impl AsFd, info: &mut Info) -> Result<()> {
    #[repr(C)]
    struct Attributes {
        bpf_fd: u32,
        info_len: u32,
        info: u64,
    }
    let mut attributes = Attributes {
        bpf_fd: program.as_fd().as_raw_fd() as u32,
        info_len: std::mem::size_of::<Info>() as u32,
        info: std::ptr::from_mut(info) as u64,
    };
    bpf(OBJ_GET_INFO_BY_FD, &mut attributes).map(drop).sys("bpf", || "BPF_OBJ_GET_INFO_BY_FD")
}

/// The name that a program was loaded with.
pub fn program_name(program: impl AsFd) -> Result<Name> {
    let mut info = Info::default();
    describe(program, &mut info)?;
    Ok(info.name)
}

/// The instructions of a loaded program as the verifier has left them: for a device program those
/// that were loaded. None without CAP_SYS_ADMIN (or CAP_BPF and CAP_PERFMON).
pub fn program_instructions(program: impl AsFd) -> Result<Vec<Instruction>> {
    let mut info = Info::default();
    describe(&program, &mut info)?;
    let size = std::mem::size_of::<Instruction>();
    let nothing = Instruction { code: 0, registers: 0, offset: 0, immediate: 0 };
    let mut instructions = vec![nothing; info.xlated_len as usize / size];
    let mut info = Info {
        xlated_len: (instructions.len() * size) as u32,
        xlated_insns: instructions.as_mut_ptr() as u64,
        ..Info::default()
    };
    describe(&program, &mut info)?;
    // The kernel takes the address away where the caller may not see them.
    instructions.truncate(if info.xlated_insns == 0 { 0 } else { info.xlated_len as usize / size });
    Ok(instructions)
}

/// Whether a program is a device program that does nothing but run these instructions: loaded with
/// them by this user under this name, with no map and no BTF (by which others could be attached to
/// it). False without the capabilities that [`program_instructions`] needs.
pub fn is_cgroup_device(
    program: impl AsFd,
    name: Name,
    instructions: &[Instruction],
) -> Result<bool> {
    let nothing = Instruction { code: 0, registers: 0, offset: 0, immediate: 0 };
    let mut found = vec![nothing; instructions.len()];
    let size = std::mem::size_of_val(instructions) as u32;
    let mut info =
        Info { xlated_len: size, xlated_insns: found.as_mut_ptr() as u64, ..Info::default() };
    describe(program, &mut info)?;
    Ok(info.kind == PROG_TYPE_CGROUP_DEVICE
        && info.name == name
        && info.created_by_uid == rustix::process::getuid().as_raw()
        && (info.nr_map_ids, info.btf_id) == (0, 0)
        && info.xlated_insns != 0
        && info.xlated_len == size
        && found == instructions)
}

#[cfg(test)]
mod tests;
