use super::*;
use crate::arch::Arch;
use crate::compile::{Options, compile};
use crate::interpreter::{SeccompData, run};

#[test]
fn sample_of_2015() {
    let json = r#"{"syscalls": [
        {"value": 165, "action": 1, "args": null},
        {"value": 166, "action": -3},
        {"value": 16, "action": -2, "args": [{"index": 1, "value": 6, "op": 4}]},
        {"value": 3, "action": 0, "args": [{"index": 0, "value": 9, "op": 2},
                                           {"index": 0, "value": 20, "op": 3},
                                           {"index": 0, "value": 15, "op": 1}]},
        {"value": 4, "action": 13, "args": [{"index": 0, "value": 9, "op": 0}]}]}"#;
    let legacy: LegacyProfile = serde_json::from_str(json).unwrap();
    let profile = Profile::try_from(&legacy).unwrap();
    let program = compile(&profile, Options::new(Arch::X86_64)).unwrap();
    let value = |nr, first, second| {
        let args = [first, second, 0, 0, 0, 0];
        let arch = Arch::X86_64.audit();
        let data = SeccompData { nr, arch, args, ..SeccompData::default() };
        run(&program.filter, &data).unwrap().value
    };
    const ALLOW: u32 = 0x7fff_0000;
    assert_eq!((value(0, 0, 0), value(165, 0, 0), value(166, 0, 0)), (ALLOW, 0x5_0001, 0));
    assert_eq!((value(16, 0, 7), value(16, 0, 6), value(16, 0, 4)), (0x3_0000, 0x3_0000, ALLOW));
    assert_eq!(
        [9, 10, 15, 19, 20].map(|a| value(3, a, 0)),
        [ALLOW, 0x5_0000, ALLOW, 0x5_0000, ALLOW]
    );
    assert_eq!((value(4, 9, 0), value(4, 8, 0)), (0x5_000d, ALLOW));
}

#[test]
fn refused() {
    let convert = |action, op| {
        let args = Some(vec![LegacyArg { index: 0, value: 0, op }]);
        let rule = LegacyRule { value: 1, action, args };
        Profile::try_from(&LegacyProfile { syscalls: Some(vec![rule]) }).unwrap_err().to_string()
    };
    assert!(convert(-4, 0).starts_with("syscalls[0].action: unknown action -4"));
    assert!(convert(4096, 0).starts_with("syscalls[0].action: unknown action 4096"));
    assert!(convert(1, 5).starts_with("syscalls[0].args[0].op: unknown operator 5"));
    let none: LegacyProfile = serde_json::from_str(r#"{"syscalls": null}"#).unwrap();
    assert!(Profile::try_from(&none).unwrap().syscalls.is_empty());
}
