//! What `fuzz/` calls: readers of bytes that somebody else has written. No part of the library's
//! interface.

use std::path::Path;
use std::sync::OnceLock;

use crate::config::{Config, ProcessSpec};
use crate::host::HostFacts;
use crate::plan::filters::{Filters, filters};
use crate::plan::{self, Place};
use crate::wire::{FromInit, ToInit};
use crate::{container, privileges, resctrl};

/// A container's state.json.
pub fn record(bytes: &[u8]) {
    container::fuzz_record(bytes, "id");
}

/// A message of the start protocol, in both directions; what is understood can be said again.
pub fn message(bytes: &[u8]) {
    if let Ok(message) = postcard::from_bytes::<FromInit>(bytes) {
        assert!(postcard::to_allocvec(&message).is_ok());
    }
    if let Ok(message) = postcard::from_bytes::<ToInit>(bytes) {
        let text = postcard::to_allocvec(&message).unwrap_or_default();
        let again = postcard::from_bytes::<ToInit>(&text);
        assert_eq!(again.map(|it| format!("{it:?}")).ok(), Some(format!("{message:?}")));
    }
}

/// /proc/self/mountinfo.
pub fn mountinfo(bytes: &[u8]) {
    let _ = plan::mounts::host_mounts(bytes);
    let _ = plan::mounts::mounts_on(bytes, 1);
    let _ = resctrl::find(bytes);
}

/// /etc/passwd and /etc/group below `root`, for users and groups by number and by name.
pub fn accounts(root: &Path) {
    for user in ["0", "1000", "a", "a:b", "1000:a"] {
        let spec = ProcessSpec {
            args: vec!["a".to_owned()],
            user: user.parse().ok(),
            additional_groups: Some(["a", "7"].iter().filter_map(|id| id.parse().ok()).collect()),
            groups_from_file: Some(true),
            ..ProcessSpec::default()
        };
        let planned =
            plan::process_of(&Config::default(), &spec, &Filters::default(), "id", false, 0);
        if let Ok((plan, _)) = planned {
            let _ = privileges::resolve_below(&plan, root);
        }
    }
}

/// A configuration, planned for this host.
pub fn planned(config: &Config) {
    static FACTS: OnceLock<Option<HostFacts>> = OnceLock::new();
    let Some(facts) = FACTS.get_or_init(|| HostFacts::read().ok()) else { return };
    let mountinfo = b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n";
    let place = Place { id: "id", scope: "/run", facts, mountinfo, selinux: true };
    let _ = plan::start(config, &place);
    let filters = filters(&config.seccomp).unwrap_or_default();
    let _ = plan::process_of(config, &ProcessSpec::default(), &filters, "id", true, 7);
}
