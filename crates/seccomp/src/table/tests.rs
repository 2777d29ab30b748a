use super::*;

fn number(name: &str, arch: Arch) -> Option<u32> {
    call(name).and_then(|call| call.number(arch))
}

#[test]
fn known_numbers() {
    let all = [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64, Arch::Arm];
    let cases: [(&str, [Option<u32>; 5]); 12] = [
        ("read", [Some(0), Some(3), Some(X32_BIT), Some(63), Some(3)]),
        ("ioctl", [Some(16), Some(54), Some(X32_BIT | 514), Some(29), Some(54)]),
        ("execveat", [Some(322), Some(358), Some(X32_BIT | 545), Some(281), Some(387)]),
        ("preadv2", [Some(327), Some(378), Some(X32_BIT | 546), Some(286), Some(392)]),
        ("clone3", [435, 435, X32_BIT | 435, 435, 435].map(Some)),
        ("file_setattr", [469, 469, X32_BIT | 469, 469, 469].map(Some)),
        ("newfstatat", [Some(262), None, Some(X32_BIT | 262), Some(79), None]),
        ("futex_time64", [None, Some(422), None, None, Some(422)]),
        ("socketcall", [None, Some(102), None, None, None]),
        ("uselib", [Some(134), Some(86), None, None, Some(86)]),
        ("cacheflush", [None, None, None, None, Some(0xf0002)]),
        ("break", [None, Some(17), None, None, None]),
    ];
    for (name, numbers) in cases {
        assert_eq!(all.map(|arch| number(name, arch)), numbers, "{name}");
    }
    assert!(call("reed").is_none() && call("").is_none());
}

/// Each name of the crate's tables is found, with its number.
#[test]
fn nothing_is_lost() {
    let mut count = 0;
    for nr in 0..NUMBERS {
        let expected = |found: Option<&str>, arch| {
            if let Some(name) = found {
                assert_eq!(number(name, arch), Some(nr as u32), "{name} on {arch:?}");
            }
        };
        expected(x86_64::Sysno::new(nr).map(|call| call.name()), Arch::X86_64);
        expected(arm::Sysno::new(nr).map(|call| call.name()), Arch::Arm);
        if nr != 17 {
            expected(x86::Sysno::new(nr).map(|call| call.name()), Arch::X86);
        }
        if nr != 79 && !(403..=423).contains(&nr) {
            expected(aarch64::Sysno::new(nr).map(|call| call.name()), Arch::Aarch64);
        }
        count += usize::from(x86_64::Sysno::new(nr).is_some());
    }
    assert!(count > 380 && x86_64::Sysno::last().id() < NUMBERS as i32);
    assert!(TABLE.count < ENTRIES && TABLE.used < BYTES);
    // What the table costs a binary.
    assert!(size_of::<Table>() <= 16 * 1024, "{}", size_of::<Table>());
}

/// Against the kernel's own header, where the C library's headers are installed.
#[test]
fn x32_as_the_kernel_has_it() {
    let path = "/usr/include/x86_64-linux-gnu/asm/unistd_x32.h";
    let Ok(header) = std::fs::read_to_string(path) else {
        println!("SKIP: no {path}");
        return;
    };
    let mut seen = 0;
    for line in header.lines() {
        let Some((name, value)) =
            line.strip_prefix("#define __NR_").and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        let value = value.trim_matches(|c: char| !c.is_ascii_digit()).rsplit(' ').next();
        let value: u32 = value.unwrap().parse().unwrap();
        assert_eq!(number(name, Arch::X32), Some(X32_BIT | value), "{name}");
        seen += 1;
    }
    assert!(seen > 300);
}

#[test]
fn multiplexed_calls() {
    let multiplexed = |name| call(name).and_then(Call::multiplexed);
    assert_eq!(multiplexed("socket"), Some(("socketcall", 1)));
    assert_eq!(multiplexed("sendmmsg"), Some(("socketcall", 20)));
    assert_eq!(multiplexed("shmctl"), Some(("ipc", 24)));
    assert_eq!(multiplexed("read"), None);
}
