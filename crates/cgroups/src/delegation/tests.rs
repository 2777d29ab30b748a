use super::*;

#[test]
fn the_own_group_is_that_of_the_controllers_hierarchy() {
    let text = "9:name=systemd:/user.slice\n2:cpu,cpuacct:/a:b\n1:freezer:/\n0::/../x\n";
    let own = Memberships(text.to_owned());
    assert_eq!(own.of("name=systemd"), Some(Path::new("user.slice")));
    assert_eq!(own.of("cpuacct"), Some(Path::new("a:b")));
    assert_eq!(own.of("freezer"), Some(Path::new("")));
    assert_eq!(own.of("memory"), None);
    assert_eq!(own.of(UNIFIED), None, "outside of the cgroup namespace");
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
