//! What a profile means, written as plainly as can be from the crate's documentation, and profiles
//! to compare with the compiler.
#![allow(clippy::unwrap_used, clippy::should_implement_trait, missing_docs)]

use std::borrow::Cow;
use std::collections::HashMap;

use crate::arch::Arch;
use crate::compile::Options;
use crate::filter::{Program, outcome};
use crate::interpreter::{SeccompData, run};
use crate::resolve::Rules;
use crate::rules::{Action, Architecture, Arg, Op, Profile, Rule};
use crate::table;

/// Decisions: those of a fuzzer's input as long as there are some, so that it can vary one and keep
/// the others; then xorshift64*, the same at each run.
pub struct Random<'b> {
    bytes: &'b [u8],
    state: u64,
}

impl Random<'static> {
    pub fn new(seed: u64) -> Self {
        Random { bytes: &[], state: seed }
    }
}

impl<'b> Random<'b> {
    pub fn from_bytes(bytes: &'b [u8]) -> Self {
        let state = bytes
            .iter()
            .fold(1_u64, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        Random { bytes, state: state | 1 }
    }

    pub fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        match *self.bytes {
            [byte, ref rest @ ..] if end <= 256 => {
                self.bytes = rest;
                u64::from(byte) % end
            }
            [low, high, ref rest @ ..] => {
                self.bytes = rest;
                u64::from(u16::from_le_bytes([low, high])) % end
            }
            _ => (self.next() >> 16) % end,
        }
    }

    pub fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }
}

const NAMES: [&str; 24] = [
    "read",
    "write",
    "open",
    "close",
    "ioctl",
    "socket",
    "socketcall",
    "ipc",
    "shmat",
    "msgget",
    "clone",
    "clone3",
    "personality",
    "execveat",
    "preadv2",
    "futex_time64",
    "newfstatat",
    "fstatat64",
    "file_setattr",
    "cacheflush",
    "mmap",
    "mmap2",
    "unknown_call",
    "accept",
];

const VALUES: [u64; 14] = [
    0,
    1,
    2,
    40,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0001,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_0000_0000,
    0xffff_ffff_ffff_fffe,
    u64::MAX,
];

const ACTIONS: [Action; 9] = [
    Action::Allow,
    Action::Errno,
    Action::Errno,
    Action::Kill,
    Action::KillProcess,
    Action::Trap,
    Action::Trace,
    Action::Log,
    Action::Notify,
];

const OPS: [Op; 7] = [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::MaskedEq];

pub fn random_profile(random: &mut Random<'_>) -> Profile {
    let errno = |random: &mut Random<'_>, action| match action {
        Action::Errno | Action::Trace if random.below(3) > 0 => Some(random.below(50) as u32),
        _ => None,
    };
    let default_action = *random.of(&ACTIONS);
    let rules = match random.below(8) {
        0 => random.below(3),
        7 => 150 + random.below(200),
        _ => random.below(60),
    };
    let architectures = [
        Architecture::X86_64,
        Architecture::X86,
        Architecture::X32,
        Architecture::Arm,
        Architecture::Aarch64,
    ];
    let architectures = architectures.into_iter().filter(|_| random.below(2) == 0).collect();
    let syscalls = (0..rules).map(|_| {
        let action = *random.of(&ACTIONS);
        let numbers = if random.below(3) > 0 { random.below(4) } else { 0 };
        let conditions = [0, 0, 1, 1, 1, 2, 3];
        let args = (0..*random.of(&conditions)).map(|_| Arg {
            index: random.below(3) as u32,
            value: *random.of(&VALUES),
            value_two: *random.of(&VALUES),
            op: *random.of(&OPS),
        });
        let args = args.collect();
        let names = (0..=random.below(2)).map(|_| (*random.of(&NAMES)).into()).collect();
        let numbers = (0..numbers).map(|_| random.below(480) as u32).collect();
        Rule { names, numbers, action, errno_ret: errno(random, action), args }
    });
    let mut syscalls: Vec<Rule> = syscalls.collect();
    if random.below(4) == 0 {
        syscalls.extend(values(random));
    }
    Profile {
        default_action,
        default_errno_ret: errno(random, default_action),
        architectures,
        flags: Vec::new(),
        listener_path: String::new(),
        listener_metadata: String::new(),
        syscalls,
    }
}

