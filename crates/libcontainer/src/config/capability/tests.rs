use super::*;

#[test]
fn names_with_and_without_prefix_in_either_case() {
    assert_eq!(number("CHOWN"), Some(0));
    assert_eq!(number("CAP_SYS_ADMIN"), Some(21));
    assert_eq!(number("cap_checkpoint_restore"), Some(40));
    assert_eq!(normal("cap_bpf").as_deref(), Some("BPF"));
    for name in ["", "CAP_", "CAP_FLY", "ALL", "CAP_CAP_KILL", "ÄÄÄÄ"] {
        assert_eq!(number(name), None, "{name}");
    }
}
