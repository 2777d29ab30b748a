//! Runs filters as the kernel's classic BPF does, for tests and fuzzers.
//!
//! A filter that the kernel would refuse to load (net/core/filter.c `bpf_check_classic`,
//! kernel/seccomp.c `seccomp_check_filter`) is refused here too, though only where it is executed.

use std::fmt;

use crate::filter::SockFilter;

/// What a filter sees: `struct seccomp_data` of linux/seccomp.h.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeccompData {
    /// The call's number.
    pub nr: u32,
    /// `AUDIT_ARCH_*`; see [`crate::Arch::audit`].
    pub arch: u32,
    /// Where the call was made.
    pub instruction_pointer: u64,
    /// The call's arguments.
    pub args: [u64; 6],
}

impl SeccompData {
    /// The 32-bit word at `offset`, as a little-endian machine has it.
    fn word(&self, offset: u32) -> Option<u32> {
        let half = |value: u64, upper: bool| (if upper { value >> 32 } else { value }) as u32;
        match (offset, offset / 8) {
            _ if !offset.is_multiple_of(4) => None,
            (0, _) => Some(self.nr),
            (4, _) => Some(self.arch),
            (_, 1) => Some(half(self.instruction_pointer, offset > 8)),
            (_, index) => {
                let value = self.args.get(usize::try_from(index).ok()?.checked_sub(2)?)?;
                Some(half(*value, offset % 8 == 4))
            }
        }
    }
}

/// How a filter ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `SECCOMP_RET_*` and its data (seccomp(2)).
    pub value: u32,
    /// Instructions executed.
    pub steps: usize,
}

/// An instruction that the kernel does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadInstruction {
    /// Its index; the filter's length if the filter ends without a return.
    pub at: usize,
}

impl fmt::Display for BadInstruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instruction {} is not one that the kernel takes", self.at)
    }
}

impl std::error::Error for BadInstruction {}

/// Runs `filter` on `data`.
///
/// # Errors
/// The first executed instruction that the kernel would not take.
pub fn run(filter: &[SockFilter], data: &SeccompData) -> Result<Outcome, BadInstruction> {
    let mut machine = Machine { data, a: 0, x: 0, memory: [0; 16] };
    let mut at = 0;
    // Jumps go forwards only, so this ends.
    for steps in 1.. {
        let next = filter.get(at).and_then(|instruction| machine.step(instruction));
        match next.ok_or(BadInstruction { at })? {
            Next::Skip(count) => at = at.saturating_add(1).saturating_add(count),
            Next::End(value) => return Ok(Outcome { value, steps }),
        }
    }
    Err(BadInstruction { at })
}

/// What follows an instruction.
enum Next {
    Skip(usize),
    End(u32),
}

struct Machine<'a> {
    data: &'a SeccompData,
    a: u32,
    x: u32,
    memory: [u32; 16],
}

impl Machine<'_> {
    fn step(&mut self, instruction: &SockFilter) -> Option<Next> {
        let SockFilter { code, jt, jf, k } = *instruction;
        let slot = usize::try_from(k).ok()?;
        // The source of an operand: the low bits 0x08 select X (BPF_X).
        let operand = if code & 0x08 == 0 { k } else { self.x };
        match code {
            0x20 => self.a = self.data.word(k)?,
            0x00 => self.a = k,
            0x01 => self.x = k,
            // The length of struct seccomp_data.
            0x80 => self.a = 64,
            0x81 => self.x = 64,
            0x60 => self.a = *self.memory.get(slot)?,
            0x61 => self.x = *self.memory.get(slot)?,
            0x02 => *self.memory.get_mut(slot)? = self.a,
            0x03 => *self.memory.get_mut(slot)? = self.x,
            0x07 => self.x = self.a,
            0x87 => self.a = self.x,
            0x06 => return Some(Next::End(k)),
            0x16 => return Some(Next::End(self.a)),
            0x05 => return Some(Next::Skip(slot)),
            0x15 | 0x1d => return Some(jump(self.a == operand, jt, jf)),
            0x25 | 0x2d => return Some(jump(self.a > operand, jt, jf)),
            0x35 | 0x3d => return Some(jump(self.a >= operand, jt, jf)),
            0x45 | 0x4d => return Some(jump(self.a & operand != 0, jt, jf)),
            _ => return self.arithmetic(code, operand),
        }
        Some(Next::Skip(0))
    }

    fn arithmetic(&mut self, code: u16, operand: u32) -> Option<Next> {
        let is_x = code & 0x08 != 0;
        self.a = match code & !0x08 {
            0x04 => self.a.wrapping_add(operand),
            0x14 => self.a.wrapping_sub(operand),
            0x24 => self.a.wrapping_mul(operand),
            // Division by a constant 0 is refused, by X it ends the filter with 0.
            0x34 => match self.a.checked_div(operand) {
                Some(quotient) => quotient,
                None if is_x => return Some(Next::End(0)),
                None => return None,
            },
            0x44 => self.a | operand,
            0x54 => self.a & operand,
            0xa4 => self.a ^ operand,
            0x64 if is_x || operand < 32 => self.a.wrapping_shl(operand),
            0x74 if is_x || operand < 32 => self.a.wrapping_shr(operand),
            0x84 if !is_x => self.a.wrapping_neg(),
            _ => return None,
        };
        Some(Next::Skip(0))
    }
}

fn jump(holds: bool, jt: u8, jf: u8) -> Next {
    Next::Skip(usize::from(if holds { jt } else { jf }))
}

#[cfg(test)]
mod tests;