/// Rules of one call, most of which compare one argument with one value each.
fn values(random: &mut Random<'_>) -> Vec<Rule> {
    let (name, high) = (*random.of(&NAMES), *random.of(&VALUES) & !0xff);
    let count = random.below(40);
    let rules = (0..count).map(|_| {
        let action = *random.of(&ACTIONS);
        let value = match random.below(12) {
            0 => *random.of(&VALUES),
            _ => high + random.below(24),
        };
        let op = if random.below(12) == 0 { *random.of(&OPS) } else { Op::Eq };
        let index = u32::from(random.below(20) == 0);
        let args = vec![Arg { index, value, value_two: 0, op }];
        Rule { names: vec![name.into()], numbers: Vec::new(), action, errno_ret: None, args }
    });
    rules.collect()
}

/// A call that the profile names, or a neighbour, or at an edge of the numbers.
pub fn random_call(random: &mut Random<'_>, profile: &Profile, options: Options) -> SeccompData {
    let arches = [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64, Arch::Arm];
    let arch = if random.below(3) > 0 { options.native } else { *random.of(&arches) };
    let nr = match random.below(4) {
        0 if !profile.syscalls.is_empty() && random.below(2) == 0 => {
            let names = &random.of(&profile.syscalls).names;
            names.first().and_then(|name| number(name, arch)).unwrap_or(500)
        }
        0 => {
            table::call(random.of::<&str>(&NAMES)).and_then(|call| call.number(arch)).unwrap_or(500)
        }
        1 => (random.below(500) as u32) | if arch == Arch::X32 { 1 << 30 } else { 0 },
        2 if !profile.syscalls.is_empty() => {
            random.of(&profile.syscalls).numbers.first().map_or(0, |nr| nr + random.below(2) as u32)
        }
        _ => *random.of(&[0, 0x3fff_ffff, 0x4000_0000, 0xf_0000, 0xf_0002, u32::MAX - 1, u32::MAX]),
    };
    let compared: Vec<u64> =
        profile.syscalls.iter().flat_map(|rule| &rule.args).map(|arg| arg.value).collect();
    let mut args = [0; 6].map(|_: u64| {
        if !compared.is_empty() && random.below(3) == 0 {
            let value = *random.of(&compared);
            return if matches!(arch, Arch::X86 | Arch::Arm) { value & 0xffff_ffff } else { value };
        }
        let value = *random.of(&VALUES);
        let value = value.wrapping_add(random.below(3)).wrapping_sub(1);
        if matches!(arch, Arch::X86 | Arch::Arm) { value & 0xffff_ffff } else { value }
    });
    if random.below(2) == 0 && [102, 117].contains(&nr) {
        args[0] = *random.of(&[1, 2, 5, 13, 21, 0x1_0015, 22]);
    }
    SeccompData { nr, arch: arch.audit(), args, instruction_pointer: 0 }
}

/// Compares on random calls.
pub fn check_agreement(
    random: &mut Random<'_>,
    profile: &Profile,
    options: Options,
    program: &Program,
    round: usize,
) {
    let meaning = Meaning::new(profile, options);
    for _ in 0..250 {
        let data = random_call(random, profile, options);
        let found = run(&program.filter, &data).unwrap();
        let expected = meaning.of(&data);
        assert_eq!(found.value, expected, "round {round}: {data:x?} {options:?} {profile:?}");
    }
}

