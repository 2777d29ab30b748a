//! The verbs and their own flags.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint, value_parser};
use cli::verb::Verb;

use super::{path, switch, value};

/// Every verb, in the order in which help lists them.
pub const ALL: &[Verb] = &[
    Verb::new("create", "Make a container, held before its program", create),
    Verb::new("start", "Let a created container's program begin", only_id),
    Verb::new("run", "Create and start a container", run),
    Verb::new("exec", "Run a further process in a container", exec),
    Verb::new("state", "Print a container's state, as JSON", only_id),
    Verb::new("list", "List the containers", list),
    Verb::new("kill", "Send a signal to a container's first process", kill),
    Verb::new("delete", "Remove what is left of a container", delete),
    Verb::new("pause", "Freeze every process of a container", only_id),
    Verb::new("resume", "Let a paused container go on", only_id),
    Verb::new("ps", "List a container's processes", ps),
    Verb::new(
        "events",
        "Tell what a container uses, and what befalls it, as lines of JSON",
        events,
    ),
    Verb::new("update", "Change a container's limits", update),
    Verb::new("checkpoint", "Save a running container, with CRIU", checkpoint),
    Verb::new("restore", "Bring a saved container back", restore),
    Verb::new("spec", "Write a config.json to start from", spec),
    Verb::new("features", "Print what this runtime recognises, as JSON", |command| command),
    cli::shells::COMPLETIONS,
    cli::shells::MAN,
];

fn id() -> Arg {
    Arg::new("id").value_name("ID").required(true).help("Which container")
}

fn only_id(command: Command) -> Command {
    command.arg(id())
}

fn format() -> Arg {
    value("format", "FORMAT", "table or json [default: table]")
        .short('f')
        .value_parser(PossibleValuesParser::new(["table", "json"]))
        .hide_possible_values(true)
}

fn bundle() -> Arg {
    path("bundle", "DIR", "Where config.json is [default: the current directory]")
        .short('b')
        .value_hint(ValueHint::DirPath)
}

fn detach() -> Arg {
    switch("detach", "Return when the program runs").short('d')
}

/// Where a process's terminal, pid and pidfd go, and what it inherits.
fn hand_over() -> [Arg; 4] {
    [
        path("console-socket", "SOCKET", "Send the terminal's master over this socket"),
        path("pid-file", "FILE", "Write the process's id into this file"),
        path("pidfd-socket", "SOCKET", "Send the process's pidfd over this socket"),
        value("preserve-fds", "N", "Leave so many descriptors, from 3 up, to the process")
            .value_parser(value_parser!(u32)),
    ]
}

fn create(command: Command) -> Command {
    command.arg(bundle()).args(hand_over()).args([
        switch("no-pivot", "Move the root instead of pivot_root(2), as a ramfs needs it"),
        switch("no-new-keyring", "Stay with the caller's session keyring"),
        id(),
    ])
}

fn run(command: Command) -> Command {
    create(command).args([
        detach(),
        switch("no-subreaper", "Do not take in what the container orphans"),
        switch("keep", "Keep the container when its program has ended"),
    ])
}

fn exec(command: Command) -> Command {
    let many = |arg: Arg| arg.action(ArgAction::Append);
    command.args(hand_over()).args([
        value("cwd", "DIR", "Where it starts, inside"),
        many(value("env", "KEY=VALUE", "Set a variable").short('e')),
        switch("tty", "Give it a terminal").short('t'),
        value("user", "UID[:GID]", "Who it runs as").short('u'),
        many(
            value("additional-gids", "GID", "A further group")
                .short('g')
                .value_parser(value_parser!(u32)),
        ),
        path("process", "FILE", "The process as config.json has it")
            .short('p')
            .value_hint(ValueHint::FilePath),
        detach(),
        value("process-label", "LABEL", "Its SELinux label"),
        value("apparmor", "PROFILE", "Its AppArmor profile"),
        switch("no-new-privs", "Keep it from gaining privileges"),
        many(value("cap", "CAPABILITY", "Add a capability").short('c')),
        switch("ignore-paused", "Also in a paused container, where it waits"),
        many(value("cgroup", "[CTRL[,CTRL]:]PATH", "Run it in a group below the container's")),
        Arg::new("words")
            .value_names(["ID", "COMMAND"])
            .num_args(1..)
            .required(true)
            .trailing_var_arg(true)
            .value_hint(ValueHint::CommandWithArguments)
            .help("Which container, and the command with its arguments"),
    ])
}

fn list(command: Command) -> Command {
    command.arg(format()).arg(switch("quiet", "Print the ids only").short('q'))
}

fn kill(command: Command) -> Command {
    command.args([
        switch("all", "To every process of the container").short('a'),
        id(),
        Arg::new("signal").value_name("SIGNAL").help("Name or number [default: TERM]"),
    ])
}

