use super::*;
use crate::arch::Arch;
use crate::compile::Options;
use crate::interpreter::run;
use crate::reference::{Random, random_call, random_profile};
use crate::{Flag, default_profile, tiocsti_filter};

/// What the kernel makes of several filters' answers, the latest filter's first
/// (kernel/seccomp.c): the strictest action, and of equal ones the one found first.
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

#[test]
fn one_filter_answers_as_two_or_three() {
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut compared = 0;
    for round in 0..300 {
        let native = *random.of(&[Arch::X86_64, Arch::X86_64, Arch::Aarch64, Arch::X86]);
        let options = Options { native, newer_is_enosys: random.below(2) == 0 };
        let count = 2 + usize::from(random.below(4) == 0);
        let mut profiles: Vec<_> = (0..count).map(|_| random_profile(&mut random)).collect();
        if random.below(4) == 0 {
            profiles[0] = default_profile(&|_| false);
        }
        if random.below(4) == 0 {
            profiles[1] = tiocsti_filter();
        }
        let rules: Vec<Rules> =
            profiles.iter().map(|profile| Rules::new(profile, options).unwrap()).collect();
        let mut merged = rules[0].merge(&rules[1]).unwrap();
        if let Some(third) = rules.get(2) {
            merged = merged.merge(third).unwrap();
        }
        let Ok(program) = merged.program() else { continue };
        let single: Result<Vec<_>, _> = rules.iter().map(Rules::program).collect();
        let Ok(single) = single else { continue };
        assert_eq!(
            program.needs_listener,
            single.iter().any(|program| program.needs_listener),
            "round {round}"
        );
        for _ in 0..200 {
            let profile = random.of(&profiles).clone();
            let data = random_call(&mut random, &profile, options);
            let value = |program: &crate::Program| run(&program.filter, &data).unwrap().value;
            let expected = kernel(&single.iter().map(value).collect::<Vec<_>>());
            assert_eq!(value(&program), expected, "round {round}: {data:x?}");
            compared += 1;
        }
    }
    assert!(compared > 40_000, "{compared}");
}

#[test]
fn flags_are_a_filters_own() {
    let options = Options::new(Arch::X86_64);
    let mut logged = default_profile(&|_| false);
    logged.flags = vec![Flag::Log];
    let terminal = tiocsti_filter();
    let [logged, terminal] =
        [&logged, &terminal].map(|profile| Rules::new(profile, options).unwrap());
    assert!(logged.merge(&terminal).is_none());
}

/// The two filters of the template: no call but ioctl costs an instruction more, and no
/// architecture that one of them leaves out is looked for.
#[test]
fn what_the_terminals_filter_adds() {
    let options = Options::new(Arch::X86_64);
    let (profile, terminal) = (default_profile(&|_| false), tiocsti_filter());
    let [alone, terminal] =
        [&profile, &terminal].map(|profile| Rules::new(profile, options).unwrap());
    let merged = alone.merge(&terminal).unwrap();
    assert_eq!(merged.groups.len(), 2);
    let [alone, merged] = [alone, merged].map(|rules| rules.program().unwrap().filter);
    assert!(merged.len() <= alone.len() + 20, "{} {}", merged.len(), alone.len());
    for nr in 0..450 {
        let data = crate::interpreter::SeccompData {
            nr,
            arch: Arch::X86_64.audit(),
            ..Default::default()
        };
        let [before, after] = [&alone, &merged].map(|filter| run(filter, &data).unwrap());
        assert_eq!(before.value, after.value);
        assert!(nr == 16 || after.steps <= before.steps + 1, "{nr} {before:?} {after:?}");
    }
}
