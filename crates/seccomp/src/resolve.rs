//! From a profile to what each architecture's calls come to: names become numbers, rules become
//! ranges of numbers with one decision each.

use std::borrow::Cow;

use crate::arch::Arch;
use crate::compile::Options;
use crate::error::Error;
use crate::filter::{RET_ERRNO, RET_NOTIFY, outcome};
use crate::ranges::{Group, group};
use crate::rules::{Action, Arg, Op, Profile, Rule};
use crate::table::{self, ARM_PRIVATE_CALLS};

/// Conditions and what the filter returns when they all hold.
#[derive(Clone, Debug)]
pub(crate) struct Alternative<'a> {
    pub(crate) args: Cow<'a, [Arg]>,
    pub(crate) outcome: u32,
}

/// A profile with every name looked up, or several [merged](Rules::merge).
#[derive(Debug)]
pub struct Rules<'a> {
    /// In the order of the profile.
    pub(crate) alternatives: Vec<Alternative<'a>>,
    /// The native architecture's first.
    pub(crate) groups: Vec<Group>,
    pub(crate) skipped: Vec<String>,
    pub(crate) flags: u32,
    pub(crate) needs_listener: bool,
}

impl<'a> Rules<'a> {
    /// Looks up what `profile` names; the crate's documentation says what a profile means.
    ///
    /// The listener's fields (`listenerPath`, `listenerMetadata`) do not matter here.
    ///
    /// # Errors
    /// A field with a value that makes no sense.
    pub fn new(profile: &'a Profile, options: Options) -> Result<Rules<'a>, Error> {
        resolve(profile, options)
    }

    /// See [`Program::skipped`](crate::Program::skipped).
    #[must_use]
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// See [`Program::flags`](crate::Program::flags).
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.flags
    }

    /// See [`Program::needs_listener`](crate::Program::needs_listener).
    #[must_use]
    pub fn needs_listener(&self) -> bool {
        self.needs_listener
    }
}

/// The rules for the calls that come with one value of `seccomp_data.arch`.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) audit: u32,
    pub(crate) members: Vec<Member>,
    /// Number, index of an alternative.
    pub(crate) rules: Vec<(u32, usize)>,
}

/// An architecture of the profile; x86-64 and x32 share a value of `seccomp_data.arch`.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) arch: Arch,
    /// The largest number that the profile names, whatever happens to it.
    pub(crate) newest: Option<u32>,
}

fn resolve(profile: &Profile, options: Options) -> Result<Rules<'_>, Error> {
    let default = default_outcome(profile)?;
    let mut gathered = Gathered {
        calls: covered(profile, options.native),
        alternatives: Vec::with_capacity(profile.syscalls.len()),
        multiplexed: Vec::new(),
        skipped: Vec::new(),
    };
    for (i, rule) in profile.syscalls.iter().enumerate() {
        gathered.rule(rule, check(rule, i)?, default, options.native);
    }
    gathered.spread_multiplexed();
    let Gathered { calls, alternatives, skipped, .. } = gathered;
    let newer = newer(profile, default, options);
    let groups = calls.into_iter().map(|calls| group(calls, default, newer, &alternatives));
    let groups = groups.collect();
    let mut used = alternatives.iter().map(|alternative| alternative.outcome).chain([default]);
    let needs_listener = used.any(|outcome| outcome == RET_NOTIFY);
    let flags = profile.flags.iter().fold(0, |bits, flag| bits | flag.bit());
    Ok(Rules { groups, skipped, flags, needs_listener, alternatives })
}

/// What the filter returns where no rule matches.
fn default_outcome(profile: &Profile) -> Result<u32, Error> {
    checked_outcome(profile.default_action, profile.default_errno_ret, || {
        "defaultErrnoRet".to_owned()
    })
}

/// What the filter returns where `rule`, the `i`-th of its profile, matches.
pub(crate) fn check(rule: &Rule, i: usize) -> Result<u32, Error> {
    if rule.names.is_empty() && rule.numbers.is_empty() {
        return Err(Error::NoNames { path: format!("syscalls[{i}].names") });
    }
    if let Some((a, arg)) = rule.args.iter().enumerate().find(|(_, arg)| arg.index > 5) {
        let path = format!("syscalls[{i}].args[{a}].index");
        return Err(Error::ArgumentIndex { path, index: arg.index });
    }
    checked_outcome(rule.action, rule.errno_ret, || format!("syscalls[{i}].errnoRet"))
}

fn checked_outcome(
    action: Action,
    errno: Option<u32>,
    path: impl Fn() -> String,
) -> Result<u32, Error> {
    const EPERM: u16 = 1;
    let largest = match action {
        Action::Errno => 4095,
        Action::Trace => u16::MAX,
        _ if errno.is_some() => return Err(Error::ErrnoWithoutUse { path: path(), action }),
        _ => 0,
    };
    let data = match errno {
        None => EPERM,
        Some(value) => match u16::try_from(value) {
            Ok(data) if data <= largest => data,
            _ => return Err(Error::ErrnoTooLarge { path: path(), value }),
        },
    };
    Ok(outcome(action, data))
}

