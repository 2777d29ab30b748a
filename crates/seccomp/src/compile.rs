//! Profile to program: an architecture check, then a binary decision tree over call numbers, whose
//! leaves end the filter or look at arguments.

use crate::arch::Arch;
use crate::assemble::{Assembler, Label};
use crate::compare::{condition, one_of};
use crate::error::Error;
use crate::filter::{ARCH, JEQ, JGE, MAX_INSTRUCTIONS, NR, Program};
use crate::ranges::{BAD_ARCH, Chain, Group, Leaf, Range};
use crate::resolve::{Alternative, Rules};
use crate::rules::{Arg, Op, Profile};

/// What a profile is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The architecture of the kernel that will run the filter; see [`Arch::native`].
    pub native: Arch,
    /// If the default action forbids (errno, trap, kill), calls whose number is above all that the
    /// profile names fail with ENOSYS instead: a profile cannot mean to punish what was not there
    /// when it was written, and C libraries fall back to older calls on ENOSYS only. libseccomp
    /// does not do this by itself, OCI runtimes do.
    pub newer_is_enosys: bool,
}

impl Options {
    /// For `native`, with ENOSYS for calls newer than the profile.
    #[must_use]
    pub const fn new(native: Arch) -> Options {
        Options { native, newer_is_enosys: true }
    }
}

/// Compiles `profile`; the crate's documentation says what a profile means.
///
/// The listener's fields (`listenerPath`, `listenerMetadata`) do not matter here.
///
/// # Errors
/// A field with a value that makes no sense, or a filter longer than [`MAX_INSTRUCTIONS`].
pub fn compile(profile: &Profile, options: Options) -> Result<Program, Error> {
    Rules::new(profile, options)?.program()
}

impl Rules<'_> {
    /// Writes the filter.
    ///
    /// # Errors
    /// It would be longer than [`MAX_INSTRUCTIONS`].
    pub fn program(&self) -> Result<Program, Error> {
        let mut asm = Assembler::new();
        let mut next = asm.ret(BAD_ARCH);
        for group in self.groups.iter().rev() {
            let body = Body { asm: &mut asm, rules: self, group, chains: Vec::new() }.write();
            next = asm.compare(JEQ, group.audit, body, next);
        }
        next = asm.load(ARCH, next);
        let filter = asm.finish(next);
        if filter.len() > MAX_INSTRUCTIONS {
            return Err(Error::TooLong { instructions: filter.len() });
        }
        let Rules { flags, needs_listener, .. } = *self;
        Ok(Program { filter, flags, needs_listener, skipped: self.skipped.clone() })
    }
}

/// Writes the code for the calls of one group.
struct Body<'a> {
    asm: &'a mut Assembler,
    rules: &'a Rules<'a>,
    group: &'a Group,
    /// Where each chain is, once something needed it.
    chains: Vec<Option<Label>>,
}

impl Body<'_> {
    fn write(mut self) -> Label {
        self.chains.resize(self.group.chains.len(), None);
        let tree = self.tree(&self.group.ranges, u32::MAX);
        self.asm.load(NR, tree)
    }

    /// A binary search for the call's number, which is in the accumulator, among `ranges`, after
    /// which `end` follows.
    fn tree(&mut self, ranges: &[Range], end: u32) -> Label {
        match ranges {
            [] => self.asm.ret(BAD_ARCH),
            [one] => self.leaf(one.leaf),
            // A single number among others: one comparison for two.
            [before, one, after] if before.leaf == after.leaf && after.start - one.start == 1 => {
                let no = self.leaf(before.leaf);
                let yes = self.leaf(one.leaf);
                self.asm.compare(JEQ, one.start, yes, no)
            }
            _ => {
                let (left, right) = ranges.split_at(middle(ranges, end));
                let pivot = right.first().map_or(0, |range| range.start);
                let yes = self.tree(right, end);
                let no = self.tree(left, pivot);
                self.asm.compare(JGE, pivot, yes, no)
            }
        }
    }

    fn leaf(&mut self, leaf: Leaf) -> Label {
        let index = match leaf {
            Leaf::Return(value) => return self.asm.ret(value),
            Leaf::Chain(index) => index,
        };
        if let Some(Some(label)) = self.chains.get(index) {
            return *label;
        }
        let label = match self.group.chains.get(index) {
            Some(chain) => self.chain(chain),
            None => self.asm.ret(BAD_ARCH),
        };
        if let Some(place) = self.chains.get_mut(index) {
            *place = Some(label);
        }
        label
    }

    /// Alternatives, tried in turn; each holds if all its conditions do.
    fn chain(&mut self, chain: &Chain) -> Label {
        let mut next = self.asm.ret(chain.otherwise);
        let all = chain.alternatives.iter();
        let all: Vec<_> = all.filter_map(|index| self.rules.alternatives.get(*index)).collect();
        let mut rest = &*all;
        while let [before @ .., Alternative { args, outcome }] = rest {
            let values = values(rest, chain.is_32bit);
            if let Some((arg, _)) = values.first()
                && values.len() >= WORTH_A_SEARCH
            {
                next = one_of(self.asm, arg, &values, chain.is_32bit, next);
                rest = &rest[..rest.len() - values.len()];
                continue;
            }
            rest = before;
            let no = next;
            let mut yes = self.asm.ret(*outcome);
            for arg in args.iter().rev() {
                yes = condition(self.asm, arg, chain.is_32bit, yes, no);
            }
            next = yes;
        }
        next
    }
}

/// From so many values on, a search among them is shorter than one comparison after the other.
const WORTH_A_SEARCH: usize = 3;

/// The last of `alternatives`, as far as they all compare the same argument with one value each,
/// and these differ in their low halves only; with the outcomes.
fn values<'a>(alternatives: &[&'a Alternative<'_>], is_32bit: bool) -> Vec<(&'a Arg, u32)> {
    let high = |arg: &Arg| if is_32bit { 0 } else { arg.value >> 32 };
    let single = |alternative: &&'a Alternative<'_>| match &*alternative.args {
        [arg] if arg.op == Op::Eq => Some((arg, alternative.outcome)),
        _ => None,
    };
    let mut last = alternatives.iter().rev().map_while(single).peekable();
    let Some((first, _)) = last.peek().copied() else { return Vec::new() };
    last.take_while(|(arg, _)| arg.index == first.index && high(arg) == high(first)).collect()
}

/// Where to cut so that both sides hold about as many calls: those that are made most stand
/// together under the low numbers, and are found after fewer comparisons than the odd ones.
fn middle(ranges: &[Range], end: u32) -> usize {
    let total: u32 = weights(ranges, end).sum();
    let mut before = 0;
    let heavy = weights(ranges, end).position(|weight| {
        before += 2 * weight;
        before >= total
    });
    // Of the two ends of the range in the middle, the nearer one.
    let at = heavy.unwrap_or(0);
    let weight = weights(ranges, end).nth(at).unwrap_or(0);
    let nearer = if before - total <= weight { at + 1 } else { at };
    nearer.clamp(1, ranges.len() - 1)
}

/// What each of `ranges` counts: its calls, and 2, so that no single one is too far away.
fn weights(ranges: &[Range], end: u32) -> impl Iterator<Item = u32> + '_ {
    /// No table has numbers beyond.
    const NUMBERS: u32 = 512;
    let next = ranges.iter().skip(1).map(|range| range.start).chain([end]);
    ranges.iter().zip(next).map(|(range, end)| {
        let [start, end] = [range.start, end].map(|number| number.min(NUMBERS));
        2 + (end - start)
    })
}

#[cfg(test)]
mod tests;
