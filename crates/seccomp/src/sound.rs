//! Whether a program that has been kept somewhere is one that the compiler can have made.

use crate::filter::{
    AND, JA, JEQ, JGE, JGT, LD_ABS, MAX_INSTRUCTIONS, Program, RET, RET_NOTIFY, SockFilter,
};
use crate::rules::Flag;

/// The size of `struct seccomp_data` (linux/seccomp.h).
const DATA: u32 = 64;

impl Program {
    /// Whether the kernel takes the filter (`bpf_check_classic` in net/core/filter.c,
    /// `seccomp_check_filter` in kernel/seccomp.c), and nothing in it is what the compiler never
    /// writes: all jumps stay inside, all loads are of the call's words, every way ends in a
    /// return, and an agent is asked only if the program says so.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let known = Flag::ALL.iter().fold(0, |bits, flag| bits | flag.bit());
        let length = self.filter.len();
        let ends = self.filter.last().is_some_and(|last| last.code == RET);
        let mut steps = self.filter.iter().enumerate();
        (1..=MAX_INSTRUCTIONS).contains(&length)
            && ends
            && self.flags & !known == 0
            && steps.all(|(at, step)| self.takes(step, length - at - 1))
    }

    /// Whether one instruction is sound that `after` others follow.
    fn takes(&self, instruction: &SockFilter, after: usize) -> bool {
        let SockFilter { code, jt, jf, k } = *instruction;
        match code {
            LD_ABS => jt == 0 && jf == 0 && k < DATA && k.is_multiple_of(4),
            AND => jt == 0 && jf == 0,
            RET => jt == 0 && jf == 0 && (self.needs_listener || k != RET_NOTIFY),
            JA => jt == 0 && jf == 0 && usize::try_from(k).is_ok_and(|skip| skip < after),
            JEQ | JGT | JGE => usize::from(jt.max(jf)) < after,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