/// Whether the profiles merged, in loading order, answer random calls as the kernel would if each
/// were loaded; how many were compared.
pub fn check_merged(random: &mut Random<'_>, profiles: &[Profile], options: Options) -> usize {
    let rules: Result<Vec<Rules<'_>>, _> =
        profiles.iter().map(|profile| Rules::new(profile, options)).collect();
    let Ok(rules) = rules else { return 0 };
    let single: Result<Vec<Program>, _> = rules.iter().map(Rules::program).collect();
    let Ok(single) = single else { return 0 };
    let [first, second, rest @ ..] = &*rules else { return 0 };
    let merged = rest.iter().fold(first.merge(second), |merged, next| merged?.merge(next));
    let Some(Ok(program)) = merged.map(|merged| merged.program()) else { return 0 };
    assert_eq!(program.needs_listener, single.iter().any(|program| program.needs_listener));
    for _ in 0..200 {
        let profile = random.of(profiles);
        let data = random_call(random, profile, options);
        let value = |program: &Program| run(&program.filter, &data).unwrap().value;
        let expected = kernel(&single.iter().map(value).collect::<Vec<_>>());
        assert_eq!(value(&program), expected, "{data:x?} {options:?} {profiles:?}");
    }
    200
}

/// What the kernel makes of several filters' answers, the latest filter's last (kernel/seccomp.c):
/// the strictest action, and of equal ones that of the latest.
fn kernel(answers: &[u32]) -> u32 {
    const PRECEDENCE: [u32; 8] = [
        0x8000_0000,
        0,
        0x0003_0000,
        0x0005_0000,
        0x7fc0_0000,
        0x7ff0_0000,
        0x7ffc_0000,
        0x7fff_0000,
    ];
    let rank = |answer: &u32| PRECEDENCE.iter().position(|action| *action == answer & 0xffff_0000);
    *answers.iter().rev().min_by_key(|answer| rank(answer).unwrap()).unwrap()
}

/// A profile with every name looked up once.
struct Meaning<'a> {
    profile: &'a Profile,
    options: Options,
    covered: Vec<Arch>,
    /// The rules for each call, in the order of the profile.
    rules: HashMap<(Arch, u32), Vec<&'a Rule>>,
    newest: HashMap<Arch, u32>,
    default: u32,
}

impl<'a> Meaning<'a> {
    fn new(profile: &'a Profile, options: Options) -> Self {
        let covered = covered(profile, options.native);
        let mut rules: HashMap<_, Vec<_>> = HashMap::new();
        let mut newest = HashMap::new();
        for rule in &profile.syscalls {
            for arch in &covered {
                let numbers = rule.numbers.iter().copied().filter(|_| *arch == options.native);
                let named = rule.names.iter().filter_map(|name| number(name, *arch));
                if *arch == Arch::X86 {
                    let inside = rule.names.iter().filter_map(|name| table::call(name));
                    for (through, _) in inside.filter_map(|call| call.multiplexed()) {
                        let nr = number(through, *arch).unwrap();
                        let newest = newest.entry(*arch).or_insert(nr);
                        *newest = nr.max(*newest);
                    }
                }
                for nr in numbers.chain(named) {
                    rules.entry((*arch, nr)).or_default().push(rule);
                    if *arch != Arch::Arm || nr < 0xf_0000 {
                        let newest = newest.entry(*arch).or_insert(nr);
                        *newest = nr.max(*newest);
                    }
                }
            }
        }
        let default = value(profile.default_action, profile.default_errno_ret);
        Meaning { profile, options, covered, rules, newest, default }
    }

