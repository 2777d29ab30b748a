use super::*;
use crate::filter::{JEQ, NR};
use crate::interpreter::{SeccompData, run};

fn value(filter: &[SockFilter], nr: u32) -> u32 {
    run(filter, &SeccompData { nr, ..SeccompData::default() }).unwrap().value
}

/// Comparisons whose targets are nearly, just and more than 255 instructions away.
#[test]
fn long_jumps() {
    for between in 240..270 {
        for target_is_return in [true, false] {
            let mut asm = Assembler::new();
            let mut far = asm.ret(1);
            let mut other = asm.ret(2);
            if !target_is_return {
                far = asm.load(NR, far);
                other = asm.load(NR, other);
            }
            for i in 0..between {
                asm.push(RET, 0, 0, 1000 + i);
            }
            let near = asm.push(RET, 0, 0, 3);
            let tests = [(10, far, near), (11, near, far), (12, far, other), (13, other, far)];
            let mut next = near;
            for (nr, yes, no) in tests {
                let both = asm.compare(JEQ, nr, yes, no);
                let both = asm.load(NR, both);
                let both_again = asm.compare(JEQ, 99, both, both);
                assert_eq!(both, both_again);
                next = asm.compare(JEQ, nr + 100, both, next);
                next = asm.load(NR, next);
            }
            let filter = asm.finish(next);
            assert_eq!(value(&filter, 0), 3);
            // The accumulator is loaded anew at `both`, so its comparison fails: nr is 110 to 113.
            assert_eq!([110, 111, 112, 113].map(|nr| value(&filter, nr)), [3, 1, 2, 1]);
        }
    }
}

#[test]
fn returns_are_shared() {
    let mut asm = Assembler::new();
    let one = asm.ret(7);
    let two = asm.ret(8);
    assert_eq!(asm.ret(7), one);
    let both = asm.compare(JEQ, 5, one, two);
    let first = asm.load(NR, both);
    let filter = asm.finish(first);
    assert_eq!(filter.len(), 4);
    assert_eq!((value(&filter, 5), value(&filter, 6)), (7, 8));
}
