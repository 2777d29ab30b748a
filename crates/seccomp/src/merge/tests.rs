use super::*;
use crate::arch::Arch;
use crate::compile::Options;
use crate::interpreter::run;
use crate::reference::{Random, check_merged, random_profile};
use crate::{Flag, default_profile, tiocsti_filter};

#[test]
fn one_filter_answers_as_two_or_three() {
    let mut random = Random::new(0x1234_5678_9abc_def1);
    let mut compared = 0;
    for _ in 0..300 {
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
        compared += check_merged(&mut random, &profiles, options);
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
