//! What device rules mean, written as plainly as can be, and an interpreter of programs: for tests
//! and fuzzers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sys::bpf::Instruction;

use super::rules::Policy;

/// One request for a device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    pub(crate) block: bool,
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) access: u8,
}

/// Runs a program as the kernel would; panics on what the verifier would refuse.
pub(crate) fn run(program: &[Instruction], request: Request) -> bool {
    let kind = if request.block { 1 } else { 2 };
    let context = [u32::from(request.access) << 16 | kind, request.major, request.minor];
    let mut registers: [Option<u64>; 11] = [None; 11];
    for instruction in program {
        let Instruction { code, registers: pair, offset, immediate } = *instruction;
        let (to, from) = ((pair & 15) as usize, (pair >> 4) as usize);
        let value = immediate as i64 as u64;
        let low = |value: u64| value & 0xffff_ffff;
        let get =
            |register: usize| registers[register].expect("a register is read before it is set");
        let result = match code {
            0x61 => {
                assert_eq!(from, 1, "only the context can be read");
                context[offset as usize / 4].into()
            }
            0xbc => low(get(from)),
            0xb7 => value,
            0x07 => get(to).wrapping_add(value),
            0x4f => get(to) | get(from),
            0xa7 => get(to) ^ value,
            0xa4 => low(get(to) ^ value),
            0x54 => low(get(to) & value),
            0x64 => low(get(to) << value),
            0x77 => get(to) >> value,
            0x95 => {
                assert!(get(0) <= 1, "the verifier wants 0 or 1");
                return get(0) == 1;
            }
            _ => panic!("unknown instruction {code:#x}"),
        };
        registers[to] = Some(result);
    }
    panic!("no end")
}

/// The verdict straight from the policy, as security/device_cgroup.c reaches it.
pub(crate) fn expected(policy: &Policy, request: Request) -> bool {
    let same = |number: Option<u32>, asked: u32| number.is_none_or(|number| number == asked);
    let mut matching = policy.exceptions.iter().filter(|one| {
        one.block == request.block
            && same(one.major, request.major)
            && same(one.minor, request.minor)
    });
    if policy.allow {
        !matching.any(|one| one.access.bits() & request.access != 0)
    } else {
        matching.any(|one| request.access & !one.access.bits() == 0)
    }
}
