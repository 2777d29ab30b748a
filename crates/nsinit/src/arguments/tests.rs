use super::*;

#[test]
fn the_definitions_hold_together() {
    command().debug_assert();
}

#[test]
fn the_command_takes_everything_after_its_first_word() {
    let typed = ["nsinit", "exec", "-t", "--id", "x", "sh", "-c", "exit 3", "--id", "y"];
    let matches = command().try_get_matches_from(typed).unwrap();
    let (verb, exec) = matches.subcommand().unwrap();
    assert_eq!(verb, "exec");
    assert_eq!(exec.get_one::<String>("id").unwrap(), "x");
    let words: Vec<&String> = exec.get_many("command").unwrap().collect();
    assert_eq!(words, ["sh", "-c", "exit 3", "--id", "y"]);
}

#[test]
fn two_dashes_are_not_part_of_the_command() {
    let matches = command().try_get_matches_from(["nsinit", "exec", "--host", "--", "-x"]).unwrap();
    let exec = matches.subcommand().unwrap().1;
    let words: Vec<&String> = exec.get_many("command").unwrap().collect();
    assert_eq!(words, ["-x"]);
}

#[test]
fn rm_is_true_unless_it_says_otherwise() {
    for (typed, wanted) in
        [("--rm", Some(true)), ("--rm=true", Some(true)), ("--rm=false", Some(false)), ("-d", None)]
    {
        let matches = command().try_get_matches_from(["nsinit", "exec", typed, "a"]).unwrap();
        let exec = matches.subcommand().unwrap().1;
        assert_eq!(exec.get_one::<bool>("rm").copied(), wanted, "{typed}");
    }
}

#[test]
fn what_is_not_there_is_refused() {
    assert!(command().try_get_matches_from(["nsinit", "frobnicate"]).is_err());
}

#[test]
fn a_mistyped_option_is_no_command() {
    let typed = ["nsinit", "exec", "--memroy-limit", "64m", "sh"];
    assert!(command().try_get_matches_from(typed).is_err());
    let typed = ["nsinit", "exec", "sh", "--memroy-limit"];
    assert!(command().try_get_matches_from(typed).is_ok());
}
