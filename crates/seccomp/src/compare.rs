//! Conditions on 64-bit arguments, of which BPF sees one 32-bit half at a time. On 32-bit
//! architectures only the low halves of argument and value count.

use crate::assemble::{Assembler, Label};
use crate::filter::{JEQ, JGE, JGT, argument};
use crate::rules::{Arg, Op};

/// Writes the condition `arg`, which goes to `yes` if it holds, else to `no`.
pub(crate) fn condition(
    asm: &mut Assembler,
    arg: &Arg,
    is_32bit: bool,
    yes: Label,
    no: Label,
) -> Label {
    let all = if is_32bit { u64::from(u32::MAX) } else { u64::MAX };
    let one = Halves { asm, offset: argument(arg.index), is_32bit };
    match arg.op {
        Op::Eq => one.masked(all, arg.value, yes, no),
        Op::Ne => one.masked(all, arg.value, no, yes),
        Op::MaskedEq => one.masked(arg.value & all, arg.value_two, yes, no),
        Op::Gt => one.order(JGT, arg.value, yes, no),
        Op::Le => one.order(JGT, arg.value, no, yes),
        Op::Ge => one.order(JGE, arg.value, yes, no),
        Op::Lt => one.order(JGE, arg.value, no, yes),
    }
}

const fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

const fn low(value: u64) -> u32 {
    value as u32
}

/// One argument, of which `offset` is its low half's.
struct Halves<'a> {
    asm: &'a mut Assembler,
    offset: u32,
    is_32bit: bool,
}

impl Halves<'_> {
    /// Loads a half for the comparison `next`, unless that was none.
    fn load(&mut self, half: u32, next: Label) -> Label {
        self.asm.load(self.offset + half, next)
    }

    /// `argument & mask == value & mask`; the low half first, since that is where values differ.
    fn masked(mut self, mask: u64, value: u64, yes: Label, no: Label) -> Label {
        let after = self.half(4, high(mask), high(value), yes, no);
        self.half(0, low(mask), low(value), after, no)
    }

    fn half(&mut self, half: u32, mask: u32, value: u32, yes: Label, no: Label) -> Label {
        if mask == 0 || yes == no {
            return yes;
        }
        let mut next = self.asm.compare(JEQ, value & mask, yes, no);
        if mask != u32::MAX {
            next = self.asm.and(mask, next);
        }
        self.load(half, next)
    }

    /// `argument > value` or, by `code`, `>=`.
    fn order(mut self, code: u16, value: u64, yes: Label, no: Label) -> Label {
        let (high, low) = (high(value), low(value));
        if yes == no {
            return yes;
        }
        let lower = self.asm.compare(code, low, yes, no);
        let lower = self.load(0, lower);
        if self.is_32bit {
            return lower;
        }
        let upper = match high {
            0 => self.asm.compare(JEQ, 0, lower, yes),
            _ => {
                let equal = self.asm.compare(JEQ, high, lower, no);
                match high {
                    u32::MAX => equal,
                    _ => self.asm.compare(JGT, high, yes, equal),
                }
            }
        };
        self.load(4, upper)
    }
}
