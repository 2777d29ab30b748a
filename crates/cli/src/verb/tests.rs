use super::*;

const PROGRAM: Program = Program {
    name: "program",
    arguments: |flags| {
        flags.add(Flag::text("root", "DIR", "Root").global()).add(Flag::plain("debug", "Debug"));
    },
    verbs: &[
        Verb::new("run", "Run", |flags| {
            flags
                .add(Flag::text("env", "ENV", "Variable").short('e').repeats())
                .add(Flag::plain("detach", "Detach").short('d'))
                .add(Flag::text("log", "FILE", "Log").needs("detach"))
                .add(Flag::rest("words", "ID COMMAND", "Command").required());
        }),
        Verb::new("list", "List", |flags| {
            flags.add(Flag::text("format", "FORMAT", "Format").one_of(&["table", "json"]));
        })
        .or("ls"),
        Verb::new("kill", "Kill", |flags| {
            flags
                .add(Flag::plain("all", "All").excluded(&["signal"]))
                .add(Flag::argument("id", "ID", "Which").required())
                .add(Flag::argument("signal", "SIGNAL", "Signal"));
        }),
        Verb::new("delete", "Delete", |flags| {
            flags
                .add(Flag::plain("force", "Force"))
                .add(Flag::text("number", "N", "Number").number(1, 9))
                .add(Flag::bool("rm", "Remove"))
                .add(Flag::arguments("ids", "ID", "Which"));
        }),
    ],
    doubled: None,
};

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

fn read(line: &str) -> Result<Typed, clap::Error> {
    PROGRAM.read(&words(line))
}

#[test]
fn what_one_reader_takes_the_other_takes_alike() {
    assert!(PROGRAM.compare(3000).unwrap() > 1000);
}

#[test]
fn usual_lines_are_read_quickly() {
    for line in [
        "program --root r run -e A=B --env=C -d --log l id sh -c x --debug",
        "program --debug run -- -x --",
        "program list --format json --root r",
        "program kill id 9",
        "program delete --force --rm=false --number 3 a b",
    ] {
        assert!(PROGRAM.is_usual(line), "{line}");
    }
}

#[test]
fn what_is_typed_is_there() {
    let typed = read("program --root r run -e A=B --env=C -d id sh --debug").unwrap();
    assert_eq!((typed.verb, typed.globals.text("root")), ("run", Some("r")));
    assert!(!typed.globals.is_on("debug") && typed.own.is_on("detach"));
    assert_eq!(typed.own.texts("env").collect::<Vec<_>>(), ["A=B", "C"]);
    assert_eq!(typed.own.texts("words").collect::<Vec<_>>(), ["id", "sh", "--debug"]);
    let typed = read("program delete --rm=false --number 3").unwrap();
    assert_eq!((typed.own.switch("rm"), typed.own.number::<u8>("number")), (Some(false), Some(3)));
    assert_eq!((typed.own.switch("force"), typed.own.has("ids")), (None, false));
    // By its second name, and after a mistake.
    assert_eq!(read("program ls").unwrap().verb, "list");
    let guess = PROGRAM.guess(&words("program --root r lst"));
    assert_eq!((guess.verb, guess.globals.text("root")), ("", Some("r")));
}

#[test]
fn a_mistake_is_told_with_every_verb_in_mind() {
    assert!(read("program kil run").unwrap_err().to_string().contains("kill"));
    assert!(read("program --help").unwrap_err().to_string().contains("list"));
    for line in [
        "program",
        "program run",
        "program run --log l id",
        "program kill --all id 9",
        "program list --format yaml",
        "program list --format",
        "program delete --number 10",
        "program delete --force --force",
    ] {
        assert!(read(line).is_err(), "{line}");
    }
}
