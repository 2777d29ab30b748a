//! The file of `nsrun exec --process`, and that of `nsrun update --resources`.
#![no_main]

use std::path::Path;

use libcontainer::config::{parse_process, resources};
use libcontainer::{Config, fuzzing};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = Path::new("process.json");
    let _ = resources(bytes, file);
    if let Ok((process, _)) = parse_process(bytes, file) {
        fuzzing::planned(&Config { process, ..Config::default() });
    }
});
