//! Device rules as an eBPF program on a group of version 2 (cgroup-v2.rst, "Device controller").

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use sys::bpf::{self, Instruction};

use super::DevicePrograms;
use super::rules::{Access, DeviceRule, Exception, Policy};
use crate::file::Dir;
use crate::{Error, Result};

/// The name our programs carry, by which they are told from others' on the same group.
pub(super) const NAME: bpf::Name = *b"nsinit_devices\0\0";

/// The result; before the end its top bit says whether any exception has matched.
const RESULT: u8 = 0;
/// At the start: the context, `struct bpf_cgroup_dev_ctx` { access_type, major, minor }.
const CONTEXT: u8 = 1;
/// The access in the high half, the kind of device in the low one.
const ASKED: u8 = 2;
/// The device's numbers as the kernel packs them in 32 bits: 12 of the major, 20 of the minor.
const DEVICE: u8 = 3;
/// Not 0 unless this exception matches.
const MISMATCH: u8 = 4;
/// Not 0 unless kind and access match those of the present exceptions.
const ASKED_MISMATCH: u8 = 5;

/// BPF_DEVCG_DEV_BLOCK and BPF_DEVCG_DEV_CHAR.
const DEV_BLOCK: u32 = 1;
const DEV_CHAR: u32 = 2;

const KIND_MASK: u32 = 0xffff;
const MINOR_BITS: u32 = 20;
const MINOR_MASK: u32 = (1 << MINOR_BITS) - 1;
const MAJOR_LIMIT: u32 = 1 << 12;

/// Compiles rules, applied in order to a group that may do everything.
///
/// With a default of deny a request passes if one exception covers all of it; with a default of
/// allow it fails if one exception touches any of it. Pure.
///
/// The program has no branches: loading one costs the kernel's verifier 7 µs for each branch and
/// next to nothing for arithmetic. Each exception comes to a number that is 0 if it matches; less
/// one, its top bit is then set, and the top bits are collected.
///
/// Errors: [`Error::Invalid`] for numbers that no device has.
pub fn compile(rules: &[DeviceRule]) -> Result<Vec<Instruction>> {
    let mut policy = Policy::unrestricted().apply(rules)?;
    // Numbers that do not fit belong to no device, and must not be cut to those of another.
    policy.exceptions.retain(|one| {
        one.major.is_none_or(|it| it < MAJOR_LIMIT) && one.minor.is_none_or(|it| it <= MINOR_MASK)
    });
    policy.exceptions.sort_by_key(|one| (one.block, one.access));
    Ok(assemble(&policy))
}

fn assemble(Policy { allow, exceptions }: &Policy) -> Vec<Instruction> {
    let allow = *allow;
    let mut program = vec![
        op::load(ASKED, CONTEXT, 0),
        op::load(DEVICE, CONTEXT, 4),
        op::load(MISMATCH, CONTEXT, 8),
        op::shift_left32(DEVICE, MINOR_BITS),
        op::or(DEVICE, MISMATCH),
        op::set(RESULT, 0),
    ];
    let mut asked = None;
    for exception in exceptions {
        if asked.replace((exception.block, exception.access))
            != Some((exception.block, exception.access))
        {
            program.extend(asked_mismatch(exception, allow));
        }
        program.extend(device_mismatch(exception));
        program.extend([
            op::or(MISMATCH, ASKED_MISMATCH),
            op::add(MISMATCH, -1),
            op::or(RESULT, MISMATCH),
        ]);
    }
    program.push(op::shift_right(RESULT, 63));
    if allow {
        program.push(op::xor(RESULT, 1));
    }
    program.push(op::exit());
    program
}

/// Compares kind and access: all that is asked for must be in the exception where the default
/// denies, any of it where the default allows.
fn asked_mismatch(exception: &Exception, allow: bool) -> Vec<Instruction> {
    let kind = if exception.block { DEV_BLOCK } else { DEV_CHAR };
    let bits = u32::from(exception.access.bits()) << 16;
    if !allow {
        let missing = (u32::from(Access::ALL.bits()) << 16) & !bits;
        return vec![
            op::copy32(ASKED_MISMATCH, ASKED),
            op::xor32(ASKED_MISMATCH, kind),
            op::and32(ASKED_MISMATCH, KIND_MASK | missing),
        ];
    }
    vec![
        op::copy32(MISMATCH, ASKED),
        op::and32(MISMATCH, bits),
        op::add(MISMATCH, -1),
        op::shift_right(MISMATCH, 63),
        op::copy32(ASKED_MISMATCH, ASKED),
        op::and32(ASKED_MISMATCH, KIND_MASK),
        op::xor32(ASKED_MISMATCH, kind),
        op::or(ASKED_MISMATCH, MISMATCH),
    ]
}