fn delete(command: Command) -> Command {
    let force = "End it first if it runs; be content if there is none";
    command.arg(switch("force", force).short('f')).arg(id())
}

fn ps(command: Command) -> Command {
    command.arg(format()).arg(
        Arg::new("words")
            .value_names(["ID", "PS_OPTION"])
            .num_args(1..)
            .required(true)
            .trailing_var_arg(true)
            .help("Which container, and options of ps(1) [default: -ef]"),
    )
}

fn events(command: Command) -> Command {
    command.args([
        value("interval", "DURATION", "Time between two lines: 500ms, 5s, 1m [default: 5s]"),
        switch("stats", "Print one line and return"),
        id(),
    ])
}

/// The limits of `update` that have a flag.
pub const LIMITS: [(&str, &str); 16] = [
    ("blkio-weight", "Relative weight of block input and output, 10 to 1000"),
    ("cpu-period", "Length of a period of processor time, in microseconds"),
    ("cpu-quota", "The most processor time in a period, in microseconds"),
    ("cpu-burst", "What may be saved for later periods, in microseconds"),
    ("cpu-rt-period", "Length of a period of real-time scheduling, in microseconds"),
    ("cpu-rt-runtime", "The most real-time scheduling in a period, in microseconds"),
    ("cpu-share", "Relative share of the processors"),
    ("cpu-idle", "Whether it only gets what nobody else wants: 1 or 0"),
    ("cpuset-cpus", "The processors it may run on: 0-3,7"),
    ("cpuset-mems", "The memory nodes it may use"),
    ("memory", "The most memory, in bytes"),
    ("memory-reservation", "What it keeps when memory is short, in bytes"),
    ("memory-swap", "The most memory and swap together, in bytes; -1 for no limit"),
    ("pids-limit", "The most processes"),
    ("l3-cache-schema", "The schema of Intel RDT's level 3 cache"),
    ("mem-bw-schema", "The schema of Intel RDT's memory bandwidth"),
];

fn update(command: Command) -> Command {
    let limits = LIMITS.map(|(name, help)| value(name, "VALUE", help));
    command
        .arg(
            path("resources", "FILE", "linux.resources as config.json has them; - reads them here")
                .short('r')
                .value_hint(ValueHint::FilePath),
        )
        .args(limits)
        .arg(id())
}

/// What `checkpoint` and `restore` have in common.
fn images() -> [Arg; 10] {
    [
        path("image-path", "DIR", "Where the images are [default: ./checkpoint]")
            .value_hint(ValueHint::DirPath),
        path("work-path", "DIR", "Where logs and the like go [default: with the images]")
            .value_hint(ValueHint::DirPath),
        switch("tcp-established", "With open TCP connections"),
        switch("ext-unix-sk", "With connections to UNIX sockets outside"),
        switch("shell-job", "With the terminal of the shell it was started from"),
        switch("lazy-pages", "Fetch memory when it is used"),
        switch("file-locks", "With file locks"),
        value("manage-cgroups-mode", "MODE", "soft, full, strict or ignore [default: soft]"),
        value("empty-ns", "NAMESPACE", "Leave what is in this namespace to others")
            .action(ArgAction::Append),
        value("format", "FORMAT", "json: print how much it was, and how long it took")
            .value_parser(PossibleValuesParser::new(["json"]))
            .hide_possible_values(true),
    ]
}

fn checkpoint(command: Command) -> Command {
    command.args(images()).args([
        path(
            "parent-path",
            "DIR",
            "An earlier checkpoint, from the images' directory: only changes are saved",
        ),
        switch("leave-running", "Let it go on afterwards"),
        switch("tcp-skip-in-flight", "Without TCP connections that are being made"),
        switch("link-remap", "With files that have been removed"),
        value("status-fd", "N", "Tell on this descriptor when pages can be fetched")
            .value_parser(value_parser!(i32)),
        value("page-server", "ADDRESS:PORT", "Send the memory there"),
        switch("pre-dump", "Save the memory only, and let it go on"),
        switch("auto-dedup", "Drop what a later image has, too"),
        id(),
    ])
}

fn restore(command: Command) -> Command {
    command.args(images()).args([
        bundle(),
        path("console-socket", "SOCKET", "Send the terminal's master over this socket"),
        path("pid-file", "FILE", "Write the process's id into this file"),
        detach(),
        switch("no-subreaper", "Do not take in what the container orphans"),
        switch("no-pivot", "Move the root instead of pivot_root(2)"),
        switch("auto-dedup", "Drop what has been used from the image"),
        value("lsm-profile", "TYPE:LABEL", "Another security profile"),
        value("lsm-mount-context", "CONTEXT", "Another context of mounts"),
        id(),
    ])
}

fn spec(command: Command) -> Command {
    command.arg(bundle()).arg(switch("rootless", "For somebody who is not root"))
}
