//! Rules for single numbers become ranges of numbers with one decision each, without a gap.

use crate::arch::Arch;
use crate::filter::RET_KILL_THREAD;
use crate::resolve::{Alternative, Calls, Member};
use crate::table::{ARM_PRIVATE_CALLS, X32_BIT};

/// What a call comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// The filter's return value.
    Return(u32),
    /// The arguments decide: an index into [`Group::chains`].
    Chain(usize),
}

/// The numbers from `start` up to the next range's start share a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: u32,
    pub(crate) leaf: Leaf,
}

/// The calls that come with one value of `seccomp_data.arch`.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) audit: u32,
    /// Sorted, the first starts at 0, neighbours differ.
    pub(crate) ranges: Vec<Range>,
    pub(crate) chains: Vec<Chain>,
}

/// What decides where arguments matter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Indices of alternatives, in the order they are tried.
    pub(crate) alternatives: Vec<usize>,
    /// What the filter returns if none matches.
    pub(crate) otherwise: u32,
    /// Whether only the low halves of arguments count.
    pub(crate) is_32bit: bool,
}

/// What calls of an architecture that is not covered come to: libseccomp's default.
pub(crate) const BAD_ARCH: u32 = RET_KILL_THREAD;

/// Builds the ranges for `calls`. Numbers that no rule names come to `default`, those beyond the
/// newest that the profile names to `newer` if that is given.
pub(crate) fn group(
    mut calls: Calls,
    default: u32,
    newer: Option<u32>,
    alternatives: &[Alternative<'_>],
) -> Group {
    calls.rules.sort_unstable();
    let mut chains = Vec::new();
    let is_32bit = |number| match calls.audit == Arch::X32.audit() {
        true => number >= X32_BIT,
        false => calls.members.iter().any(|member| member.arch.is_32bit()),
    };
    let points: Vec<Range> = calls
        .rules
        .chunk_by(|a, b| a.0 == b.0)
        .filter_map(|same| {
            let start = same.first()?.0;
            let leaf = decide(same, is_32bit(start), default, alternatives, &mut chains);
            Some(Range { start, leaf })
        })
        .collect();
    Group {
        audit: calls.audit,
        ranges: overlay(&background(&calls.members, default, newer), &points),
        chains,
    }
}

/// What the rules for one number come to.
fn decide(
    rules: &[(u32, usize)],
    is_32bit: bool,
    otherwise: u32,
    alternatives: &[Alternative<'_>],
    chains: &mut Vec<Chain>,
) -> Leaf {
    let mut known = rules.iter().filter_map(|(_, index)| alternatives.get(*index));
    if let Some(unconditional) = known.find(|alternative| alternative.args.is_empty()) {
        return Leaf::Return(unconditional.outcome);
    }
    let same = |chain: &Chain| {
        chain.is_32bit == is_32bit
            && chain.alternatives.iter().eq(rules.iter().map(|(_, index)| index))
    };
    Leaf::Chain(chains.iter().position(same).unwrap_or_else(|| {
        let alternatives = rules.iter().map(|(_, index)| *index).collect();
        chains.push(Chain { alternatives, otherwise, is_32bit });
        chains.len() - 1
    }))
}

/// The ranges as they are without rules.
fn background(members: &[Member], default: u32, newer: Option<u32>) -> Vec<Range> {
    let default = Leaf::Return(default);
    let newer = newer.map(Leaf::Return);
    let mut ranges = Vec::with_capacity(5);
    // The ranges of one architecture's numbers, which start at `start`.
    let mut add = |arch: Arch, start: u32| {
        let member = members.iter().find(|member| member.arch == arch);
        ranges.push(Range {
            start,
            leaf: if member.is_some() { default } else { Leaf::Return(BAD_ARCH) },
        });
        let beyond = member.and_then(|member| member.newest?.checked_add(1)).zip(newer);
        ranges.extend(beyond.map(|(start, leaf)| Range { start, leaf }));
        beyond.is_some()
    };
    match members.first().map(|member| member.arch) {
        None => {}
        Some(Arch::X86_64 | Arch::X32) => {
            let beyond = add(Arch::X86_64, 0);
            add(Arch::X32, X32_BIT);
            if !members.iter().any(|member| member.arch == Arch::X32) {
                // -1 is no call of x32, but what a tracer writes to skip a call.
                let leaf = newer.filter(|_| beyond).unwrap_or(default);
                ranges.push(Range { start: u32::MAX, leaf });
            }
        }
        Some(Arch::Arm) => {
            add(Arch::Arm, 0);
            ranges.push(Range { start: ARM_PRIVATE_CALLS, leaf: default });
        }
        Some(arch) => {
            add(arch, 0);
        }
    }
    ranges
}

/// Lays `points`, which are single numbers, over `background`; both are sorted.
fn overlay(background: &[Range], points: &[Range]) -> Vec<Range> {
    let mut out: Vec<Range> = Vec::with_capacity(128);
    let mut push = |start: u64, leaf: Leaf| {
        // Beyond u32::MAX there is no number.
        let Ok(start) = u32::try_from(start) else { return };
        if out.last().is_none_or(|last| last.leaf != leaf) {
            out.push(Range { start, leaf });
        }
    };
    let mut points = points.iter().peekable();
    for (i, segment) in background.iter().enumerate() {
        let end = background.get(i + 1).map_or(1 << 32, |next| u64::from(next.start));
        let mut cursor = u64::from(segment.start);
        while let Some(point) = points.next_if(|point| u64::from(point.start) < end) {
            if cursor < u64::from(point.start) {
                push(cursor, segment.leaf);
            }
            push(u64::from(point.start), point.leaf);
            cursor = u64::from(point.start) + 1;
        }
        if cursor < end {
            push(cursor, segment.leaf);
        }
    }
    out
}

#[cfg(test)]
mod tests;
