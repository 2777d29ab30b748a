use super::*;
use crate::compile::{Options, compile};
use crate::filter::Program;
use crate::interpreter::{SeccompData, run};

fn value(program: &Program, arch: Arch, nr: u32) -> u32 {
    let data = SeccompData { nr, arch: arch.audit(), ..SeccompData::default() };
    run(&program.filter, &data).unwrap().value
}

/// Every number that has a name is reported, but for two.
#[test]
fn everything_is_reported() {
    for native in [Arch::X86_64, Arch::Aarch64] {
        let program = compile(&recording_profile("/a".to_owned()), Options::new(native)).unwrap();
        assert!(program.needs_listener && program.skipped.is_empty());
        for arch in Arch::ALL.into_iter().filter(|arch| arch.runs_on(native)) {
            for nr in 0..600 {
                let nr = if arch == Arch::X32 { nr | 1 << 30 } else { nr };
                let reported = value(&program, arch, nr) == 0x7fc0_0000;
                let name = arch.name(nr);
                let expected = name.is_some_and(|name| !UNSEEN.contains(&name));
                assert_eq!(reported, expected, "{arch:?} {nr} {name:?}");
            }
        }
    }
}

#[test]
fn what_was_seen_is_permitted() {
    let mut recording = Recording::default();
    assert!(recording.is_empty());
    for (arch, nr) in [
        (Arch::X86_64, 59),
        (Arch::X86_64, 0),
        (Arch::X86_64, 0),
        (Arch::X86, 20),
        (Arch::X86_64, 9999),
    ] {
        recording.note(arch.audit(), nr);
    }
    assert_eq!(recording.len(), 4);
    let profile = recording.profile(Arch::X86_64);
    assert_eq!(
        profile.syscalls[0].names,
        [
            "execve",
            "exit",
            "exit_group",
            "getpid",
            "read",
            "restart_syscall",
            "rt_sigreturn",
            "sendmsg",
            "write"
        ]
    );
    assert_eq!(profile.architectures, [Architecture::X86_64, Architecture::X86]);
    let program = compile(&profile, Options::new(Arch::X86_64)).unwrap();
    let calls = [(Arch::X86_64, 0), (Arch::X86_64, 39), (Arch::X86, 3), (Arch::X86_64, 2)];
    let values = calls.map(|(arch, nr)| value(&program, arch, nr));
    // getpid is permitted on both: a profile has no rules for one architecture.
    assert_eq!(values, [0x7fff_0000, 0x7fff_0000, 0x7fff_0000, 0x5_0026]);
    assert_eq!(value(&program, Arch::X32, 1 << 30), 0);
}

/// The document that is written is the profile that is read.
#[test]
fn as_json() {
    let mut recording = Recording::default();
    recording.note(Arch::X32.audit(), 1 << 30 | 513);
    let profile = recording.profile(Arch::X86_64);
    assert_eq!(profile.architectures, [Architecture::X86_64, Architecture::X32]);
    assert!(profile.syscalls[0].names.contains(&"rt_sigreturn".into()));
    let text = serde_json::to_string(&profile).unwrap();
    assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), profile);
    assert!(!text.contains("listener") && !text.contains("args"), "{text}");
}
