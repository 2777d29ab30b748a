//! Profiles and calls by chance, and what a profile says of a call.

use seccomp::interpreter::SeccompData;
use seccomp::{Action, Arch, Architecture, Arg, Op, Profile, Rule};

use crate::export::outcome;

/// xorshift64*: the same numbers at each run.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
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

pub const NAMES: [&str; 24] = [
    "read",
    "write",
    "open",
    "close",
    "ioctl",
    "socket",
    "connect",
    "accept4",
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
    "openat2",
    "ptrace",
    "mmap",
    "mmap2",
    "rt_sigreturn",
    "process_vm_readv",
];

pub const VALUES: [u64; 15] = [
    0,
    1,
    2,
    40,
    0xffff,
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

const OPS: [Op; 7] = [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::MaskedEq];

fn action(random: &mut Random) -> (Action, Option<u32>) {
    let action = *random.of(&[
        Action::Allow,
        Action::Allow,
        Action::Errno,
        Action::Errno,
        Action::Kill,
        Action::KillProcess,
        Action::Trap,
        Action::Trace,
        Action::Log,
    ]);
    let errno = match action {
        Action::Errno | Action::Trace => Some(random.below(50) as u32),
        _ => None,
    };
    (action, errno)
}

fn args(random: &mut Random) -> Vec<Arg> {
    let count = *random.of(&[0, 0, 0, 1, 1, 1, 2, 3]);
    let mut args: Vec<Arg> = Vec::new();
    for _ in 0..count {
        let (value, value_two, op) = (*random.of(&VALUES), *random.of(&VALUES), *random.of(&OPS));
        let index = random.below(6) as u32;
        // libseccomp takes one condition for each argument.
        if args.iter().all(|arg| arg.index != index) {
            args.push(Arg { index, value, value_two, op });
        }
    }
    args
}

/// A profile of up to 40 rules, for architectures that run on `native`.
pub fn profile(random: &mut Random, native: Arch) -> Profile {
    let family: &[Architecture] = match native {
        Arch::Aarch64 | Arch::Arm => &[Architecture::Aarch64, Architecture::Arm],
        _ => &[Architecture::X86_64, Architecture::X86, Architecture::X32],
    };
    let (default_action, default_errno_ret) = action(random);
    let count = *random.of(&[1, 2, 5, 10, 20, 40]);
    // libseccomp's tree of conditions may take it for ever beyond that.
    let mut left = NAMES.map(|name| (name, 2));
    let mut name = |random: &mut Random| {
        let (name, left) = &mut left[random.below(NAMES.len() as u64) as usize];
        (*left > 0).then(|| {
            *left -= 1;
            (*name).into()
        })
    };
    let rules = (0..count).map(|_| {
        let (mut action, mut errno_ret) = action(random);
        if random.below(10) == 0 {
            (action, errno_ret) = (Action::Notify, None);
        }
        let names = (0..=random.below(3)).filter_map(|_| name(random)).collect();
        Rule { names, numbers: Vec::new(), action, errno_ret, args: args(random) }
    });
    Profile {
        syscalls: rules.filter(|rule| !rule.names.is_empty()).collect(),
        default_action,
        default_errno_ret,
        architectures: family.iter().copied().filter(|_| random.below(2) == 0).collect(),
        flags: Vec::new(),
        listener_path: String::new(),
        listener_metadata: String::new(),
    }
}

/// A call that the profile may say something of.
pub fn call(random: &mut Random, arch: Arch) -> SeccompData {
    let named = |random: &mut Random| arch.number(random.of::<&str>(&NAMES));
    let nr = match random.below(8) {
        0 => random.below(460) as u32,
        1 => *random.of(&[0x3fff_ffff, 0x4000_0000, 0x4000_0200, u32::MAX - 1, u32::MAX]),
        _ => named(random).unwrap_or(500),
    };
    let args = [0; 6].map(|_: u64| {
        let value = random.of(&VALUES).wrapping_add(random.below(3)).wrapping_sub(1);
        // What the kernel gives a filter for a 32-bit program.
        if matches!(arch, Arch::X86 | Arch::Arm) { value & 0xffff_ffff } else { value }
    });
    SeccompData { nr, arch: arch.audit(), args, instruction_pointer: 0 }
}

/// Whether the condition holds, where `low` only the low halves count.
fn holds(arg: &Arg, low: bool, args: &[u64; 6]) -> bool {
    let all = if low { 0xffff_ffff } else { u64::MAX };
    let [given, wanted, two] =
        [args[arg.index as usize], arg.value, arg.value_two].map(|value| value & all);
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

/// What the profile says of a call on a machine whose native architecture is `native`, as plainly
/// as can be; None if several rules with different outcomes match, so that their order decides,
/// and for socketcall(2) and ipc(2), where a rule for what they multiplex means something else in
/// libseccomp.
pub fn meant(profile: &Profile, native: Arch, arch: Arch, data: &SeccompData) -> Option<u32> {
    if arch == Arch::X86 && [102, 117].contains(&data.nr) {
        return None;
    }
    let (own, other) = match arch {
        Arch::X86_64 | Arch::X32 if data.nr == u32::MAX => (Arch::X86_64, Some(Arch::X32)),
        Arch::X86_64 | Arch::X32 if data.nr >= 1 << 30 => (Arch::X32, None),
        Arch::X86_64 | Arch::X32 => (Arch::X86_64, None),
        arch => (arch, None),
    };
    let covered = |arch: Arch| {
        arch == native || profile.architectures.iter().any(|listed| same(*listed, arch))
    };
    if !covered(own) && !other.is_some_and(covered) {
        return Some(0);
    }
    let default = outcome(profile.default_action, profile.default_errno_ret);
    let low = matches!(own, Arch::X86 | Arch::X32 | Arch::Arm);
    let mut unconditional = Vec::new();
    let mut conditional = Vec::new();
    for rule in &profile.syscalls {
        let outcome = outcome(rule.action, rule.errno_ret);
        let named = rule.names.iter().any(|name| own.number(name) == Some(data.nr));
        if named && outcome != default && rule.args.iter().all(|arg| holds(arg, low, &data.args)) {
            let list = if rule.args.is_empty() { &mut unconditional } else { &mut conditional };
            list.push(outcome);
        }
    }
    // One without conditions decides alone.
    let matching = if unconditional.is_empty() { conditional } else { unconditional };
    match *matching {
        [] => Some(default),
        [first, ref rest @ ..] => rest.iter().all(|other| *other == first).then_some(first),
    }
}

fn same(listed: Architecture, arch: Arch) -> bool {
    match listed {
        Architecture::X86_64 => arch == Arch::X86_64,
        Architecture::X86 => arch == Arch::X86,
        Architecture::X32 => arch == Arch::X32,
        Architecture::Arm => arch == Arch::Arm,
        Architecture::Aarch64 => arch == Arch::Aarch64,
        _ => false,
    }
}
