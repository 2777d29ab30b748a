//! The compiler of device rules, against what the rules mean.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| cgroups::fuzzing::device_rules(bytes));
