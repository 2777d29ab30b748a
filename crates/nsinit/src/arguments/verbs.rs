//! The verbs and their own options.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgGroup, Command, ValueHint};
use cli::verb::Verb;

use super::{create, help, id};

/// Every verb, in the order in which help lists them.
pub const ALL: &[Verb] = &[
    Verb::new(
        "exec",
        "Run a command in this directory's container, which is made where none runs",
        |command| {
            exec(command)
                .after_long_help(help::EXEC)
                .after_help("nsinit exec --help tells more, with examples.")
        },
    ),
    Verb::new("list", "List all containers", list).or("ls"),
    Verb::new("ps", "List a container's processes", ps),
    Verb::new("state", "Print everything known of a container, as JSON", only_id),
    Verb::new("stats", "Print what a container uses, as JSON or for a scraper", stats),
    Verb::new("top", "Show what all containers use, live", top),
    Verb::new("kill", "Send a signal to a container's PID 1, or to all in it", kill),
    Verb::new("pause", "Freeze every process of a container", only_id),
    Verb::new("unpause", "Let a paused container go on", only_id),
    Verb::new(
        "update",
        "Change the limits of a running container that are named, and no other",
        update,
    ),
    Verb::new("oom", "Tell each time a container runs out of memory, until it ends", only_id),
    Verb::new("wait", "Wait until a container ends: print its exit code, and end with it", only_id),
    Verb::new("checkpoint", "Save a running container in a directory, with CRIU", checkpoint),
    Verb::new("restore", "Bring a saved container back", restore),
    Verb::new("delete", "Remove what is left of a container", delete).or("rm"),
    Verb::new("config", "Print the container.json that exec would use", config),
    cli::shells::COMPLETIONS,
    cli::shells::MAN,
];

fn only_id(command: Command) -> Command {
    command.arg(id())
}

fn update(command: Command) -> Command {
    let named = ArgGroup::new("limits").args(create::LIMITS).multiple(true).required(true);
    command
        .override_usage("nsinit update [OPTIONS] --LIMIT VALUE...")
        .arg(id())
        .args(create::limits())
        .group(named)
}

fn checkpoint(command: Command) -> Command {
    command.arg(id()).args(images()).args([
        Arg::new("leave-running")
            .long("leave-running")
            .action(ArgAction::SetTrue)
            .help("Let it go on afterwards"),
        Arg::new("page-server")
            .long("page-server")
            .value_name("ADDRESS:PORT")
            .help("Send the memory to a criu page-server there"),
        Arg::new("format")
            .long("format")
            .value_name("FORMAT")
            .value_parser(PossibleValuesParser::new(["json"]))
            .help("json: print what was saved, and how long it took")
            .hide_possible_values(true),
    ])
}

fn restore(command: Command) -> Command {
    command
        .arg(tty())
        .arg(id())
        .args(images())
        .arg(config_file())
        .args(detached())
        .args(cgroup_manager())
        .args(create::args())
}

/// What `checkpoint` and `restore` have in common.
fn images() -> [Arg; 5] {
    let directory = |name, help| {
        Arg::new(name).long(name).value_name("DIR").value_hint(ValueHint::DirPath).help(help)
    };
    let switch = |name, help| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    [
        directory("image-path", "Where the images are [default: ./checkpoint]"),
        directory("work-path", "Where logs and the like go [default: with the images]"),
        switch("tcp-established", "With open TCP connections"),
        switch("ext-unix-sk", "With connections to UNIX sockets outside"),
        switch("shell-job", "With the terminal of the shell it was started from"),
    ]
}

/// Who makes the control group.
fn cgroup_manager() -> [Arg; 2] {
    [
        Arg::new("systemd")
            .long("systemd")
            .action(ArgAction::SetTrue)
            .conflicts_with("cgroup-manager")
            .help("Let systemd make its control group, as a unit: --cgroup-manager=systemd"),
        Arg::new("cgroup-manager")
            .long("cgroup-manager")
            .value_name("WHO")
            .value_parser(PossibleValuesParser::new(["cgroupfs", "systemd", "delegated"]))
            .hide_possible_values(true)
            .help(
                "Who makes its control group: cgroupfs, systemd or delegated [default: cgroupfs]",
            ),
    ]
}

fn tty() -> Arg {
    Arg::new("tty")
        .long("tty")
        .short('t')
        .action(ArgAction::SetTrue)
        .conflicts_with("detach")
        .help("Give it a terminal of its own, connected to this one")
}

