use super::*;

#[test]
fn a_group_is_told_from_one_outside_of_the_namespace() {
    let at = |group: &str| {
        let group = PathBuf::from(group);
        below(Path::new("/sys/fs/cgroup"), Some(&group)).map(Path::to_owned)
    };
    assert_eq!(at("/sys/fs/cgroup/user/x"), Some("user/x".into()));
    assert_eq!(at("/sys/fs/cgroup"), Some("".into()));
    assert_eq!(at("/sys/fs/cgroup/../x"), None);
    assert_eq!(at("/elsewhere"), None);
    assert_eq!(below(Path::new("/sys/fs/cgroup"), None), None);
}

#[test]
fn the_nearest_group_above_two() {
    for (one, other, above) in [
        ("user/app/x", "user/app/y", "user/app"),
        ("user/app", "user/app/y", "user/app"),
        ("user/app", "users/app", ""),
        ("", "x", ""),
    ] {
        assert_eq!(common(Path::new(one), Path::new(other)), Path::new(above), "{one} {other}");
    }
}
