use super::{Error, SysError, in_small_letters, presentable};

#[test]
fn a_message_is_one_line_that_leaves_the_terminal_alone() {
    assert_eq!(presentable("a\nb\u{1b}[1m"), "a\u{fffd}b\u{fffd}[1m");
    let long = presentable(&"x".repeat(100_000));
    assert!(long.len() < 5000 && long.contains(" [...] "));
}

#[test]
fn the_errors_words_begin_small() {
    let errno = SysError::new("execve", "/No such file", rustix::io::Errno::NOENT);
    let error = Error::from(errno).within("No such file or directory");
    let text = in_small_letters(&error);
    assert!(text.ends_with("no such file or directory"), "{text}");
    assert!(text.starts_with("No such"), "a name stays as it is: {text}");
}
