//! config.json of an OCI bundle, and the limits and processes that come alone.
#![no_main]

use std::path::Path;

use libcontainer::config::{parse, parse_oci, parse_process, print, resources};
use libcontainer::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = Path::new("config.json");
    let _ = resources(bytes, file);
    let _ = parse_process(bytes, file);
    let Ok(parsed) = parse_oci(bytes, file, Path::new("/bundle")) else { return };
    fuzzing::planned(&parsed.config);
    // nsinit writes it down as a container.json.
    let Ok(text) = print(&parsed.config) else { return };
    let again = parse(text.as_bytes(), file, Path::new("/bundle"));
    let again = again.unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(again.config, parsed.config, "{text}");
});
