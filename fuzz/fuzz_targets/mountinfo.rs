//! /proc/self/mountinfo, /proc/self/cgroup, and texts of control groups.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    libcontainer::fuzzing::mountinfo(bytes);
    cgroups::fuzzing::texts(&String::from_utf8_lossy(bytes));
});
