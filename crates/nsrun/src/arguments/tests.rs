use cli::verb::Typed;

use super::{PROGRAM, text};

fn typed(words: &[&str]) -> Typed {
    PROGRAM.read(&words.iter().map(Into::into).collect::<Vec<_>>()).unwrap()
}

#[test]
fn the_definitions_hold_together() {
    PROGRAM.command().debug_assert();
}

#[test]
fn both_readers_agree() {
    let taken = PROGRAM.compare(1000).unwrap();
    assert!(taken > 5000, "{taken}");
}

#[test]
fn what_engines_type_is_read_quickly() {
    for line in [
        "nsrun --root r --log l --log-format json --systemd-cgroup create --bundle b --pid-file p id",
        "nsrun -root=r start id",
        "nsrun run -d -b b id",
        "nsrun exec --process p --console-socket s --detach -tty --pid-file f id",
        "nsrun exec -e A=B -u 0:0 --cap SYS_ADMIN id sh -c x",
        "nsrun kill --all id 9",
        "nsrun delete --force=true id",
        "nsrun state id",
        "nsrun list -f json -q",
        "nsrun update --resources - --memory-swap -1 id",
    ] {
        assert!(PROGRAM.is_usual(line), "{line}");
    }
}

#[test]
fn flags_as_go_programs_read_them() {
    let run = typed(&["nsrun", "--debug", "run", "--detach=false", "--keep", "x"]);
    assert!(run.globals.is_on("debug"));
    assert!(!run.own.is_on("detach") && run.own.is_on("keep"));
    // The last counts; an empty one is none.
    let exec = typed(&["nsrun", "exec", "--user", "1", "--user=2", "--cwd", "", "x", "ls"]).own;
    assert_eq!((text(&exec, "user"), text(&exec, "cwd")), (Some("2"), None));
}

#[test]
fn what_follows_the_id_is_the_commands() {
    let words = ["nsrun", "exec", "-t", "-e", "A=1", "x", "ls", "-t", "--", "--help"];
    let exec = typed(&words).own;
    assert_eq!(exec.texts("words").collect::<Vec<_>>(), ["x", "ls", "-t", "--", "--help"]);
}
