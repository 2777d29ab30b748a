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

/// Writes a search for an argument among `values`, which differ in their low halves only, each with
/// what the filter returns for it; of two for one value the later one counts. All others go to `no`.
pub(crate) fn one_of(
    asm: &mut Assembler,
    arg: &Arg,
    values: &[(&Arg, u32)],
    is_32bit: bool,
    no: Label,
) -> Label {
    let mut sorted: Vec<(u32, u32)> =
        values.iter().rev().map(|(arg, outcome)| (low(arg.value), *outcome)).collect();
    sorted.sort_by_key(|(value, _)| *value);
    sorted.dedup_by_key(|(value, _)| *value);
    let found = search(asm, &sorted, no);
    let offset = argument(arg.index);
    let lower = asm.load(offset, found);
    if is_32bit {
        return lower;
    }
    let upper = asm.compare(JEQ, high(arg.value), lower, no);
    asm.load(offset + 4, upper)
}

/// A binary search for the accumulator.
fn search(asm: &mut Assembler, values: &[(u32, u32)], no: Label) -> Label {
    match values {
        [] => no,
        [(value, outcome), rest @ ..] if rest.len() < 2 => {
            let yes = asm.ret(*outcome);
            let other = search(asm, rest, no);
            asm.compare(JEQ, *value, yes, other)
        }
        _ => {
            let (left, right) = values.split_at(values.len() / 2);
            let pivot = right.first().map_or(0, |(value, _)| *value);
            let yes = search(asm, right, no);
            let below = search(asm, left, no);
            asm.compare(JGE, pivot, yes, below)
        }
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
