//! The compiler of system-call filters, against what a profile means: one made from the input, and
//! the one that the input is the JSON of. Two that are merged, against the kernel's rule for two.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seccomp::reference::{Random, check_agreement, check_merged, random_profile};
use seccomp::{Arch, Options, Profile, compile};

fuzz_target!(|bytes: &[u8]| {
    let mut random = Random::from_bytes(bytes);
    let native = *random.of(&[Arch::X86_64, Arch::Aarch64, Arch::X86]);
    let options = Options { native, newer_is_enosys: random.below(4) > 0 };
    let profile = match serde_json::from_slice::<Profile>(bytes) {
        Ok(profile) => profile,
        Err(_) => random_profile(&mut random),
    };
    let Ok(program) = compile(&profile, options) else { return };
    check_agreement(&mut random, &profile, options, &program, 0);
    if random.below(4) == 0 {
        let other = random_profile(&mut random);
        check_merged(&mut random, &[profile, other], options);
    }
});
