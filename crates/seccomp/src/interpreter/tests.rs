use super::*;

fn code(code: u16, k: u32) -> SockFilter {
    SockFilter { code, jt: 0, jf: 0, k }
}

fn accumulator(mut filter: Vec<SockFilter>) -> Option<u32> {
    filter.push(code(0x16, 0));
    let data = SeccompData {
        nr: 1,
        arch: 2,
        instruction_pointer: 0x4_0000_0003,
        args: [0x6_0000_0005, 0, 0, 0, 0, 0x8_0000_0007],
    };
    run(&filter, &data).ok().map(|outcome| outcome.value)
}

#[test]
fn words() {
    let expected = [(0, 1), (4, 2), (8, 3), (12, 4), (16, 5), (20, 6), (56, 7), (60, 8)];
    for (offset, value) in expected {
        assert_eq!(accumulator(vec![code(0x20, offset)]), Some(value), "{offset}");
    }
    for offset in [1, 2, 63, 64, 68, u32::MAX - 3] {
        assert_eq!(accumulator(vec![code(0x20, offset)]), None, "{offset}");
    }
    assert_eq!(accumulator(vec![code(0x80, 0)]), Some(64));
}

#[test]
fn arithmetic() {
    let with = |op, k| accumulator(vec![code(0x00, 12), code(op, k)]);
    assert_eq!(with(0x04, u32::MAX), Some(11));
    assert_eq!(with(0x14, 13), Some(u32::MAX));
    assert_eq!(with(0x24, 3), Some(36));
    assert_eq!((with(0x34, 5), with(0x34, 0)), (Some(2), None));
    assert_eq!((with(0x44, 3), with(0x54, 4), with(0xa4, 4)), (Some(15), Some(4), Some(8)));
    assert_eq!((with(0x64, 1), with(0x74, 2), with(0x64, 32)), (Some(24), Some(3), None));
    assert_eq!(with(0x84, 0), Some(12_u32.wrapping_neg()));
    let by_x = |op, x| accumulator(vec![code(0x01, x), code(0x00, 12), code(op, 0)]);
    assert_eq!((by_x(0x0c, 1), by_x(0x3c, 0), by_x(0x5c, 8)), (Some(13), Some(0), Some(8)));
    let memory = [code(0x00, 9), code(0x02, 15), code(0x00, 0), code(0x61, 15), code(0x87, 0)];
    assert_eq!(accumulator(memory.to_vec()), Some(9));
    assert_eq!(accumulator(vec![code(0x02, 16)]), None);
    assert_eq!(accumulator(vec![code(0xffff, 16)]), None);
}

#[test]
fn ends_and_steps() {
    let jump = SockFilter { code: 0x15, jt: 1, jf: 0, k: 0 };
    let filter = [code(0x20, 0), jump, code(0x06, 5), code(0x06, 6)];
    assert_eq!(run(&filter, &SeccompData::default()), Ok(Outcome { value: 6, steps: 3 }));
    assert_eq!(run(&[code(0x00, 1)], &SeccompData::default()), Err(BadInstruction { at: 1 }));
    assert!(run(&[code(0x05, u32::MAX)], &SeccompData::default()).is_err());
    assert!(run(&[], &SeccompData::default()).is_err());
}
