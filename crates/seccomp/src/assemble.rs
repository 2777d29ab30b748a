//! Writes a filter from its end to its beginning, so that every jump, which BPF allows forwards
//! only, knows its target.

use crate::filter::{AND, JA, LD_ABS, RET, SockFilter};

/// An instruction already written: its index counted from the filter's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label(usize);

/// A filter that grows at its beginning.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    reversed: Vec<SockFilter>,
    /// The latest place of each return value.
    returns: Vec<(u32, Label)>,
}

impl Assembler {
    pub(crate) fn new() -> Assembler {
        Assembler { reversed: Vec::with_capacity(512), returns: Vec::with_capacity(8) }
    }

    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> Label {
        self.reversed.push(SockFilter { code, jt, jf, k });
        Label(self.reversed.len() - 1)
    }

    /// How many instructions the next one would skip to get to `target`, with `more` instructions
    /// written in between.
    fn distance(&self, target: Label, more: usize) -> usize {
        self.reversed.len() + more - target.0 - 1
    }

    /// Ends the filter with `value`.
    pub(crate) fn ret(&mut self, value: u32) -> Label {
        let known = self.returns.iter().position(|(known, _)| *known == value);
        let old = known.and_then(|at| self.returns.get(at));
        if let Some((_, label)) = old
            && self.distance(*label, 2) <= usize::from(u8::MAX)
        {
            return *label;
        }
        let label = self.push(RET, 0, 0, value);
        match known.and_then(|at| self.returns.get_mut(at)) {
            Some(entry) => entry.1 = label,
            None => self.returns.push((value, label)),
        }
        label
    }

    /// `target` or a copy or a jump to it that a comparison can reach, with `more` instructions
    /// written before the comparison.
    fn near(&mut self, target: Label, more: usize) -> Label {
        if self.distance(target, more) <= usize::from(u8::MAX) {
            return target;
        }
        match self.reversed.get(target.0) {
            Some(end) if end.code == RET => self.ret(end.k),
            _ => self.jump(target),
        }
    }

    /// Goes to `target`, however far.
    fn jump(&mut self, target: Label) -> Label {
        // A filter is refused long before it has 2^32 instructions.
        let distance = u32::try_from(self.distance(target, 0)).unwrap_or(u32::MAX);
        self.push(JA, 0, 0, distance)
    }

    /// Compares the accumulator with `k` and goes to `yes` or `no`.
    pub(crate) fn compare(&mut self, code: u16, k: u32, yes: Label, no: Label) -> Label {
        if yes == no {
            return yes;
        }
        let yes = self.near(yes, 1);
        let no = self.near(no, 0);
        let [jt, jf] = [yes, no].map(|label| u8::try_from(self.distance(label, 0)));
        // `near` has made both fit.
        self.push(code, jt.unwrap_or(u8::MAX), jf.unwrap_or(u8::MAX), k)
    }

    /// Makes `next` follow what is written next.
    fn follow(&mut self, next: Label) {
        if next.0 + 1 == self.reversed.len() {
            return;
        }
        match self.reversed.get(next.0) {
            Some(end) if end.code == RET => {
                self.push(RET, 0, 0, end.k);
            }
            _ => {
                self.jump(next);
            }
        }
    }

    /// Loads the word at `offset` of `struct seccomp_data`, then goes on with `next`.
    pub(crate) fn load(&mut self, offset: u32, next: Label) -> Label {
        self.follow(next);
        self.push(LD_ABS, 0, 0, offset)
    }

    /// Masks the accumulator, then goes on with `next`.
    pub(crate) fn and(&mut self, mask: u32, next: Label) -> Label {
        self.follow(next);
        self.push(AND, 0, 0, mask)
    }

    /// The filter, from its beginning; it begins with `first`.
    pub(crate) fn finish(mut self, first: Label) -> Vec<SockFilter> {
        self.follow(first);
        self.reversed.reverse();
        self.reversed
    }
}

#[cfg(test)]
mod tests;
