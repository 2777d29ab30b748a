use clap::Arg;

use super::*;

const VERBS: [Verb; 3] = [
    Verb::new("run", "Run", |command| command.arg(Arg::new("id").required(true))),
    Verb::new("list", "List", |command| command).or("ls"),
    Verb::new("kill", "Kill", |command| command.arg(Arg::new("id").required(true))),
];

fn program() -> Command {
    Command::new("program").subcommand_required(true).arg(Arg::new("root").long("root"))
}

fn read(line: &str) -> Result<ArgMatches, clap::Error> {
    let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    parse(program, &VERBS, &words, |_, words| words)
}

fn both(line: &str) -> (String, String) {
    let told = |result: Result<ArgMatches, clap::Error>| match result {
        Ok(matches) => {
            let text = |matches: &ArgMatches, name| {
                matches.try_get_one::<String>(name).ok().flatten().cloned()
            };
            let (verb, own) = matches.subcommand().unwrap();
            format!("{verb} {:?} {:?}", text(own, "id"), text(&matches, "root"))
        }
        Err(error) => error.to_string(),
    };
    let words = line.split(' ');
    (told(read(line)), told(whole(program(), &VERBS).try_get_matches_from(words)))
}

#[test]
fn one_verb_alone_is_read_as_all_of_them_would() {
    for line in [
        "program run a",
        "program --root run run a",
        "program --root kill run a",
        "program --root=list ls",
        "program run kill",
        "program kill run",
        "program list run",
        "program run",
        "program runn a",
        "program --rot x run a",
        "program --help",
        "program run --help",
        "program help run",
        "program",
        "program -- run a",
    ] {
        let (alone, all) = both(line);
        assert_eq!(alone, all, "{line}");
    }
}

#[test]
fn a_mistake_is_told_with_every_verb_in_mind() {
    assert!(read("program kil run").unwrap_err().to_string().contains("kill"));
    assert!(read("program --help").unwrap_err().to_string().contains("list"));
}
