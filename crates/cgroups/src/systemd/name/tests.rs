use std::path::{Path, PathBuf};

use super::{Name, expand, object, without_init_scope};

fn parsed(path: &str) -> (String, String, PathBuf) {
    let name = Name::parse(path, "system.slice").unwrap();
    let group = name.group().unwrap();
    (name.slice, name.unit, group)
}

#[test]
fn slices_prefixes_and_names() {
    for (path, slice, unit, group) in [
        (":nsrun:web", "system.slice", "nsrun-web.scope", "system.slice/nsrun-web.scope"),
        ("user.slice:libpod:a1", "user.slice", "libpod-a1.scope", "user.slice/libpod-a1.scope"),
        ("a-b-c.slice:p:n", "a-b-c.slice", "p-n.scope", "a.slice/a-b.slice/a-b-c.slice/p-n.scope"),
        ("-.slice:p:n", "-.slice", "p-n.scope", "p-n.scope"),
        ("a.slice:p:a-n.slice", "a.slice", "a-n.slice", "a.slice/a-n.slice"),
        ("::n", "system.slice", "-n.scope", "system.slice/-n.scope"),
        (":p:a+b c", "system.slice", "p-a\\x2bb\\x20c.scope", "system.slice/p-a\\x2bb\\x20c.scope"),
        (":p:n.m", "system.slice", "p-n.m.scope", "system.slice/p-n.m.scope"),
    ] {
        let expected = (slice.to_owned(), unit.to_owned(), PathBuf::from(group));
        assert_eq!(parsed(path), expected, "{path}");
    }
}

#[test]
fn what_is_no_unit_is_refused() {
    for path in [
        "",
        "web",
        "/nsrun/web",
        "a:b",
        "a.slice:b:c:d",
        "system:p:n",
        "::",
        "a.slice:p:",
        "/a.slice:p:n",
        "a--b.slice:p:n",
        "-a.slice:p:n",
        "a-.slice:p:n",
        ".slice:p:n",
        "a/b.slice:p:n",
        ":p:a/b",
        ":a/b:n",
        ":p:a--b.slice",
        "a b.slice:p:n",
    ] {
        assert!(Name::parse(path, "system.slice").is_err(), "{path}");
    }
    let long = format!(":p:{}", "n".repeat(250));
    assert!(Name::parse(&long, "system.slice").is_err());
    let error = Name::parse("/nsrun/web", "system.slice").unwrap_err().to_string();
    assert!(
        error.contains("expected cgroupsPath to be of format \"slice:prefix:name\""),
        "{error}"
    );
}

#[test]
fn the_root_slice_is_the_managers_group() {
    assert_eq!(expand("-.slice").unwrap(), Path::new(""));
}

#[test]
fn units_on_the_bus() {
    let unit = "/org/freedesktop/systemd1/unit/";
    assert_eq!(object("a-b.scope"), format!("{unit}a_2db_2escope"));
    assert_eq!(object("1a.scope"), format!("{unit}_31a_2escope"));
}

#[test]
fn the_managers_group() {
    for (group, manager) in [
        ("/init.scope", "/"),
        ("/docker/x/init.scope", "/docker/x"),
        ("/docker/x", "/docker/x"),
        ("/", "/"),
    ] {
        assert_eq!(without_init_scope(Path::new(group)), Path::new(manager));
    }
}
