//! Messages between a container's creator and its init.
#![no_main]

use libcontainer::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::message(bytes));
