use super::{Error, SysError, in_small_letters};

#[test]
fn the_errors_words_begin_small() {
    let errno = SysError::new("execve", "/No such file", rustix::io::Errno::NOENT);
    let error = Error::from(errno).within("No such file or directory");
    let text = in_small_letters(&error);
    assert!(text.ends_with("no such file or directory"), "{text}");
    assert!(text.starts_with("No such"), "a name stays as it is: {text}");
}
