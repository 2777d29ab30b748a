//! Device rules as an eBPF program on a group of version 2 (cgroup-v2.rst, "Device controller").

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use sys::bpf::{self, Instruction};

use super::rules::{DeviceRule, Exception, Policy};
use crate::file::Dir;
use crate::{Error, Result};

/// The name our programs carry, by which they are told from others' on the same group.
const NAME: bpf::Name = *b"nsinit_devices\0\0";

/// The register that holds the program's result.
const R0: u8 = 0;
/// At the start: the context, `struct bpf_cgroup_dev_ctx` { access_type, major, minor }.
const CONTEXT: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

/// BPF_DEVCG_DEV_BLOCK and BPF_DEVCG_DEV_CHAR.
const DEV_BLOCK: i32 = 1;
const DEV_CHAR: i32 = 2;

/// Compiles rules, applied in order to a group that may do everything.
///
/// With a default of deny a request passes if one exception covers all of it; with a default of
/// allow it fails if one exception touches any of it. Pure.
///
/// Errors: [`Error::Invalid`] for numbers that no device has.
pub fn compile(rules: &[DeviceRule]) -> Result<Vec<Instruction>> {
    let policy = Policy::unrestricted().apply(rules)?;
    let mut program = vec![
        op::load(KIND, CONTEXT, 0),
        op::load(MAJOR, CONTEXT, 4),
        op::load(MINOR, CONTEXT, 8),
        op::copy(ACCESS, KIND),
        op::shift_right(ACCESS, 16),
        op::and(KIND, 0xffff),
    ];
    for exception in &policy.exceptions {
        append(&mut program, exception, policy.allow);
    }
    program.extend([op::set(R0, i32::from(policy.allow)), op::exit()]);
    Ok(program)
}

/// Appends the check of one exception: jump over the verdict unless everything matches.
fn append(program: &mut Vec<Instruction>, exception: &Exception, allow: bool) {
    let mut checks = Vec::with_capacity(4);
    checks.push(op::skip_unless_equal(KIND, if exception.block { DEV_BLOCK } else { DEV_CHAR }));
    let bits = i32::from(exception.access.bits());
    if bits != 7 {
        // Denied by default: leave if more is asked for than the exception has. Allowed by
        // default: leave if nothing is asked for that the exception has; "any of the bits" can
        // only be tested positively, so that jump goes over the jump away.
        if allow {
            checks.push(op::skip_if_any(ACCESS, bits));
            checks.push(op::jump());
        } else {
            checks.push(op::skip_if_any(ACCESS, 7 & !bits));
        }
    }
    // Numbers fit into 31 bits, so the sign extension of the constant does not matter.
    let numbers = [(MAJOR, exception.major), (MINOR, exception.minor)];
    checks.extend(numbers.into_iter().filter_map(|(register, number)| {
        number.map(|number| op::skip_unless_equal(register, number as i32))
    }));
    // Each check but the positive one jumps behind the two instructions of the verdict.
    let count = checks.len();
    for (index, check) in checks.iter_mut().enumerate() {
        let positive = allow && bits != 7 && index == 1;
        check.offset = if positive { 1 } else { (count - index - 1 + 2) as i16 };
    }
    program.append(&mut checks);
    program.extend([op::set(R0, i32::from(!allow)), op::exit()]);
}

/// Instructions (Documentation/bpf/standardization/instruction-set.rst).
mod op {
    use sys::bpf::Instruction;

    const fn make(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Instruction {
        Instruction { code, registers: to | from << 4, offset, immediate }
    }

    /// `to = *(u32 *)(from + offset)`
    pub(super) const fn load(to: u8, from: u8, offset: i16) -> Instruction {
        make(0x61, to, from, offset, 0)
    }

    /// `to = from`
    pub(super) const fn copy(to: u8, from: u8) -> Instruction {
        make(0xbf, to, from, 0, 0)
    }

    /// `to = value`
    pub(super) const fn set(to: u8, value: i32) -> Instruction {
        make(0xb7, to, 0, 0, value)
    }

    /// `to &= value`
    pub(super) const fn and(to: u8, value: i32) -> Instruction {
        make(0x57, to, 0, 0, value)
    }

    /// `to >>= bits`
    pub(super) const fn shift_right(to: u8, bits: i32) -> Instruction {
        make(0x77, to, 0, 0, bits)
    }

    /// `if register != value jump`
    pub(super) const fn skip_unless_equal(register: u8, value: i32) -> Instruction {
        make(0x55, register, 0, 0, value)
    }

    /// `if register & bits jump`
    pub(super) const fn skip_if_any(register: u8, bits: i32) -> Instruction {
        make(0x45, register, 0, 0, bits)
    }

    /// `jump`
    pub(super) const fn jump() -> Instruction {
        make(0x05, 0, 0, 0, 0)
    }

    /// `return r0`
    pub(super) const fn exit() -> Instruction {
        make(0x95, 0, 0, 0, 0)
    }
}

/// Puts a program for the rules on a group, in place of an earlier one of ours in one step.
pub(crate) fn set(dir: &Dir, rules: &[DeviceRule]) -> Result<()> {
    let on = |error: sys::SysError| {
        let errno = error.errno();
        Error::system(format!("device rules of {}", dir.path().display()), error).hinted(
            errno,
            || match errno {
                Errno::PERM => "needs CAP_BPF or CAP_SYS_ADMIN, and before kernel 5.11 \
                                RLIMIT_MEMLOCK to spare"
                    .to_owned(),
                Errno::NOSYS | Errno::INVAL => "the kernel needs CONFIG_CGROUP_BPF".to_owned(),
                _ => String::new(),
            },
        )
    };
    let program = bpf::load_cgroup_device(NAME, &compile(rules)?).map_err(on)?;
    let ours = ours(dir).map_err(on)?;
    let (first, others) = match ours.split_first() {
        Some((first, others)) => (Some(first), others),
        None => (None, &[][..]),
    };
    bpf::attach_cgroup_device(dir, &program, first.map(AsFd::as_fd)).map_err(on)?;
    for other in others {
        bpf::detach_cgroup_device(dir, other).map_err(on)?;
    }
    Ok(())
}

/// Our programs among those attached to the group itself.
fn ours(group: &Dir) -> sys::Result<Vec<OwnedFd>> {
    let mut found = Vec::new();
    for id in bpf::query_cgroup_device(group)? {
        match bpf::program_by_id(id) {
            Ok(program) if bpf::program_name(&program)? == NAME => found.push(program),
            Ok(_) => {}
            Err(error) if error.errno() == Errno::NOENT => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
