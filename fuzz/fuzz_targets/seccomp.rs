//! The compiler of system-call filters, against what a profile means: one made from the input, and
//! the one that the input is the JSON of.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seccomp::reference::{Random, check_agreement, random_profile};
use seccomp::{Arch, Options, Profile, compile};

fn check(profile: &Profile, random: &mut Random) {
    for native in [Arch::X86_64, Arch::Aarch64] {
        let options = Options::new(native);
        if let Ok(program) = compile(profile, options) {
            check_agreement(random, profile, options, &program, 0);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let seed = bytes.iter().fold(1_u64, |seed, byte| {
        (seed ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut random = Random(seed | 1);
    match serde_json::from_slice::<Profile>(bytes) {
        Ok(profile) => check(&profile, &mut random),
        Err(_) => {
            let profile = random_profile(&mut random);
            check(&profile, &mut random);
        }
    }
});
