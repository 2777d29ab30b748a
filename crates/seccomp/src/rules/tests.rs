use super::*;

fn error(json: &str) -> (String, String) {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let error = serde_path_to_error::deserialize::<_, Profile>(&mut deserializer).unwrap_err();
    (error.path().to_string(), error.inner().to_string())
}

#[test]
fn whole_model() {
    let json = r#"{
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_RISCV64"],
        "flags": ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
        "listenerPath": "/run/agent", "listenerMetadata": "m", "unknownField": 1,
        "syscalls": [
            {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": null},
            {"names": ["clone"], "action": "SCMP_ACT_TRACE", "errnoRet": 7, "args": [
                {"index": 1, "value": 18446744073709551615, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"},
                {"index": 5, "value": 3, "op": "SCMP_CMP_LE"}]}]}"#;
    let profile: Profile = serde_json::from_str(json).unwrap();
    assert_eq!(profile.default_errno_ret, Some(38));
    assert_eq!(profile.architectures, [Architecture::X86_64, Architecture::Riscv64]);
    assert_eq!(profile.flags.iter().map(|flag| flag.bit()).sum::<u32>(), 0x21);
    let args = &profile.syscalls[1].args;
    assert_eq!(args[0], Arg { index: 1, value: u64::MAX, value_two: 2, op: Op::MaskedEq });
    assert_eq!(args[1], Arg { index: 5, value: 3, value_two: 0, op: Op::Le });
    assert!(profile.syscalls[0].args.is_empty());
    let again: Profile = serde_json::from_str(&serde_json::to_string(&profile).unwrap()).unwrap();
    assert_eq!(profile, again);
}

#[test]
fn unknown_values_are_errors_with_their_path() {
    let cases = [
        (r#"{"defaultAction":"SCMP_ACT_NO"}"#, "defaultAction"),
        (
            r#"{"defaultAction":"SCMP_ACT_LOG","architectures":["SCMP_ARCH_VAX"]}"#,
            "architectures[0]",
        ),
        (r#"{"defaultAction":"SCMP_ACT_LOG","flags":["SECCOMP_FILTER_FLAG_X"]}"#, "flags[0]"),
        (
            r#"{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["a"],"action":"ALLOW"}]}"#,
            "syscalls[0].action",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG",
                "args":[{"index":0,"value":1,"op":"SCMP_CMP_EQUAL"}]}]}"#,
            "syscalls[0].args[0].op",
        ),
    ];
    for (json, path) in cases {
        let (found, message) = error(json);
        assert_eq!(found, path);
        assert!(message.contains("unknown variant"), "{message}");
    }
}

/// Every value of the specification's schema, by its name in there.
#[test]
fn each_value_is_known() {
    fn read<T: serde::de::DeserializeOwned>(prefix: &str, names: &str) -> Vec<T> {
        let one = |name| serde_json::from_value(format!("{prefix}{name}").into()).unwrap();
        names.split_whitespace().map(one).collect()
    }
    let actions = "KILL KILL_PROCESS KILL_THREAD TRAP ERRNO TRACE ALLOW LOG NOTIFY";
    assert_eq!(read::<Action>("SCMP_ACT_", actions), Action::ALL);
    assert_eq!(read::<Op>("SCMP_CMP_", "NE LT LE EQ GE GT MASKED_EQ"), Op::ALL);
    let flags = read::<Flag>("SECCOMP_FILTER_FLAG_", "TSYNC LOG SPEC_ALLOW WAIT_KILLABLE_RECV");
    assert_eq!(flags, Flag::ALL);
    // linux/seccomp.h
    assert_eq!(flags.iter().map(|flag| flag.bit()).collect::<Vec<_>>(), [1, 2, 4, 32]);
    let all = "X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 \
        MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X SH SHEB PARISC PARISC64 RISCV64";
    assert_eq!(read::<Architecture>("SCMP_ARCH_", all), Architecture::ALL);
}

#[test]
fn names_match_json() {
    for action in ["", "_PROCESS", "_THREAD"].map(|end| format!("SCMP_ACT_KILL{end}")) {
        let parsed: Action = serde_json::from_str(&format!("\"{action}\"")).unwrap();
        assert_eq!(parsed.name(), action);
    }
    for action in ["TRAP", "ERRNO", "TRACE", "ALLOW", "LOG", "NOTIFY"] {
        let name = format!("SCMP_ACT_{action}");
        let parsed: Action = serde_json::from_str(&format!("\"{name}\"")).unwrap();
        assert_eq!(parsed.name(), name);
    }
}
