//! Several filters as one: what the kernel would answer if each were loaded, for the price of one.

use std::borrow::Cow;

use crate::filter::RET_KILL_THREAD;
use crate::ranges::{BAD_ARCH, Chain, Group, Leaf, Range};
use crate::resolve::{Alternative, Rules};

impl<'a> Rules<'a> {
    /// The rules whose filter answers every call as the kernel does where the filter of `self` is
    /// loaded and then the one of `later`: the more restrictive of the two answers, and of two
    /// that differ in their errno only the later one's (seccomp(2)).
    ///
    /// None if the two want different flags, since a flag is a filter's own. What is merged may be
    /// too long where the single filters are not.
    #[must_use]
    pub fn merge(&self, later: &Rules<'a>) -> Option<Rules<'a>> {
        if self.flags != later.flags {
            return None;
        }
        let mut pair = Pair { first: self, second: later, alternatives: Vec::new() };
        let covered = |audit: u32| self.groups.iter().any(|group| group.audit == audit);
        let more = later.groups.iter().filter(|group| !covered(group.audit));
        let all = self.groups.iter().chain(more);
        let groups = all.filter_map(|group| pair.group(group.audit)).collect();
        Some(Rules {
            groups,
            alternatives: pair.alternatives,
            skipped: [&*self.skipped, &later.skipped].concat(),
            flags: self.flags,
            needs_listener: self.needs_listener || later.needs_listener,
        })
    }
}

/// The answer of the kernel to `first` and `second`, of filters loaded in this order: the smaller
/// action as a signed number (kernel/seccomp.c, `seccomp_run_filters`).
fn restrictive(first: u32, second: u32) -> u32 {
    const ACTION: u32 = 0xffff_0000;
    let action = |answer: u32| (answer & ACTION).cast_signed();
    if action(first) < action(second) { first } else { second }
}

struct Pair<'r, 'a> {
    first: &'r Rules<'a>,
    second: &'r Rules<'a>,
    /// Of the merged rules.
    alternatives: Vec<Alternative<'a>>,
}

/// A group's chains while they come into being: each with the two leaves it is made of.
type Made = Vec<((Leaf, Leaf), Leaf)>;

impl<'a> Pair<'_, 'a> {
    /// The merged calls of an architecture; none if they come to what uncovered ones come to.
    fn group(&mut self, audit: u32) -> Option<Group> {
        let (first, second) = (self.first, self.second);
        let uncovered = Group {
            audit,
            ranges: vec![Range { start: 0, leaf: Leaf::Return(BAD_ARCH) }],
            chains: Vec::new(),
        };
        let of = |rules: &'_ Rules<'a>| rules.groups.iter().position(|group| group.audit == audit);
        let one = of(first).and_then(|at| first.groups.get(at)).unwrap_or(&uncovered);
        let two = of(second).and_then(|at| second.groups.get(at)).unwrap_or(&uncovered);
        let mut made = Made::new();
        let mut chains = Vec::new();
        let mut ranges: Vec<Range> = Vec::with_capacity(one.ranges.len() + two.ranges.len());
        for (start, leaves) in side_by_side(&one.ranges, &two.ranges) {
            let known = made.iter().find(|(of, _)| *of == leaves).map(|(_, leaf)| *leaf);
            let leaf = known.unwrap_or_else(|| {
                let leaf = self.leaf(one, two, leaves, &mut chains);
                made.push((leaves, leaf));
                leaf
            });
            if ranges.last().is_none_or(|last| last.leaf != leaf) {
                ranges.push(Range { start, leaf });
            }
        }
        let kills = matches!(*ranges, [Range { leaf: Leaf::Return(RET_KILL_THREAD), .. }]);
        (!kills).then_some(Group { audit, ranges, chains })
    }

    /// What two decisions about one call come to.
    fn leaf(
        &mut self,
        one: &Group,
        two: &Group,
        leaves: (Leaf, Leaf),
        chains: &mut Vec<Chain>,
    ) -> Leaf {
        if let (Leaf::Return(first), Leaf::Return(second)) = leaves {
            return Leaf::Return(restrictive(first, second));
        }
        let first = branches(self.first, one, leaves.0);
        let second = branches(self.second, two, leaves.1);
        let mut merged: Vec<Alternative<'a>> = Vec::new();
        for (args, outcome) in &first {
            for (more, other) in &second {
                let args = match (args.is_empty(), more.is_empty()) {
                    (_, true) => args.clone(),
                    (true, _) => more.clone(),
                    _ => Cow::Owned([&**args, more].concat()),
                };
                merged.push(Alternative { args, outcome: restrictive(*outcome, *other) });
            }
        }
        // The last has no conditions.
        let otherwise = merged.pop().map_or(BAD_ARCH, |last| last.outcome);
        while merged.pop_if(|last| last.outcome == otherwise).is_some() {}
        if merged.is_empty() {
            return Leaf::Return(otherwise);
        }
        let start = self.alternatives.len();
        self.alternatives.append(&mut merged);
        let is_32bit = [(one, leaves.0), (two, leaves.1)]
            .into_iter()
            .any(|(group, leaf)| chain(group, leaf).is_some_and(|chain| chain.is_32bit));
        let alternatives = (start..self.alternatives.len()).collect();
        chains.push(Chain { alternatives, otherwise, is_32bit });
        Leaf::Chain(chains.len() - 1)
    }
}

/// Each pair of decisions that some numbers share, and where these numbers start.
fn side_by_side<'r>(
    one: &'r [Range],
    two: &'r [Range],
) -> impl Iterator<Item = (u32, (Leaf, Leaf))> + 'r {
    let (mut i, mut j) = (0, 0);
    std::iter::from_fn(move || {
        let (first, second) = (one.get(i)?, two.get(j)?);
        let found = (first.start.max(second.start), (first.leaf, second.leaf));
        let ends = [one.get(i + 1), two.get(j + 1)]
            .map(|next| next.map_or(1 << 32, |range| u64::from(range.start)));
        i += usize::from(ends[0] <= ends[1]);
        j += usize::from(ends[1] <= ends[0]);
        Some(found)
    })
}

fn chain(group: &Group, leaf: Leaf) -> Option<&Chain> {
    match leaf {
        Leaf::Return(_) => None,
        Leaf::Chain(index) => group.chains.get(index),
    }
}

/// A decision as alternatives, of which the last has no conditions.
fn branches<'a>(rules: &Rules<'a>, group: &Group, leaf: Leaf) -> Vec<(Cow<'a, [crate::Arg]>, u32)> {
    let Leaf::Return(outcome) = leaf else {
        let Some(chain) = chain(group, leaf) else { return Vec::new() };
        let alternatives = chain.alternatives.iter().filter_map(|at| rules.alternatives.get(*at));
        let last = (Cow::Borrowed(&[][..]), chain.otherwise);
        return alternatives
            .map(|alternative| (alternative.args.clone(), alternative.outcome))
            .chain([last])
            .collect();
    };
    vec![(Cow::Borrowed(&[][..]), outcome)]
}

#[cfg(test)]
mod tests;