/// What calls newer than the profile come to, if not the default: where that forbids. A tracer and
/// an agent decide for themselves, of a call that they may well know.
fn newer(profile: &Profile, default: u32, options: Options) -> Option<u32> {
    const ENOSYS: u32 = 38;
    let forbids = match profile.default_action {
        Action::Errno | Action::Trap | Action::Kill | Action::KillThread | Action::KillProcess => {
            true
        }
        Action::Trace | Action::Notify | Action::Log | Action::Allow => false,
    };
    let applies = options.newer_is_enosys && forbids;
    (applies && default != RET_ERRNO | ENOSYS).then_some(RET_ERRNO | ENOSYS)
}

/// The architectures that the filter covers, the native one first.
fn covered(profile: &Profile, native: Arch) -> Vec<Calls> {
    let listed = profile.architectures.iter().filter_map(|listed| Arch::of(*listed));
    let mut all: Vec<Calls> = Vec::with_capacity(2);
    for arch in [native].into_iter().chain(listed.filter(|arch| arch.runs_on(native))) {
        let member = Member { arch, newest: None };
        match all.iter_mut().find(|calls| calls.audit == arch.audit()) {
            Some(calls) if calls.members.iter().any(|known| known.arch == arch) => {}
            Some(calls) => calls.members.push(member),
            None => all.push(Calls {
                audit: arch.audit(),
                members: vec![member],
                rules: Vec::with_capacity(512),
            }),
        }
    }
    all
}

struct Gathered<'a> {
    calls: Vec<Calls>,
    alternatives: Vec<Alternative<'a>>,
    multiplexed: Vec<Multiplexed>,
    skipped: Vec<String>,
}

/// What one of the calls inside socketcall(2) or ipc(2) comes to.
struct Multiplexed {
    through: &'static str,
    number: u8,
    outcome: u32,
    unconditional: bool,
}

impl<'a> Gathered<'a> {
    fn rule(&mut self, rule: &'a Rule, outcome: u32, default: u32, native: Arch) {
        // A rule like the default is dropped, but its calls are known to the profile.
        let kept = (outcome != default).then_some(self.alternatives.len());
        if kept.is_some() {
            self.alternatives.push(Alternative { args: Cow::Borrowed(&rule.args), outcome });
        }
        for name in &rule.names {
            match table::call(name) {
                Some(call) => {
                    self.add(|arch| call.number(arch), kept);
                    if let Some(inside) = call.multiplexed() {
                        self.knows(inside.0);
                        if kept.is_some() {
                            self.multiplexed(inside, rule, outcome);
                        }
                    }
                }
                None if self.skipped.iter().any(|known| known == name) => {}
                None => self.skipped.push(name.clone().into_owned()),
            }
        }
        for number in &rule.numbers {
            self.add(|arch| (arch == native).then_some(*number), kept);
        }
    }

    /// Notes a call for every architecture that has it.
    fn add(&mut self, number: impl Fn(Arch) -> Option<u32>, alternative: Option<usize>) {
        for calls in &mut self.calls {
            for member in &mut calls.members {
                let Some(number) = number(member.arch) else { continue };
                if !(member.arch == Arch::Arm && number >= ARM_PRIVATE_CALLS) {
                    member.newest = member.newest.max(Some(number));
                }
                calls.rules.extend(alternative.map(|alternative| (number, alternative)));
            }
        }
    }

    /// Notes that who named a call knows the one that 32-bit x86 also makes it through.
    fn knows(&mut self, through: &str) {
        let members = self.calls.iter_mut().flat_map(|calls| &mut calls.members);
        for member in members.filter(|member| member.arch == Arch::X86) {
            let number = table::call(through).and_then(|call| call.number(Arch::X86));
            member.newest = member.newest.max(number);
        }
    }

    /// Notes what a rule means for the call's entry in socketcall(2) or ipc(2) of 32-bit x86.
    ///
    /// Conditions cannot be tested there. Without them, a rule that restricts still restricts; one
    /// that permits would permit too much, so it is left out.
    fn multiplexed(&mut self, inside: (&'static str, u8), rule: &Rule, outcome: u32) {
        let unconditional = rule.args.is_empty();
        if self.calls.iter().all(|calls| calls.audit != Arch::X86.audit())
            || (!unconditional && matches!(rule.action, Action::Allow | Action::Log))
        {
            return;
        }
        let (through, number) = inside;
        let new = Multiplexed { through, number, outcome, unconditional };
        let same = |known: &&mut Multiplexed| (known.through, known.number) == (through, number);
        match self.multiplexed.iter_mut().find(same) {
            None => self.multiplexed.push(new),
            Some(known) if unconditional && !known.unconditional => *known = new,
            Some(_) => {}
        }
    }

    /// Adds rules for the entries in socketcall(2) and ipc(2), after all that the profile itself
    /// says of these two. The kernel keeps a version in the upper half of ipc's number.
    fn spread_multiplexed(&mut self) {
        let x86 = self.calls.iter_mut().find(|calls| calls.audit == Arch::X86.audit());
        let Some(x86) = x86 else { return };
        for Multiplexed { through, number, outcome, .. } in &self.multiplexed {
            let mask = if *through == "ipc" { 0xffff } else { 0xffff_ffff };
            let value_two = u64::from(*number);
            let arg = Arg { index: 0, value: mask, value_two, op: Op::MaskedEq };
            if let Some(nr) = table::call(through).and_then(|call| call.number(Arch::X86)) {
                x86.rules.push((nr, self.alternatives.len()));
                let args = Cow::Owned(vec![arg]);
                self.alternatives.push(Alternative { args, outcome: *outcome });
            }
        }
    }
}
