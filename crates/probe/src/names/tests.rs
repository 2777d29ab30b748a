use super::*;

#[test]
fn signals_have_their_usual_numbers() {
    assert_eq!(signal_number("SIGTERM"), Some(15));
    assert_eq!(signal_number("winch"), Some(28));
    assert_eq!(signal_number("9"), Some(9));
    assert_eq!(signal(31), "SYS");
    assert_eq!(signal(signal_number("RT40").unwrap()), "RT40");
    assert_eq!(signals_of(1 << 12 | 1 << 8), "KILL PIPE");
}

#[test]
fn masks_of_capabilities_are_named() {
    assert_eq!(capabilities(0), "");
    assert_eq!(capabilities(1 | 1 << 21 | 1 << 40), "CHOWN SYS_ADMIN CHECKPOINT_RESTORE");
}
