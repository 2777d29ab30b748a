//! What a profile means, written as plainly as can be from the crate's documentation, and profiles
//! to compare with the compiler.
#![allow(clippy::unwrap_used, clippy::should_implement_trait, missing_docs)]

use crate::arch::Arch;
use crate::compile::Options;
use crate::filter::{Program, outcome};
use crate::interpreter::{SeccompData, run};
use crate::rules::{Action, Architecture, Arg, Op, Profile, Rule};
use crate::table;

/// xorshift64*: the same numbers at each run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
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

pub fn random_profile(random: &mut Random) -> Profile {
    let errno = |random: &mut Random, action| match action {
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
    let syscalls = syscalls.collect();
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

/// A call that the profile names, or a neighbour, or at an edge of the numbers.
pub fn random_call(random: &mut Random, profile: &Profile, options: Options) -> SeccompData {
    let arches = [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64, Arch::Arm];
    let arch = if random.below(3) > 0 { options.native } else { *random.of(&arches) };
    let nr = match random.below(4) {
        0 => {
            table::call(random.of::<&str>(&NAMES)).and_then(|call| call.number(arch)).unwrap_or(500)
        }
        1 => (random.below(500) as u32) | if arch == Arch::X32 { 1 << 30 } else { 0 },
        2 if !profile.syscalls.is_empty() => {
            random.of(&profile.syscalls).numbers.first().map_or(0, |nr| nr + random.below(2) as u32)
        }
        _ => *random.of(&[0, 0x3fff_ffff, 0x4000_0000, 0xf_0000, 0xf_0002, u32::MAX - 1, u32::MAX]),
    };
    let mut args = [0; 6].map(|_: u64| {
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
    random: &mut Random,
    profile: &Profile,
    options: Options,
    program: &Program,
    round: usize,
) {
    for _ in 0..250 {
        let data = random_call(random, profile, options);
        let found = run(&program.filter, &data).unwrap();
        let expected = reference(profile, options, &data);
        assert_eq!(found.value, expected, "round {round}: {data:x?} {options:?} {profile:?}");
    }
}

fn reference(profile: &Profile, options: Options, data: &SeccompData) -> u32 {
    let covered = covered(profile, options.native);
    let x32 = data.nr >= 1 << 30 && (data.nr != u32::MAX || covered.contains(&Arch::X32));
    let arch = match data.arch {
        0xc000_003e if x32 => Arch::X32,
        0xc000_003e => Arch::X86_64,
        0x4000_0003 => Arch::X86,
        0xc000_00b7 => Arch::Aarch64,
        _ => Arch::Arm,
    };
    if !covered.contains(&arch) {
        return 0;
    }
    let value = |action, errno: Option<u32>| outcome(action, errno.unwrap_or(1) as u16);
    let default = value(profile.default_action, profile.default_errno_ret);
    let mut first_matching = None;
    for rule in &profile.syscalls {
        let outcome = value(rule.action, rule.errno_ret);
        if outcome == default {
            continue;
        }
        let numbers = rule.numbers.iter().copied().filter(|_| arch == options.native);
        if numbers
            .chain(rule.names.iter().filter_map(|name| number(name, arch)))
            .any(|nr| nr == data.nr)
        {
            if rule.args.is_empty() {
                return outcome;
            }
            if rule.args.iter().all(|arg| holds(arg, arch, data)) {
                first_matching = first_matching.or(Some(outcome));
            }
        }
    }
    let multiplexed = || if arch == Arch::X86 { multiplexed(profile, default, data) } else { None };
    first_matching.or_else(multiplexed).unwrap_or_else(|| {
        let named = profile.syscalls.iter().flat_map(|rule| {
            let numbers = rule.numbers.iter().copied().filter(|_| arch == options.native);
            numbers.chain(rule.names.iter().filter_map(|name| number(name, arch)))
        });
        let newest = named.filter(|nr| arch != Arch::Arm || *nr < 0xf_0000).max();
        let newer = newest.is_some_and(|newest| data.nr > newest)
            && (arch != Arch::Arm || data.nr < 0xf_0000);
        if newer && options.newer_is_enosys && profile.default_action == Action::Errno {
            0x5_0026
        } else {
            default
        }
    })
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
    let name = match data.nr {
        102 if low == 1 => "socket",
        102 if low == 5 => "accept",
        117 if low & 0xffff == 13 => "msgget",
        117 if low & 0xffff == 21 => "shmat",
        _ => return None,
    };
    let rules = profile.syscalls.iter().filter(|rule| rule.names.iter().any(|known| known == name));
    let outcomes: Vec<_> = rules
        .map(|rule| (rule, outcome(rule.action, rule.errno_ret.unwrap_or(1) as u16)))
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
