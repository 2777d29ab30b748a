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
