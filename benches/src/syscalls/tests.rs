use super::*;

#[test]
fn waiting_is_counted_only_if_wanted() {
    let text = "    calls syscall\n--------- -------\n       82 close\n        9 ppoll\n\
                --------- -------\n       91 total\n";
    assert_eq!(sum(text, Which::All), Some(91));
    assert_eq!(sum(text, Which::Steady), Some(82));
    assert_eq!(sum("strace: no\n", Which::All), None);
}
