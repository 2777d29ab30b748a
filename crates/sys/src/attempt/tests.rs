use super::*;

#[test]
fn a_call_that_is_let_through_fails_for_its_arguments() {
    assert_eq!(attempt(libc::SYS_read).unwrap_err().errno(), Errno::BADF);
    assert_eq!(attempt(libc::SYS_mount).unwrap_err().errno(), Errno::FAULT);
    assert_eq!(attempt(100_000).unwrap_err().errno(), Errno::NOSYS);
}

#[test]
fn a_call_that_would_end_the_caller_is_not_entered() {
    assert_eq!(attempt(libc::SYS_exit_group).unwrap_err().errno(), Errno::INVAL);
}
