//! container.json of each era: what is read can be written down, and is read again as the same.
#![no_main]

use std::path::Path;

use libcontainer::config::{parse, print};
use libcontainer::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let read = |bytes: &[u8]| parse(bytes, Path::new("container.json"), Path::new("/dir"));
    let Ok(parsed) = read(bytes) else { return };
    fuzzing::planned(&parsed.config);
    let Ok(text) = print(&parsed.config) else { return };
    let again = read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(again.config, parsed.config, "{text}");
});