    /// What the filter has to return.
    fn of(&self, data: &SeccompData) -> u32 {
        let has_x32 = self.covered.contains(&Arch::X32);
        let x32 = data.nr >= 1 << 30 && (data.nr != u32::MAX || has_x32);
        let arch = match data.arch {
            0xc000_003e if x32 => Arch::X32,
            0xc000_003e => Arch::X86_64,
            0x4000_0003 => Arch::X86,
            0xc000_00b7 => Arch::Aarch64,
            _ => Arch::Arm,
        };
        if !self.covered.contains(&arch) {
            return 0;
        }
        let mut first_matching = None;
        for rule in self.rules.get(&(arch, data.nr)).into_iter().flatten() {
            let outcome = value(rule.action, rule.errno_ret);
            if outcome == self.default {
                continue;
            }
            if rule.args.is_empty() {
                return outcome;
            }
            if rule.args.iter().all(|arg| holds(arg, arch, data)) {
                first_matching = first_matching.or(Some(outcome));
            }
        }
        let multiplexed = || match arch {
            Arch::X86 => multiplexed(self.profile, self.default, data),
            _ => None,
        };
        first_matching.or_else(multiplexed).unwrap_or_else(|| {
            let newest = self.newest.get(&arch);
            let newer = newest.is_some_and(|newest| data.nr > *newest)
                && (arch != Arch::Arm || data.nr < 0xf_0000);
            let permits = [Action::Trace, Action::Notify, Action::Log, Action::Allow];
            match permits.contains(&self.profile.default_action) {
                false if newer && self.options.newer_is_enosys => 0x5_0026,
                _ => self.default,
            }
        })
    }
}

fn value(action: Action, errno: Option<u32>) -> u32 {
    outcome(action, errno.unwrap_or(1) as u16)
}

fn covered(profile: &Profile, native: Arch) -> Vec<Arch> {
    let x86 = [Arch::X86_64, Arch::X86, Arch::X32];
    let mut all = vec![native];
    for listed in &profile.architectures {
        let arch = match listed {
            Architecture::X86_64 => Arch::X86_64,
            Architecture::X86 => Arch::X86,
            Architecture::X32 => Arch::X32,
            Architecture::Arm => Arch::Arm,
            _ => Arch::Aarch64,
        };
        if x86.contains(&arch) == x86.contains(&native) {
            all.push(arch);
        }
    }
    all
}

fn number(name: &str, arch: Arch) -> Option<u32> {
    table::call(name).and_then(|call| call.number(arch))
}

/// What the profile says of a call made through socketcall or ipc.
fn multiplexed(profile: &Profile, default: u32, data: &SeccompData) -> Option<u32> {
    let low = data.args[0] as u32;
    let (through, entry) = match data.nr {
        102 => ("socketcall", low),
        117 => ("ipc", low & 0xffff),
        _ => return None,
    };
    let means = |name: &Cow<'static, str>| {
        let inside = table::call(name).and_then(|call| call.multiplexed());
        inside.is_some_and(|(by, number)| by == through && u32::from(number) == entry)
    };
    let rules = profile.syscalls.iter().filter(|rule| rule.names.iter().any(means));
    let outcomes: Vec<_> = rules
        .map(|rule| (rule, value(rule.action, rule.errno_ret)))
        .filter(|(_, outcome)| *outcome != default)
        .collect();
    let unconditional = outcomes.iter().find(|(rule, _)| rule.args.is_empty());
    let restricting =
        |(rule, _): &&(&Rule, u32)| ![Action::Allow, Action::Log].contains(&rule.action);
    unconditional.or_else(|| outcomes.iter().find(restricting)).map(|(_, outcome)| *outcome)
}

fn holds(arg: &Arg, arch: Arch, data: &SeccompData) -> bool {
    let all = match arch {
        Arch::X86 | Arch::X32 | Arch::Arm => 0xffff_ffff,
        _ => u64::MAX,
    };
    let [given, wanted, two] =
        [data.args[arg.index as usize], arg.value, arg.value_two].map(|value| value & all);
    match arg.op {
        Op::Eq => given == wanted,
        Op::Ne => given != wanted,
        Op::Lt => given < wanted,
        Op::Le => given <= wanted,
        Op::Gt => given > wanted,
        Op::Ge => given >= wanted,
        Op::MaskedEq => given & wanted == two & wanted,
    }
}
