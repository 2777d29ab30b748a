use std::os::unix::fs::symlink;

use super::super::testing::{Scratch, planned};
use super::*;
use crate::ErrorKind;
use crate::config::ProcessSpec;

const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
# bob:x:7:7::/commented:
bob:x:1000:100:Bob,,,:/home/bob:/bin/sh
1000:x:666:666::/numeric-name:/bin/sh

short:x:1001:101
bob:x:0:0::/second:/bin/sh
huge:x:4294967296:0::/:
most:x:4294967295:0::/:
minus:x:-1:0::/:
gap:x:1002:::/:
twin:x:1000:0::/twin:
";
const GROUP: &str = "\
root:x:0:
users:x:100:
wheel:x:10:alice,bob
# ghosts:x:99:bob
audio:x:29:bob
prefix:x:30:bobby,bo
2000:x:777:
huge:x:4294967296:
nobody-in
again:x:10:bob
";

fn image() -> Scratch {
    let root = Scratch::new();
    root.file("etc/passwd", PASSWD);
    root.file("etc/group", GROUP);
    root
}

fn spec(user: &str) -> ProcessSpec {
    let user = (!user.is_empty()).then(|| user.parse().unwrap());
    ProcessSpec { user, ..ProcessSpec::default() }
}

fn resolved(root: &Scratch, process: &ProcessSpec) -> Result<Identity> {
    resolve_in(&planned(process), &Accounts::open(root.path())?)
}

fn ids(root: &Scratch, user: &str) -> (u32, u32, String) {
    let found = resolved(root, &spec(user)).unwrap();
    assert!(found.groups.is_empty());
    (found.uid, found.gid, found.home.into_string().unwrap())
}

fn refusal(root: &Scratch, process: &ProcessSpec) -> String {
    let error = resolved(root, process).unwrap_err();
    let field = "process.user".to_owned();
    assert_eq!(error.kind(), &ErrorKind::InvalidConfig { field }, "{error}");
    error.to_string()
}

#[test]
fn users_and_groups_by_name_and_number() {
    let root = image();
    let home = |path: &str| path.to_owned();
    assert_eq!(ids(&root, ""), (0, 0, home("/root")));
    assert_eq!(ids(&root, "0"), (0, 0, home("/root")));
    assert_eq!(ids(&root, "root"), (0, 0, home("/root")));
    assert_eq!(ids(&root, "bob"), (1000, 100, home("/home/bob")), "the first entry counts");
    assert_eq!(ids(&root, "1000"), (1000, 100, home("/home/bob")));
    assert_eq!(ids(&root, "bob:wheel"), (1000, 10, home("/home/bob")));
    assert_eq!(ids(&root, "bob:5"), (1000, 5, home("/home/bob")));
    assert_eq!(ids(&root, "1000:users"), (1000, 100, home("/home/bob")));
    assert_eq!(ids(&root, "short"), (1001, 101, home("/")));
    assert_eq!(ids(&root, "4242"), (4242, 0, home("/")), "no entry: gid 0, home /");
    assert_eq!(ids(&root, "4294967294:4294967294"), (4294967294, 4294967294, home("/")));
}

/// Attack 14 (CVE-2016-3697): a number is a number, whatever names the image has.
#[test]
fn a_number_is_never_a_name() {
    let root = image();
    assert_eq!(ids(&root, "1000").0, 1000);
    assert_eq!(ids(&root, "666"), (666, 666, "/numeric-name".to_owned()));
    assert_eq!(ids(&root, "1:2000").1, 2000);
}

#[test]
fn what_does_not_exist_is_named() {
    let root = image();
    let error = refusal(&root, &spec("eve"));
    assert_eq!(error, "process.user: user \"eve\" does not exist in the container's /etc/passwd");
    let error = refusal(&root, &spec("bob:ghosts"));
    assert!(error.contains("group \"ghosts\" does not exist in the container's /etc/group"));
    refusal(&root, &spec("nobody-in"));
    let additional_groups = Some(vec![Id::Name("nobody-in".to_owned())]);
    refusal(&root, &ProcessSpec { additional_groups, ..spec("bob") });
}

#[test]
fn a_malformed_entry_is_not_root() {
    let root = image();
    for user in ["huge", "most", "minus", "gap", "1002"] {
        let error = refusal(&root, &spec(user));
        assert!(error.contains("malformed entry in line"), "{error}");
    }
    assert!(refusal(&root, &spec("huge")).contains("line 8"));
    assert!(refusal(&root, &spec("bob:huge")).contains("/etc/group has a malformed"));
}

/// Attack 15 (CVE-2023-25173, CVE-2022-2989): exactly the groups that are asked for.
#[test]
fn supplementary_groups_are_exactly_those_asked_for() {
    let root = image();
    let asked = |groups: &[&str], from_file: bool, user: &str| {
        let additional_groups = Some(groups.iter().map(|group| group.parse().unwrap()).collect());
        let process =
            ProcessSpec { additional_groups, groups_from_file: Some(from_file), ..spec(user) };
        resolved(&root, &process).unwrap().groups
    };
    assert!(asked(&[], false, "bob").is_empty());
    assert_eq!(asked(&["7", "audio", "7", "2000"], false, "bob"), [7, 29, 2000]);
    assert_eq!(asked(&[], true, "bob"), [100, 10, 29], "the primary one first");
    assert_eq!(asked(&[], true, "1000"), [100, 10, 29], "by the name of the entry");
    assert_eq!(asked(&["5"], true, "bob:10"), [10, 5, 29]);
    assert_eq!(asked(&[], true, "4242"), [0], "a user without entry is in no file");
    assert_eq!(asked(&[], true, "0"), [0]);
}

