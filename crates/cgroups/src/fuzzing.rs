//! What `fuzz/` calls. No part of the library's interface.
#![allow(missing_docs)]

use std::path::Path;

use crate::devices::reference::{Request, expected, run};
use crate::devices::rules::Policy;
use crate::devices::{Access, DeviceKind, DeviceRule, bpf};
use crate::psi::Psi;
use crate::{Hierarchy, Host, Mode, detect, member, parse, v1};

/// Texts of /proc and of control groups.
pub fn texts(text: &str) {
    let (v1, _) = detect::parse_mountinfo(text);
    let host = Host { v1, ..host() };
    let _ = member::paths(&host, text);
    let _ = Psi::parse(text);
    let _ = v1::devices::parse(text);
    let _ = parse::flat(text);
    let _ = parse::nested(text).count();
    let _ = parse::device(text);
}

fn host() -> Host {
    Host { mode: Mode::V2, v1: Vec::<Hierarchy>::new(), v2: None }
}

/// Four bytes a rule: the compiled program and the policy must agree on every request near its
/// numbers.
pub fn device_rules(bytes: &[u8]) {
    let access = |bits: u8| {
        let all = [Access::MKNOD, Access::READ, Access::WRITE];
        let none = Access::ALL.without(Access::ALL);
        all.into_iter().filter(|one| one.bits() & bits != 0).fold(none, Access::or)
    };
    let number = |byte: u8| match byte {
        0 => None,
        255 => Some(-1),
        254 => Some(1 << 20),
        byte => Some(i64::from(byte % 4)),
    };
    let rule = |four: &[u8]| DeviceRule {
        allow: four[0] & 1 != 0,
        kind: [DeviceKind::All, DeviceKind::Block, DeviceKind::Char][usize::from(four[0] >> 1) % 3],
        major: number(four[1]),
        minor: number(four[2]),
        access: access(four[3] & 7),
    };
    let rules: Vec<DeviceRule> = bytes.chunks_exact(4).map(rule).collect();
    let program = bpf::compile(&rules);
    let policy = Policy::unrestricted().apply(&rules);
    let (Ok(program), Ok(policy)) = (program, policy) else { return };
    for number in 0..(2 * 4 * 4 * 8) {
        let request = Request {
            block: number % 2 == 1,
            major: number / 2 % 4,
            minor: number / 8 % 4,
            access: (number / 32 % 8) as u8,
        };
        assert_eq!(run(&program, request), expected(&policy, request), "{rules:?} {request:?}");
    }
}

/// The files of a group in `directory`, read as those of both versions.
pub fn statistics(directory: &Path) {
    let all = ["cpu", "cpuacct", "memory", "blkio", "hugetlb", "pids", "rdma"];
    let v1 = all.map(|name| (name.to_owned(), directory.to_owned()));
    for paths in [v1.into(), [(String::new(), directory.to_owned())].into()] {
        if let Ok(group) = crate::Manager::from_paths(paths) {
            let _ = group.stats();
        }
    }
}
