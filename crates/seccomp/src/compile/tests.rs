use super::*;
use crate::filter::SockFilter;
use crate::interpreter::{Outcome, SeccompData, run};
use crate::reference::{Random, check_agreement, random_profile};
use crate::rules::{Action, Architecture, Arg, Flag, Op, Rule};

const ALLOW: u32 = 0x7fff_0000;
const EPERM: u32 = 0x5_0001;
const ENOSYS: u32 = 0x5_0026;

fn profile(default_action: Action, syscalls: Vec<Rule>) -> Profile {
    Profile {
        default_action,
        default_errno_ret: None,
        architectures: Vec::new(),
        flags: Vec::new(),
        listener_path: String::new(),
        listener_metadata: String::new(),
        syscalls,
    }
}

fn rule(names: &[&'static str], action: Action, args: Vec<Arg>) -> Rule {
    let names = names.iter().map(|name| (*name).into()).collect();
    Rule { names, numbers: Vec::new(), action, errno_ret: None, args }
}

fn arg(index: u32, op: Op, value: u64, value_two: u64) -> Arg {
    Arg { index, value, value_two, op }
}

fn native(profile: &Profile) -> Program {
    compile(profile, Options::new(Arch::X86_64)).unwrap()
}

fn call(filter: &[SockFilter], arch: Arch, nr: u32, args: [u64; 6]) -> Outcome {
    run(filter, &SeccompData { nr, arch: arch.audit(), args, instruction_pointer: 0 }).unwrap()
}

fn value(program: &Program, arch: Arch, nr: u32) -> u32 {
    call(&program.filter, arch, nr, [0; 6]).value
}

/// Each operator at each edge of the two halves.
#[test]
fn operators_on_both_halves() {
    let edges: Vec<u64> = [0, 1, 5, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]
        .into_iter()
        .flat_map(|low| [0, 1, 2, 0x8000_0000, 0xffff_ffff].map(|high: u64| high << 32 | low))
        .collect();
    for op in [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::MaskedEq] {
        for wanted in &edges {
            for two in [0, 1, u64::MAX, 0x1_0000_0001] {
                let condition = arg(3, op, *wanted, two);
                let one =
                    profile(Action::Allow, vec![rule(&["read"], Action::Errno, vec![condition])]);
                let program = native(&one);
                for given in &edges {
                    let expected = match op {
                        Op::Eq => given == wanted,
                        Op::Ne => given != wanted,
                        Op::Lt => given < wanted,
                        Op::Le => given <= wanted,
                        Op::Gt => given > wanted,
                        Op::Ge => given >= wanted,
                        Op::MaskedEq => given & wanted == two & wanted,
                    };
                    let found =
                        call(&program.filter, Arch::X86_64, 0, [9, 9, 9, *given, 9, 9]).value;
                    let expected = if expected { EPERM } else { ALLOW };
                    assert_eq!(found, expected, "{given:#x} {op:?} {wanted:#x} {two:#x}");
                }
                if op != Op::MaskedEq {
                    break;
                }
            }
        }
    }
}

#[test]
fn architectures_are_told_apart() {
    let mut rules = profile(Action::Errno, vec![rule(&["read", "ioctl"], Action::Allow, vec![])]);
    let alone = native(&rules);
    assert_eq!(value(&alone, Arch::X86_64, 0), ALLOW);
    assert_eq!(value(&alone, Arch::X86_64, 1), EPERM);
    assert_eq!(value(&alone, Arch::X86_64, 17), ENOSYS);
    for (arch, nr) in
        [(Arch::X86, 3), (Arch::Arm, 3), (Arch::Aarch64, 63), (Arch::X32, 0x4000_0000)]
    {
        assert_eq!(value(&alone, arch, nr), 0, "{arch:?} is killed");
    }
    assert_eq!(value(&alone, Arch::X32, u32::MAX - 1), 0);
    assert_eq!(value(&alone, Arch::X86_64, u32::MAX), ENOSYS);
    let strict = Options { newer_is_enosys: false, native: Arch::X86_64 };
    let strict = compile(&rules, strict).unwrap();
    assert_eq!(
        (value(&strict, Arch::X86_64, 17), value(&strict, Arch::X86_64, u32::MAX)),
        (EPERM, EPERM)
    );

    rules.architectures = vec![
        Architecture::X86_64,
        Architecture::X32,
        Architecture::X86,
        Architecture::Mips,
        Architecture::Arm,
    ];
    let all = native(&rules);
    assert_eq!((value(&all, Arch::X86_64, 0), value(&all, Arch::X86_64, 16)), (ALLOW, ALLOW));
    assert_eq!(
        (value(&all, Arch::X32, 0x4000_0000), value(&all, Arch::X32, 0x4000_0202)),
        (ALLOW, ALLOW)
    );
    // ioctl has a number of its own on x32.
    assert_eq!(
        (value(&all, Arch::X32, 0x4000_0010), value(&all, Arch::X86_64, 0x202)),
        (EPERM, ENOSYS)
    );
    assert_eq!(
        (value(&all, Arch::X86, 3), value(&all, Arch::X86, 0), value(&all, Arch::X86, 54)),
        (ALLOW, EPERM, ALLOW)
    );
    assert_eq!(value(&all, Arch::Arm, 3), 0, "ARM does not run on x86");

    rules.architectures = vec![Architecture::Arm];
    let arm = compile(&rules, Options::new(Arch::Aarch64)).unwrap();
    assert_eq!((value(&arm, Arch::Aarch64, 63), value(&arm, Arch::Arm, 3)), (ALLOW, ALLOW));
    assert_eq!((value(&arm, Arch::Arm, 55), value(&arm, Arch::Arm, 0xf0002)), (ENOSYS, EPERM));
    assert_eq!(value(&arm, Arch::X86_64, 0), 0);
}

/// Calls above all that the profile names, on each architecture and with each default action: what
/// forbids says ENOSYS, what leaves the decision to somebody else or permits is left alone.
#[test]
fn calls_newer_than_the_profile() {
    let defaults = [
        (Action::Errno, EPERM, ENOSYS),
        (Action::Trap, 0x3_0000, ENOSYS),
        (Action::Kill, 0, ENOSYS),
        (Action::KillThread, 0, ENOSYS),
        (Action::KillProcess, 0x8000_0000, ENOSYS),
        (Action::Trace, 0x7ff0_0001, 0x7ff0_0001),
        (Action::Notify, 0x7fc0_0000, 0x7fc0_0000),
        (Action::Log, 0x7ffc_0000, 0x7ffc_0000),
        (Action::Allow, ALLOW, ALLOW),
    ];
    for (default, known, newer) in defaults {
        // A rule like the default counts: its author knows the call. (preadv2: 327, x32's own 546.)
        let mut rules = profile(
            default,
            vec![
                rule(&["read", "preadv2"], default, vec![]),
                rule(&["write"], Action::Log, vec![]),
            ],
        );
        rules.architectures = vec![Architecture::X86, Architecture::X32];
        let program = native(&rules);
        let of = |arch, nr| value(&program, arch, nr);
        assert_eq!((of(Arch::X86_64, 327), of(Arch::X86_64, 328)), (known, newer), "{default:?}");
        assert_eq!((of(Arch::X86, 378), of(Arch::X86, 379)), (known, newer), "{default:?}");
        let [last, next] = [546, 547].map(|nr| of(Arch::X32, 0x4000_0000 | nr));
        assert_eq!((last, next), (known, newer), "{default:?}");
        for nr in [335, 451, 470, 0x3fff_ffff] {
            assert_eq!(of(Arch::X86_64, nr), newer, "{default:?} {nr}");
        }
        assert_eq!((of(Arch::X86_64, 2), of(Arch::X86, 2)), (known, known));
        // Architectures that are not covered are killed all the same.
        assert_eq!((of(Arch::Arm, 3), of(Arch::Aarch64, 500)), (0, 0));
        let strict = Options { newer_is_enosys: false, native: Arch::X86_64 };
        assert_eq!(value(&compile(&rules, strict).unwrap(), Arch::X86_64, 328), known);

        rules.architectures = vec![Architecture::Arm];
        let arm = compile(&rules, Options::new(Arch::Aarch64)).unwrap();
        let of = |arch, nr| value(&arm, arch, nr);
        assert_eq!((of(Arch::Aarch64, 286), of(Arch::Aarch64, 287)), (known, newer));
        assert_eq!(
            (of(Arch::Arm, 392), of(Arch::Arm, 393), of(Arch::Arm, 0xf_0002)),
            (known, newer, known)
        );
    }
    // Who names accept knows socketcall (102), by which x86 makes it, and what comes before.
    let accept = vec![rule(&["accept", "ioctl"], Action::Allow, vec![arg(0, Op::Eq, 1, 0)])];
    let mut through = profile(Action::KillProcess, accept);
    through.architectures = vec![Architecture::X86];
    let through = native(&through);
    let [before, itself, after] = [101, 102, 103].map(|nr| value(&through, Arch::X86, nr));
    assert_eq!((before, itself, after), (0x8000_0000, 0x8000_0000, ENOSYS));
    // An errno of its own; one that is ENOSYS anyway; nothing named, so nothing is newer.
    let mut errno = profile(Action::Errno, vec![rule(&["read"], Action::Allow, vec![])]);
    errno.default_errno_ret = Some(99);
    assert_eq!(value(&native(&errno), Arch::X86_64, 1), ENOSYS);
    errno.syscalls[0].names = vec!["preadv2".into()];
    assert_eq!(value(&native(&errno), Arch::X86_64, 1), 0x5_0000 | 99);
    let nothing = native(&profile(Action::KillProcess, vec![]));
    assert_eq!(value(&nothing, Arch::X86_64, 500), 0x8000_0000);
}

#[test]
fn precedence() {
    let eq = |value| vec![arg(0, Op::Eq, value, 0)];
    let rules = vec![
        rule(&["read"], Action::Trap, eq(1)),
        rule(&["read"], Action::Allow, vec![]),
        rule(&["read"], Action::KillProcess, vec![]),
        // Like the default: dropped, so it does not shield what follows.
        rule(&["write"], Action::Errno, eq(1)),
        rule(&["write"], Action::Allow, vec![arg(0, Op::Le, 1, 0)]),
        rule(&["write"], Action::Log, vec![arg(0, Op::Le, 2, 0)]),
        rule(
            &["open"],
            Action::Allow,
            vec![arg(0, Op::Ge, 3, 0), arg(0, Op::Le, 5, 0), arg(1, Op::Eq, 0, 0)],
        ),
    ];
    let program = native(&profile(Action::Errno, rules));
    let value = |nr, first, second| {
        call(&program.filter, Arch::X86_64, nr, [first, second, 0, 0, 0, 0]).value
    };
    assert_eq!((value(0, 1, 0), value(0, 2, 0)), (ALLOW, ALLOW));
    assert_eq!([0, 1, 2, 3].map(|first| value(1, first, 0)), [ALLOW, ALLOW, 0x7ffc_0000, EPERM]);
    assert_eq!([2, 3, 5, 6].map(|first| value(2, first, 0)), [EPERM, ALLOW, ALLOW, EPERM]);
    assert_eq!(value(2, 4, 1), EPERM);
}

/// What is denied by name on x86 is denied through socketcall(2) and ipc(2).
#[test]
fn multiplexed_calls_of_x86() {
    let mut rules = profile(Action::Allow, vec![rule(&["socket", "shmat"], Action::Errno, vec![])]);
    rules.architectures = vec![Architecture::X86];
    let program = native(&rules);
    let value = |nr, first| call(&program.filter, Arch::X86, nr, [first, 0, 0, 0, 0, 0]).value;
    assert_eq!((value(359, 0), value(102, 1), value(102, 2)), (EPERM, EPERM, ALLOW));
    assert_eq!((value(117, 21), value(117, 0x2_0015), value(117, 22)), (EPERM, EPERM, ALLOW));
    let mut rules =
        profile(Action::Errno, vec![rule(&["socket", "socketcall"], Action::Allow, vec![])]);
    rules.architectures = vec![Architecture::X86];
    let program = native(&rules);
    assert_eq!(call(&program.filter, Arch::X86, 102, [9; 6]).value, ALLOW);
}

/// Conditions are lost inside socketcall(2): what restricts does so, what permits does not.
#[test]
fn multiplexed_conditions_of_x86() {
    let value = |default, action, first| {
        let family = arg(0, Op::Eq, 38, 0);
        let mut rules = profile(default, vec![rule(&["socket"], action, vec![family])]);
        rules.architectures = vec![Architecture::X86];
        call(&native(&rules).filter, Arch::X86, 102, [first, 0, 0, 0, 0, 0]).value
    };
    assert_eq!(value(Action::Allow, Action::Errno, 1), EPERM);
    assert_eq!(value(Action::Allow, Action::Errno, 2), ALLOW);
    assert_eq!(value(Action::Errno, Action::Allow, 1), EPERM);
}

#[test]
fn outcomes_flags_and_listener() {
    let mut one = profile(Action::Log, vec![rule(&["read"], Action::Notify, vec![])]);
    one.flags = vec![Flag::Tsync, Flag::Log, Flag::SpecAllow, Flag::WaitKillableRecv];
    let program = native(&one);
    assert_eq!((program.flags, program.needs_listener), (0b10_0111, true));
    let cases = [
        (Action::Kill, None, 0),
        (Action::KillThread, None, 0),
        (Action::KillProcess, None, 0x8000_0000),
        (Action::Trap, None, 0x3_0000),
        (Action::Errno, None, EPERM),
        (Action::Errno, Some(0), 0x5_0000),
        (Action::Errno, Some(4095), 0x5_0fff),
        (Action::Trace, None, 0x7ff0_0001),
        (Action::Trace, Some(65535), 0x7ff0_ffff),
        (Action::Allow, None, ALLOW),
        (Action::Notify, None, 0x7fc0_0000),
    ];
    for (action, errno, expected) in cases {
        one.syscalls[0].action = action;
        one.syscalls[0].errno_ret = errno;
        let program = native(&one);
        assert_eq!(value(&program, Arch::X86_64, 0), expected);
        assert_eq!(program.needs_listener, action == Action::Notify);
        assert_eq!(value(&program, Arch::X86_64, 1), 0x7ffc_0000);
    }
}

#[test]
fn wrong_values_have_a_path() {
    type Change = fn(&mut Profile);
    let message = |change: Change| {
        let mut one = profile(
            Action::Allow,
            vec![
                rule(&["read"], Action::Errno, vec![]),
                rule(&["write"], Action::Errno, vec![arg(0, Op::Eq, 1, 0), arg(1, Op::Eq, 1, 0)]),
            ],
        );
        change(&mut one);
        compile(&one, Options::new(Arch::X86_64)).unwrap_err().to_string()
    };
    let cases: [(Change, &str); 6] = [
        (
            |p| p.default_errno_ret = Some(1),
            "defaultErrnoRet: the action SCMP_ACT_ALLOW returns no errno",
        ),
        (|p| p.syscalls[1].errno_ret = Some(4096), "syscalls[1].errnoRet: 4096 is too large"),
        (|p| p.syscalls[1].errno_ret = Some(65537), "syscalls[1].errnoRet: 65537 is too large"),
        (|p| p.syscalls[1].args[1].index = 6, "syscalls[1].args[1].index: a system call has"),
        (|p| p.syscalls[0].names.clear(), "syscalls[0].names: no system call"),
        (
            |p| (p.syscalls[0].action, p.syscalls[0].errno_ret) = (Action::Kill, Some(1)),
            "syscalls[0].errnoRet: the action SCMP_ACT_KILL ",
        ),
    ];
    for (change, expected) in cases {
        let message = message(change);
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn unknown_names_are_skipped() {
    let names = ["read", "raed", "socketcall", "raed", "mount_the_moon"];
    let program = native(&profile(Action::Errno, vec![rule(&names, Action::Allow, vec![])]));
    assert_eq!(program.skipped, ["raed", "mount_the_moon"]);
    assert_eq!(value(&program, Arch::X86_64, 0), ALLOW);
}

/// Filters so long that no jump in them is short, and one that is too long.
#[test]
fn long_filters() {
    let many = |count: u32| {
        let rules = (0..count).map(|i| Rule {
            numbers: vec![i * 2],
            args: vec![arg(i % 6, Op::Gt, u64::from(i) << 31, 0), arg(2, Op::Ne, 7 << 32, 0)],
            errno_ret: Some(i),
            ..rule(&[], Action::Errno, vec![])
        });
        profile(Action::Allow, rules.collect())
    };
    let program = native(&many(320));
    assert!(program.filter.len() > 3000);
    for i in 0..320 {
        let large = call(&program.filter, Arch::X86_64, i * 2, [u64::MAX; 6]);
        assert_eq!(large.value, 0x5_0000 | i);
        assert!(large.steps < 30, "{}", large.steps);
        assert_eq!(call(&program.filter, Arch::X86_64, i * 2, [0; 6]).value, ALLOW);
        assert_eq!(value(&program, Arch::X86_64, i * 2 + 1), ALLOW);
    }
    let error = compile(&many(600), Options::new(Arch::X86_64)).unwrap_err();
    assert!(matches!(error, Error::TooLong { instructions } if instructions > 4096));
}

/// Many values of one argument are searched for, not gone through; the first rule for a value counts,
/// and where something else stands between them, their order stays.
#[test]
fn values_of_one_argument() {
    let rules = |high: u64| {
        (0..64_u64).map(move |at| Rule {
            errno_ret: Some(100 + at as u32),
            ..rule(&["ioctl"], Action::Errno, vec![arg(1, Op::Eq, high << 32 | (at * 7 % 64), 0)])
        })
    };
    let mut many: Vec<Rule> = rules(0).chain(rules(5)).collect();
    many.push(rule(&["ioctl"], Action::Trap, vec![arg(1, Op::Eq, 3, 0)]));
    many.insert(64, rule(&["ioctl"], Action::Log, vec![arg(1, Op::Lt, 70, 0)]));
    let mut all = profile(Action::Allow, many);
    all.architectures = vec![Architecture::X86];
    let program = native(&all);
    assert!(program.is_sound() && program.filter.len() < 680, "{}", program.filter.len());
    for at in 0..64_u64 {
        let errno = 0x5_0000 | (100 + at as u32);
        let value = at * 7 % 64;
        for (given, expected) in [
            (value, errno),
            (5 << 32 | value, errno),
            (4 << 32 | value, ALLOW),
            (1 << 63 | value, ALLOW),
        ] {
            let outcome = call(&program.filter, Arch::X86_64, 16, [given, given, 0, 0, 0, 0]);
            assert_eq!(outcome.value, expected, "{given:#x}");
            assert!(outcome.steps < 30, "{given:#x}: {}", outcome.steps);
        }
        assert_eq!(call(&program.filter, Arch::X86, 54, [0, value, 0, 0, 0, 0]).value, errno);
    }
    let value = |given| call(&program.filter, Arch::X86_64, 16, [0, given, 0, 0, 0, 0]).value;
    assert_eq!((value(64), value(69), value(70)), (0x7ffc_0000, 0x7ffc_0000, ALLOW));
}

#[test]
fn generated_profiles_agree_with_the_reference() {
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    for round in 0..500 {
        let native = *random.of(&[Arch::X86_64, Arch::X86_64, Arch::Aarch64, Arch::X86]);
        let options = Options { native, newer_is_enosys: random.below(2) == 0 };
        let profile = random_profile(&mut random);
        match compile(&profile, options) {
            Ok(program) => check_agreement(&mut random, &profile, options, &program, round),
            Err(Error::TooLong { .. }) => {}
            Err(error) => panic!("{error}: {profile:?}"),
        }
    }
}
