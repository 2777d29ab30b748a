use std::path::{Path, PathBuf};

use super::{recorded, relative};

#[test]
fn leading_slashes_and_dots_do_not_matter() {
    for text in ["nsinit/web", "/nsinit/web", "//nsinit/./web/", "./nsinit//web"] {
        assert_eq!(relative(Path::new(text)).unwrap(), PathBuf::from("nsinit/web"), "{text}");
    }
}

#[test]
fn ways_out_are_refused() {
    for text in ["", "/", ".", "..", "a/../../b", "/a/..", "a\n/b"] {
        assert!(relative(Path::new(text)).is_err(), "{text:?}");
    }
}

#[test]
fn a_record_must_be_absolute() {
    assert!(recorded(Path::new("sys/fs/cgroup/x")).is_err());
    assert!(recorded(Path::new("/sys/fs/cgroup/../../../etc")).is_err());
    assert_eq!(recorded(Path::new("/sys/fs/cgroup/x")).unwrap(), PathBuf::from("/sys/fs/cgroup/x"));
}
