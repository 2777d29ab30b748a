use std::path::PathBuf;

use libcontainer::ProcessSpec;
use libcontainer::config::{Capabilities, Id, User};

use super::Wanted;
use crate::arguments::PROGRAM;
use crate::settings::Settings;

fn wanted<T>(
    flags: &[&str],
    look: impl FnOnce(&Settings, libcontainer::Result<Wanted<'_>>) -> T,
) -> T {
    let words = ["nsrun", "--root", "/nowhere", "exec"].iter().chain(flags);
    let typed = PROGRAM.read(&words.map(Into::into).collect::<Vec<_>>()).unwrap();
    let settings = Settings::of(&typed.globals, None).map_err(|(_, error)| error).unwrap();
    look(&settings, Wanted::of(&typed.own))
}

fn own() -> ProcessSpec {
    ProcessSpec {
        env: Some(vec!["A=1".into()]),
        user: Some(User { user: Id::Number(5), group: Some(Id::Number(6)) }),
        additional_groups: Some(vec![Id::Number(7)]),
        capabilities: Some(Capabilities {
            inheritable: vec!["KILL".into()],
            ..Capabilities::of(["CHOWN"])
        }),
        ..ProcessSpec::default()
    }
}

fn process(flags: &[&str]) -> ProcessSpec {
    wanted(flags, |settings, wanted| wanted.unwrap().process(settings, &own()).unwrap())
}

#[test]
fn what_is_not_said_is_the_containers() {
    let expected = ProcessSpec { args: vec!["ls".into(), "-t".into()], ..ProcessSpec::default() };
    assert_eq!(process(&["x", "ls", "-t"]), expected);
    assert_eq!(process(&["x", "--", "ls", "-t"]), expected);
}

#[test]
fn what_is_said_comes_on_top() {
    let flags =
        ["-e", "B=2", "-u", "9", "-g", "8", "--cwd", "/d", "--no-new-privs", "-t", "x", "c"];
    let spec = process(&flags);
    assert_eq!(spec.env.unwrap(), ["A=1", "B=2"]);
    assert_eq!(spec.user.unwrap(), User { user: Id::Number(9), group: Some(Id::Number(6)) });
    assert_eq!(spec.additional_groups.unwrap(), [Id::Number(7), Id::Number(8)]);
    assert_eq!((spec.cwd, spec.no_new_privileges), (Some(PathBuf::from("/d")), Some(true)));
    assert!(spec.terminal);
    assert_eq!(process(&["-u", "9:1", "x", "c"]).user.unwrap(), "9:1".parse().unwrap());
    assert_eq!(process(&["-u", "web", "x", "c"]).user.unwrap(), "web".parse().unwrap());
}

#[test]
fn a_capability_is_ambient_where_it_is_inheritable() {
    let flags = ["--cap", "CAP_KILL", "--cap", "net_raw", "--cap", "CAP_CHOWN", "x", "c"];
    let sets = process(&flags).capabilities.unwrap();
    assert_eq!(sets.bounding, ["CHOWN", "CAP_KILL", "net_raw"]);
    assert_eq!((&sets.effective, &sets.permitted), (&sets.bounding, &sets.bounding));
    assert_eq!((sets.inheritable, sets.ambient), (vec!["KILL".into()], vec!["CAP_KILL".into()]));
}

#[test]
fn groups_below() {
    let groups = |flags: &[&str]| wanted(flags, |_, wanted| wanted.unwrap().cgroups());
    let all = groups(&["--cgroup", "a/b", "--cgroup", "cpu,memory:c", "x", "c"]).unwrap();
    let names: Vec<_> =
        all.iter().map(|(key, path)| (key.as_str(), path.to_str().unwrap())).collect();
    assert_eq!(names, [("", "a/b"), ("cpu", "c"), ("memory", "c")]);
    groups(&["--cgroup", "a", "--cgroup", "b", "x", "c"]).unwrap_err();
}

#[test]
fn a_command_or_a_file() {
    wanted(&["x"], |_, wanted| wanted.unwrap_err());
    wanted(&["--process", "f", "x", "c"], |_, wanted| wanted.unwrap_err());
}
