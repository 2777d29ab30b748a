use std::ffi::OsString;

use cli::verb::Typed;

use super::*;

fn read(words: &[&str]) -> Result<Typed, clap::Error> {
    PROGRAM.read(&words.iter().map(OsString::from).collect::<Vec<_>>())
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
fn what_is_usual_is_read_quickly() {
    for line in [
        "nsinit exec /bin/sh -c x",
        "nsinit --root r exec -t --id x --rm=false -- sh",
        "nsinit exec --detach --log l --memory-limit -1 --bind a:b --read-only job",
        "nsinit state --id x --root r",
        "nsinit kill --all 9",
        "nsinit delete -f a b",
    ] {
        assert!(PROGRAM.is_usual(line), "{line}");
    }
}

#[test]
fn the_command_takes_everything_after_its_first_word() {
    let typed = ["nsinit", "exec", "-t", "--id", "x", "sh", "-c", "exit 3", "--id", "y"];
    let typed = read(&typed).unwrap();
    assert_eq!((typed.verb, typed.own.text("id")), ("exec", Some("x")));
    let words: Vec<&str> = typed.own.texts("command").collect();
    assert_eq!(words, ["sh", "-c", "exit 3", "--id", "y"]);
}

#[test]
fn two_dashes_are_not_part_of_the_command() {
    let exec = read(&["nsinit", "exec", "--host", "--", "-x"]).unwrap().own;
    assert_eq!(exec.texts("command").collect::<Vec<_>>(), ["-x"]);
}

#[test]
fn rm_is_true_unless_it_says_otherwise() {
    for (typed, wanted) in
        [("--rm", Some(true)), ("--rm=true", Some(true)), ("--rm=false", Some(false)), ("-d", None)]
    {
        let exec = read(&["nsinit", "exec", typed, "a"]).unwrap().own;
        assert_eq!(exec.switch("rm"), wanted, "{typed}");
    }
}

#[test]
fn what_is_not_there_is_refused() {
    assert!(read(&["nsinit", "frobnicate"]).is_err());
}

#[test]
fn a_mistyped_option_is_no_command() {
    assert!(read(&["nsinit", "exec", "--memroy-limit", "64m", "sh"]).is_err());
    assert!(read(&["nsinit", "exec", "sh", "--memroy-limit"]).is_ok());
}
