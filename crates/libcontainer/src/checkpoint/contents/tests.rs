use super::*;
use crate::checkpoint::Message;

fn made(fill: impl FnOnce(&mut Message)) -> Message {
    let mut message = Message::default();
    fill(&mut message);
    message
}

fn mount(kind: u64, root: &str, point: &str) -> Vec<u8> {
    let message = made(|m| {
        m.number(1, kind).text(6, root.as_bytes()).text(7, point.as_bytes());
    });
    message.as_bytes().to_vec()
}

fn groups(dir: &str, property: &str, set: u64, path: &str) -> Vec<u8> {
    let property = made(|m| {
        m.text(1, property.as_bytes()).text(2, b"1");
    });
    let dir = made(|m| {
        m.text(1, dir.as_bytes()).nested(3, &property);
    });
    let controller = made(|m| {
        m.text(1, b"pids").nested(2, &dir);
    });
    let member = made(|m| {
        m.text(1, b"pids").text(2, path.as_bytes());
    });
    let set = made(|m| {
        m.number(1, set).nested(2, &member);
    });
    let all = made(|m| {
        m.nested(1, &set).nested(2, &controller);
    });
    all.as_bytes().to_vec()
}

#[test]
fn mounts_stay_in_the_container() {
    assert_eq!(check_mount(&mount(5, "/", "./run")), Ok(()));
    assert_eq!(check_mount(&mount(17, "/", "./")), Ok(()), "the root is given");
    let mut given = mount(17, "/x", "./data");
    let key = made(|m| {
        m.text(18, b"/data");
    });
    given.extend_from_slice(key.as_bytes());
    assert_eq!(check_mount(&given), Ok(()), "so is what has a key");
    for (bad, words) in [
        (mount(17, "/", "./merged"), "overlay"),
        (mount(13, "/", "./merged"), "aufs"),
        (mount(5, "/../../etc", "./run"), "leads out"),
        (mount(5, "/", "./../run"), "leads out"),
        (b"\xff".to_vec(), "cannot be read"),
    ] {
        assert!(check_mount(&bad).unwrap_err().contains(words), "{words}");
    }
}

#[test]
fn groups_stay_below_the_containers() {
    for (dir, path) in [("a/b", "/a/b"), ("a/b", "/a/b/c"), ("/a/b", "/a/b")] {
        assert_eq!(check_groups(&groups(dir, "pids.max", 2, path)), Ok(()), "{dir} {path}");
    }
    // Whoever saved it was elsewhere.
    assert_eq!(check_groups(&groups("a/b", "pids.max", 1, "/")), Ok(()));
    for (bad, words) in [
        (groups("a/../..", "pids.max", 2, "/a"), "a/../.."),
        (groups("a", "../../x", 2, "/a"), "sets"),
        (groups("a", "pids.max", 2, "/a/../b"), "/a/../b"),
        (groups("a", "pids.max", 2, "/"), "not the container's"),
        (groups("a", "pids.max", 2, "/ab"), "not the container's"),
    ] {
        let error = check_groups(&bad).unwrap_err();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn images_are_split() {
    let image = b"12345678\x02\0\0\0ab\x01\0\0\0c";
    assert_eq!(split(image), Some(vec![b"ab".to_vec(), b"c".to_vec()]));
    assert_eq!(split(b"12345678"), Some(Vec::new()));
    for bad in
        [&b"1234"[..], b"12345678\x02\0\0\0a", b"12345678\x02\0", b"12345678\xff\xff\xff\xffx"]
    {
        assert_eq!(split(bad), None, "{bad:?}");
    }
}
