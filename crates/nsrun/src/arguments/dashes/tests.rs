use super::doubled;
use crate::arguments::PROGRAM;

/// What becomes of a line.
fn line(typed: &str) -> String {
    let words = std::iter::once("nsrun").chain(typed.split(' ')).map(Into::into).collect();
    let words: Vec<_> = doubled(&PROGRAM.command(), words).into_iter().skip(1).collect();
    words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn long_flags_may_have_one_dash() {
    for (typed, meant) in [
        ("-root /r -debug state id", "--root /r --debug state id"),
        ("-log-format=json list -q", "--log-format=json list -q"),
        // containerd's shim.
        (
            "--root /r restore --detach --pid-file p -no-subreaper --bundle b id",
            "--root /r restore --detach --pid-file p --no-subreaper --bundle b id",
        ),
        // Also where a short flag begins alike, and takes a value.
        ("create -bundle=/b -pid-file f id", "create --bundle=/b --pid-file f id"),
        ("kill id -all", "kill id --all"),
        ("exec -tty -env A=B -e -tty id cmd -user", "exec --tty --env A=B -e -tty id cmd -user"),
    ] {
        assert_eq!(line(typed), meant);
    }
}

#[test]
fn everything_else_stays_as_it_is() {
    for typed in [
        "run -d id",
        "exec id sh -env",
        "exec -u root id -env",
        "exec -eA=B -- id -env",
        "update --memory-swap -10 id",
        "update --memory-swap -memory id",
        "ps id -ef",
        "kill id -9",
        "unknown -debug",
        "-unknown list",
        "-dt run",
        "list -",
    ] {
        assert_eq!(line(typed), typed);
    }
}