#[test]
fn an_image_without_account_files() {
    let root = Scratch::new();
    assert_eq!(ids(&root, ""), (0, 0, "/".to_owned()));
    assert_eq!(ids(&root, "1000:5"), (1000, 5, "/".to_owned()));
    assert!(refusal(&root, &spec("root")).contains("has no /etc/passwd"));
    refusal(&root, &spec("1:users"));
    std::fs::remove_dir(root.path().join("etc")).unwrap();
    assert_eq!(ids(&root, "1000"), (1000, 0, "/".to_owned()));
    root.file("etc", "");
    assert_eq!(ids(&root, "1000"), (1000, 0, "/".to_owned()));
}

#[test]
fn links_stay_inside_the_root() {
    let root = image();
    let (etc, real) = (root.path().join("etc"), root.path().join("real"));
    std::fs::rename(&etc, &real).unwrap();
    // Seen from the host both lead to the host's own files, which know no bob.
    symlink("/../../real", &etc).unwrap();
    assert_eq!(ids(&root, "bob").0, 1000);
    std::fs::remove_file(real.join("passwd")).unwrap();
    symlink("/etc/absent", real.join("passwd")).unwrap();
    assert!(refusal(&root, &spec("root")).contains("has no /etc/passwd"));
}

#[test]
fn only_a_regular_file_of_sane_size_is_read() {
    let root = image();
    let passwd = root.path().join("etc/passwd");
    let replaced = |make: &dyn Fn()| {
        let _ = std::fs::remove_file(&passwd);
        make();
        let error = refusal(&root, &spec("1000"));
        let _ = std::fs::remove_file(&passwd);
        let _ = std::fs::remove_dir(&passwd);
        error
    };
    let mode = rustix::fs::Mode::from_raw_mode(0o644);
    let node = |kind, device| {
        rustix::fs::mknodat(rustix::fs::CWD, &passwd, kind, mode, device).unwrap();
    };
    use rustix::fs::{FileType, makedev};
    let zero = makedev(1, 5);
    assert!(replaced(&|| node(FileType::Fifo, 0)).contains("not a regular file"));
    assert!(replaced(&|| node(FileType::CharacterDevice, zero)).contains("not a regular file"));
    assert!(replaced(&|| std::fs::create_dir(&passwd).unwrap()).contains("not a regular file"));
    let sparse = || std::fs::File::create(&passwd).unwrap().set_len(1 << 40).unwrap();
    assert!(replaced(&sparse).contains("larger than 10 MiB"));
    // A magic link would lead out of the root.
    assert!(resolve_through_proc(&root));
}

fn resolve_through_proc(root: &Scratch) -> bool {
    let passwd = root.path().join("etc/passwd");
    let _ = std::fs::remove_file(&passwd);
    symlink("/proc/self/root/etc/passwd", &passwd).unwrap();
    matches!(resolved(root, &spec("root")), Err(error) if error.to_string().contains("has no"))
}

#[test]
fn bytes_of_any_kind() {
    let root = Scratch::new();
    let mut passwd = b"\xff\xfe:x:1:1::/:\nnul:x:2:2::/a\0b:\nutf:x:3:3::/h\xff:\n".to_vec();
    passwd.extend([b'z'; 100_000]);
    passwd.extend(b"\nlast:x:4:4::/last");
    root.file("etc/passwd", passwd);
    assert_eq!(ids(&root, "last"), (4, 4, "/last".to_owned()));
    assert!(refusal(&root, &spec("nul")).contains("malformed"));
    assert_eq!(resolved(&root, &spec("utf")).unwrap().home.as_bytes(), b"/h\xff");
}

#[test]
fn the_files_are_read_only_where_something_is_asked() {
    let root = Scratch::new();
    std::fs::create_dir(root.path().join("etc/passwd")).unwrap();
    let env = Some(vec!["HOME=/h".to_owned()]);
    let identity = resolved(&root, &ProcessSpec { env: env.clone(), ..spec("") }).unwrap();
    assert_eq!((identity.uid, identity.gid), (0, 0));
    let identity = resolved(&root, &ProcessSpec { env, ..spec("5:6") }).unwrap();
    assert_eq!((identity.uid, identity.gid), (5, 6));
    refusal(&root, &spec("5:6"));
}

#[test]
fn home_is_added_where_it_is_missing() {
    let root = image();
    let env = |list: &[&str]| {
        let env = Some(list.iter().map(|&entry| entry.to_owned()).collect());
        let plan = planned(&ProcessSpec { env, ..spec("bob") });
        let identity = resolve_in(&plan, &Accounts::open(root.path()).unwrap()).unwrap();
        environment(&plan, &identity)
    };
    assert_eq!(env(&["A=1"]), [c"A=1", c"HOME=/home/bob"].map(ToOwned::to_owned));
    assert_eq!(env(&["HOME=/x", "A=1"]), [c"HOME=/x", c"A=1"].map(ToOwned::to_owned));
    assert_eq!(env(&["HOMEX=1"]), [c"HOMEX=1", c"HOME=/home/bob"].map(ToOwned::to_owned));
}
