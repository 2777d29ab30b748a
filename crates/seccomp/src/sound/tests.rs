use crate::reference::{Random, random_profile};
use crate::{Arch, Options, Program, SockFilter, compile, default_profile, tiocsti_filter};

#[test]
fn what_the_compiler_makes() {
    let mut random = Random::new(0x51a7_93d1_f00d_beef);
    let own = [default_profile(&|_| true), default_profile(&|_| false), tiocsti_filter()];
    let generated = (0..300).map(|_| random_profile(&mut random)).collect::<Vec<_>>();
    let programs = own.iter().chain(&generated);
    let options = Options::new(Arch::X86_64);
    let programs: Vec<_> = programs.filter_map(|profile| compile(profile, options).ok()).collect();
    assert!(programs.len() > 250 && programs.iter().all(Program::is_sound));
}

/// In each place of a small filter, what the kernel or the compiler would not have there.
#[test]
fn broken_ones() {
    let whole = compile(&tiocsti_filter(), Options::new(Arch::X86_64)).unwrap();
    let broken = |change: &dyn Fn(&mut Program)| {
        let mut program = whole.clone();
        change(&mut program);
        !program.is_sound()
    };
    assert!(broken(&|program| program.filter.clear()));
    assert!(broken(&|program| program.filter.truncate(1)));
    assert!(broken(&|program| program.filter.resize(4097, *program.filter.last().unwrap())));
    assert!(broken(&|program| program.flags = 1 << 3));
    for at in 0..whole.filter.len() {
        let last = whole.filter.len() - 1;
        let set = |step: SockFilter| broken(&|program| program.filter[at] = step);
        let step = |code, jt, jf, k| SockFilter { code, jt, jf, k };
        let left = u8::try_from(last - at).unwrap();
        for code in [0x05, 0x15, 0x25, 0x35] {
            assert!(set(step(code, left, left, u32::from(left))), "{code:#x} to behind the end");
        }
        assert!(set(step(0x35, 0, left, 0)) && set(step(0x05, 0, 0, u32::MAX)));
        assert!(set(step(0x20, 0, 0, 64)) && set(step(0x20, 0, 0, 2)) && set(step(0x20, 1, 0, 0)));
        assert!(set(step(0x06, 0, 0, 0x7fc0_0000)), "an agent that nobody knows of");
        // Division, scratch memory, the index register, extensions.
        for code in [0x34, 0x02, 0x60, 0x07, 0x87, 0x16, 0x1d, 0x00, 0x30, 0xffff] {
            assert!(set(step(code, 0, 0, 0)), "{code:#x}");
        }
        assert!(!set(step(0x06, 0, 0, 0)), "a return is sound anywhere");
    }
}