fn exec(command: Command) -> Command {
    command
        .args([
            tty(),
            id(),
            config_file(),
            Arg::new("user")
                .long("user")
                .short('u')
                .value_name("USER[:GROUP]")
                .help("Who it runs as, by number or by name of the container [default: root]"),
            Arg::new("cwd").long("cwd").value_name("DIR").help("Where it starts, inside"),
            Arg::new("env")
                .long("env")
                .short('e')
                .value_name("KEY[=VALUE]")
                .action(ArgAction::Append)
                .help("Set a variable; without a value, to what it is here"),
            Arg::new("host")
                .long("host")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["config", "rootfs", "mnt"])
                .help("On a copy-on-write view of this host: cwd, user, HOME and PATH stay"),
        ])
        .arg(
            Arg::new("record")
                .long("record")
                .value_name("FILE")
                .value_hint(ValueHint::FilePath)
                .help("Write the seccomp profile of what the container calls, when it has ended"),
        )
        .args(detached())
        .args(cgroup_manager())
        .args(create::args())
        .arg(
            Arg::new("command")
                .value_name("COMMAND")
                .num_args(0..)
                .trailing_var_arg(true)
                .value_hint(ValueHint::CommandWithArguments)
                .help("The command and its arguments [default: the file's]"),
        )
}

fn detached() -> [Arg; 3] {
    [
        Arg::new("detach")
            .long("detach")
            .short('d')
            .action(ArgAction::SetTrue)
            .help("Print the id and return when the command runs"),
        Arg::new("log")
            .long("log")
            .value_name("FILE")
            .requires("detach")
            .value_hint(ValueHint::FilePath)
            .help("Append a detached command's output to FILE [default: /dev/null]"),
        Arg::new("rm")
            .long("rm")
            .value_name("BOOL")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(clap::value_parser!(bool))
            .help("Remove the container when it ends [default: true]"),
    ]
}

fn config_file() -> Arg {
    Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_hint(ValueHint::FilePath)
        .help("Read this file, container.json of any year or OCI [default: ./container.json]")
}

fn config(command: Command) -> Command {
    command
        .arg(
            Arg::new("file")
                .long("file")
                .short('f')
                .value_name("FILE")
                .value_hint(ValueHint::FilePath)
                .help("Write it here [default: standard output]"),
        )
        .arg(config_file())
        .args(create::args())
        .after_help(help::CONFIG)
}

fn list(command: Command) -> Command {
    command.arg(format()).arg(quiet("Print the ids only"))
}

fn ps(command: Command) -> Command {
    command.arg(id()).arg(format()).arg(quiet("Print the pids only"))
}

fn stats(command: Command) -> Command {
    command
        .arg(id())
        .arg(
            Arg::new("all")
                .long("all")
                .short('a')
                .action(ArgAction::SetTrue)
                .conflicts_with("id")
                .help("Of all containers: by id, those that run"),
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(PossibleValuesParser::new(["json", "openmetrics"]))
                .help("json or openmetrics [default: json]")
                .hide_possible_values(true),
        )
        .after_help(help::STATS)
}

fn top(command: Command) -> Command {
    command
        .arg(Arg::new("id").long("id").value_name("ID").help("Begin with this one's detail"))
        .arg(
            Arg::new("interval")
                .long("interval")
                .short('d')
                .value_name("SECONDS")
                .help("The time between two looks [default: 1]"),
        )
        .arg(
            Arg::new("sort")
                .long("sort")
                .short('o')
                .value_name("KEY")
                .value_parser(PossibleValuesParser::new(SORT_KEYS))
                .help("cpu, memory, io, pids, pressure or id [default: cpu]")
                .hide_possible_values(true),
        )
        .arg(
            Arg::new("rounds")
                .long("rounds")
                .short('n')
                .value_name("N")
                .value_parser(clap::value_parser!(u32).range(1..))
                .help("Print N plain tables instead [default without a terminal: 1]"),
        )
        .arg(
            Arg::new("once")
                .long("once")
                .action(ArgAction::SetTrue)
                .conflicts_with("rounds")
                .help("The same as -n 1"),
        )
        .after_help(help::TOP)
}

/// What `top` can sort by.
pub const SORT_KEYS: [&str; 6] = ["cpu", "memory", "io", "pids", "pressure", "id"];

fn format() -> Arg {
    Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(PossibleValuesParser::new(["table", "json"]))
        .help("table or json [default: table]")
        .hide_possible_values(true)
}

fn quiet(what: &'static str) -> Arg {
    Arg::new("quiet").long("quiet").short('q').action(ArgAction::SetTrue).help(what)
}

fn kill(command: Command) -> Command {
    command
        .arg(id())
        .arg(
            Arg::new("all")
                .long("all")
                .short('a')
                .action(ArgAction::SetTrue)
                .help("To every process of the container, not only to its PID 1"),
        )
        .arg(
            Arg::new("option")
                .long("signal")
                .short('s')
                .value_name("SIGNAL")
                .conflicts_with("signal")
                .help("The same as the argument"),
        )
        .arg(
            Arg::new("signal")
                .value_name("SIGNAL")
                .allow_hyphen_values(true)
                .help("Name or number [default: TERM]"),
        )
        .after_help(help::KILL)
}

fn delete(command: Command) -> Command {
    command
        .arg(
            Arg::new("force")
                .long("force")
                .short('f')
                .action(ArgAction::SetTrue)
                .help("End it first if it runs; be content if there is none"),
        )
        .arg(id())
        .arg(
            Arg::new("ids")
                .value_name("ID")
                .num_args(0..)
                .conflicts_with("id")
                .help("Which containers [default: this directory's]"),
        )
}
