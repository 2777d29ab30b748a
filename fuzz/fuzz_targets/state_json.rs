//! A container's record, state.json.
#![no_main]

use libcontainer::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::record(bytes));