/// Compares the device's numbers, as far as the exception names them.
fn device_mismatch(exception: &Exception) -> Vec<Instruction> {
    let mask =
        exception.major.map_or(0, |_| !MINOR_MASK) | exception.minor.map_or(0, |_| MINOR_MASK);
    let number = exception.major.unwrap_or(0) << MINOR_BITS | exception.minor.unwrap_or(0);
    match mask {
        0 => vec![op::set(MISMATCH, 0)],
        u32::MAX => vec![op::copy32(MISMATCH, DEVICE), op::xor32(MISMATCH, number)],
        _ => vec![
            op::copy32(MISMATCH, DEVICE),
            op::xor32(MISMATCH, number),
            op::and32(MISMATCH, mask),
        ],
    }
}

/// Instructions (Documentation/bpf/standardization/instruction-set.rst). Those of 32 bits clear
/// the upper half of their register.
mod op {
    use sys::bpf::Instruction;

    const fn make(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Instruction {
        Instruction { code, registers: to | from << 4, offset, immediate }
    }

    /// `to = *(u32 *)(from + offset)`
    pub(super) const fn load(to: u8, from: u8, offset: i16) -> Instruction {
        make(0x61, to, from, offset, 0)
    }

    /// `(u32) to = from`
    pub(super) const fn copy32(to: u8, from: u8) -> Instruction {
        make(0xbc, to, from, 0, 0)
    }

    /// `to = value`
    pub(super) const fn set(to: u8, value: i32) -> Instruction {
        make(0xb7, to, 0, 0, value)
    }

    /// `to += value`
    pub(super) const fn add(to: u8, value: i32) -> Instruction {
        make(0x07, to, 0, 0, value)
    }

    /// `to |= from`
    pub(super) const fn or(to: u8, from: u8) -> Instruction {
        make(0x4f, to, from, 0, 0)
    }

    /// `to ^= value`
    pub(super) const fn xor(to: u8, value: i32) -> Instruction {
        make(0xa7, to, 0, 0, value)
    }

    /// `(u32) to ^= value`
    pub(super) const fn xor32(to: u8, value: u32) -> Instruction {
        make(0xa4, to, 0, 0, value as i32)
    }

    /// `(u32) to &= value`
    pub(super) const fn and32(to: u8, value: u32) -> Instruction {
        make(0x54, to, 0, 0, value as i32)
    }

    /// `(u32) to <<= bits`
    pub(super) const fn shift_left32(to: u8, bits: u32) -> Instruction {
        make(0x64, to, 0, 0, bits as i32)
    }

    /// `to >>= bits`
    pub(super) const fn shift_right(to: u8, bits: i32) -> Instruction {
        make(0x77, to, 0, 0, bits)
    }

    /// `return r0`
    pub(super) const fn exit() -> Instruction {
        make(0x95, 0, 0, 0, 0)
    }
}

/// Puts a program for the rules on a group: in place of an earlier one of ours in one step; where
/// there is none, maybe one that is there already.
pub(crate) fn set(
    dir: &Dir,
    rules: &[DeviceRule],
    programs: Option<&DevicePrograms>,
) -> Result<()> {
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
    let instructions = compile(rules)?;
    let ours = ours(dir).map_err(on)?;
    if let (Some(programs), []) = (programs, ours.as_slice()) {
        return programs.attach(dir, instructions).map_err(on);
    }
    let program = bpf::load_cgroup_device(NAME, &instructions).map_err(on)?;
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

/// What our program on a group allows; none where there is no program of ours, or the caller may
/// not look into it.
pub(super) fn get(dir: &Dir) -> Result<Option<Policy>> {
    let on = |error| Error::system(format!("device rules of {}", dir.path().display()), error);
    let ours = ours(dir).map_err(on)?;
    let Some(program) = ours.first() else { return Ok(None) };
    Ok(policy_of(&bpf::program_instructions(program).map_err(on)?))
}

/// The way back from a program to its policy. None for one that [`compile`] has not made.
fn policy_of(program: &[Instruction]) -> Option<Policy> {
    let allow = program.contains(&op::xor(RESULT, 1));
    let mut exceptions = Vec::new();
    let (mut kind, mut access) = (0, Access::ALL);
    let (mut number, mut mask) = (0, 0);
    for one in program {
        let value = one.immediate as u32;
        let bits = Access::from_bits((value >> 16) as u8);
        match *one {
            it if it == op::xor32(ASKED_MISMATCH, value) => kind = value,
            it if !allow && it == op::and32(ASKED_MISMATCH, value) => {
                access = Access::ALL.without(bits);
            }
            it if it == op::and32(MISMATCH, value) && mask == 0 => access = bits,
            it if it == op::copy32(MISMATCH, DEVICE) => mask = u32::MAX,
            it if it == op::xor32(MISMATCH, value) => number = value,
            it if it == op::and32(MISMATCH, value) => mask = value,
            it if it == op::or(RESULT, MISMATCH) => {
                let major = (mask & !MINOR_MASK != 0).then_some(number >> MINOR_BITS);
                let minor = (mask & MINOR_MASK != 0).then_some(number & MINOR_MASK);
                exceptions.push(Exception { block: kind == DEV_BLOCK, major, minor, access });
                (number, mask) = (0, 0);
            }
            _ => {}
        }
    }
    let policy = Policy { allow, exceptions };
    (assemble(&policy) == program).then_some(policy)
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
