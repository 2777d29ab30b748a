use super::{command, is_on, text, texts};

#[test]
fn the_definitions_hold_together() {
    command().debug_assert();
}

#[test]
fn flags_as_go_programs_read_them() {
    let typed = |words: &[&str]| command().try_get_matches_from(words).unwrap();
    let matches = typed(&["nsrun", "--debug", "run", "--detach=false", "--keep", "x"]);
    assert!(is_on(&matches, "debug"));
    let run = matches.subcommand_matches("run").unwrap();
    assert!(!is_on(run, "detach") && is_on(run, "keep"));
    // The last counts; an empty one is none.
    let matches = typed(&["nsrun", "exec", "--user", "1", "--user=2", "--cwd", "", "x", "ls"]);
    let exec = matches.subcommand_matches("exec").unwrap();
    assert_eq!((text(exec, "user"), text(exec, "cwd")), (Some("2"), None));
}

#[test]
fn what_follows_the_id_is_the_commands() {
    let matches = command()
        .try_get_matches_from(["nsrun", "exec", "-t", "-e", "A=1", "x", "ls", "-t", "--", "--help"])
        .unwrap();
    let exec = matches.subcommand_matches("exec").unwrap();
    assert_eq!(texts(exec, "words").collect::<Vec<_>>(), ["x", "ls", "-t", "--", "--help"]);
}
