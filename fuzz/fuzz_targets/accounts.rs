//! /etc/passwd and /etc/group of an image, which anybody may have written.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let place = PLACE.get_or_init(|| {
        let place = std::env::temp_dir().join(format!("fuzz-accounts-{}", std::process::id()));
        std::fs::create_dir_all(place.join("etc")).unwrap();
        std::fs::write(place.join("etc/passwd"), "").unwrap();
        std::fs::hard_link(place.join("etc/passwd"), place.join("etc/group")).unwrap();
        place
    });
    std::fs::write(place.join("etc/passwd"), bytes).unwrap();
    libcontainer::fuzzing::accounts(place);
});
