use super::*;
use crate::arch::Arch;
use crate::compile::{Options, compile};
use crate::interpreter::{SeccompData, run};

const ALLOW: u32 = 0x7fff_0000;
const EPERM: u32 = 0x5_0001;

#[test]
fn only_the_two_requests() {
    for native in [Arch::X86_64, Arch::Aarch64] {
        let program = compile(&tiocsti_filter(), Options::new(native)).unwrap();
        let arches: &[_] = match native {
            Arch::X86_64 => &[(Arch::X86_64, 16), (Arch::X86, 54), (Arch::X32, 0x4000_0202)],
            _ => &[(Arch::Aarch64, 29), (Arch::Arm, 54)],
        };
        for (arch, nr) in arches {
            let value = |nr, request| {
                let args = [0, request, 0, 0, 0, 0];
                let data = SeccompData { nr, arch: arch.audit(), args, ..SeccompData::default() };
                run(&program.filter, &data).unwrap().value
            };
            for request in [TIOCSTI, TIOCLINUX] {
                assert_eq!(value(*nr, request), EPERM);
                // CVE-2019-10063: the kernel ignores the high half.
                assert_eq!(value(*nr, request | 1 << 32), EPERM);
                assert_eq!(value(*nr, request | 0xffff_ffff << 32), EPERM);
                assert_eq!(value(nr + 1, request), ALLOW);
            }
            assert_eq!(value(*nr, 0x5413), ALLOW);
        }
        assert!(program.filter.len() <= 35, "{}", program.filter.len());
    }
}
