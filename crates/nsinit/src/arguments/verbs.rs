//! The verbs and their own options.

use clap::{ArgGroup, ValueHint};
use cli::verb::{Flag, Flags, Verb};

use super::{create, help, id};

/// Every verb, in the order in which help lists them.
pub const ALL: &[Verb] = &[
    Verb::new(
        "exec",
        "Run a command in this directory's container, which is made where none runs",
        exec,
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
    )
    .with_rules(|command| {
        command
            .override_usage("nsinit update [OPTIONS] --LIMIT VALUE...")
            .group(ArgGroup::new("limits").args(create::LIMITS).multiple(true).required(true))
    }),
    Verb::new("oom", "Tell each time a container runs out of memory, until it ends", only_id),
    Verb::new("wait", "Wait until a container ends: print its exit code, and end with it", only_id),
    Verb::new("checkpoint", "Save a running container in a directory, with CRIU", checkpoint),
    Verb::new("restore", "Bring a saved container back", restore),
    Verb::new("delete", "Remove what is left of a container", delete).or("rm"),
    Verb::new("config", "Print the container.json that exec would use", config),
    cli::shells::COMPLETIONS,
    cli::shells::MAN,
];

fn only_id(flags: &mut Flags<'_>) {
    flags.add(id());
}

fn update(flags: &mut Flags<'_>) {
    flags.add(id());
    create::limits(flags);
}

fn checkpoint(flags: &mut Flags<'_>) {
    flags.add(id());
    images(flags);
    flags
        .add(Flag::plain("leave-running", "Let it go on afterwards"))
        .add(Flag::text(
            "page-server",
            "ADDRESS:PORT",
            "Send the memory to a criu page-server there",
        ))
        .add(
            Flag::text("format", "FORMAT", "json: print what was saved, and how long it took")
                .one_of(&["json"]),
        );
}

fn restore(flags: &mut Flags<'_>) {
    flags.add(tty()).add(id());
    images(flags);
    flags.add(config_file());
    detached(flags);
    cgroup_manager(flags);
    create::all(flags);
}

/// What `checkpoint` and `restore` have in common.
fn images(flags: &mut Flags<'_>) {
    let directory = |name, help| Flag::text(name, "DIR", help).hint(ValueHint::DirPath);
    flags
        .add(directory("image-path", "Where the images are [default: ./checkpoint]"))
        .add(directory("work-path", "Where logs and the like go [default: with the images]"))
        .add(Flag::plain("tcp-established", "With open TCP connections"))
        .add(Flag::plain("ext-unix-sk", "With connections to UNIX sockets outside"))
        .add(Flag::plain("shell-job", "With the terminal of the shell it was started from"));
}

/// Who makes the control group.
fn cgroup_manager(flags: &mut Flags<'_>) {
    let unit = "Let systemd make its control group, as a unit: --cgroup-manager=systemd";
    let manager = "Who makes its control group: cgroupfs, systemd or delegated [default: cgroupfs]";
    flags.add(Flag::plain("systemd", unit).excluded(&["cgroup-manager"])).add(
        Flag::text("cgroup-manager", "WHO", manager).one_of(&["cgroupfs", "systemd", "delegated"]),
    );
}

fn tty() -> Flag {
    Flag::plain("tty", "Give it a terminal of its own, connected to this one")
        .short('t')
        .excluded(&["detach"])
}

fn exec(flags: &mut Flags<'_>) {
    let user = "Who it runs as, by number or by name of the container [default: root]";
    flags
        .help(|command| {
            command
                .after_long_help(help::EXEC)
                .after_help("nsinit exec --help tells more, with examples.")
        })
        .add(tty())
        .add(id())
        .add(config_file())
        .add(Flag::text("user", "USER[:GROUP]", user).short('u'))
        .add(Flag::text("cwd", "DIR", "Where it starts, inside"))
        .add(
            Flag::text("env", "KEY[=VALUE]", "Set a variable; without a value, to what it is here")
                .short('e')
                .repeats(),
        )
        .add(
            Flag::plain(
                "host",
                "On a copy-on-write view of this host: cwd, user, HOME and PATH stay",
            )
            .excluded(&["config", "rootfs", "mnt"]),
        )
        .add(
            Flag::text(
                "record",
                "FILE",
                "Write the seccomp profile of what the container calls, when it has ended",
            )
            .hint(ValueHint::FilePath),
        );
    detached(flags);
    cgroup_manager(flags);
    create::all(flags);
    flags.add(
        Flag::rest("command", "COMMAND", "The command and its arguments [default: the file's]")
            .hint(ValueHint::CommandWithArguments),
    );
}

fn detached(flags: &mut Flags<'_>) {
    let log = "Append a detached command's output to FILE [default: /dev/null]";
    flags
        .add(Flag::plain("detach", "Print the id and return when the command runs").short('d'))
        .add(Flag::text("log", "FILE", log).needs("detach").hint(ValueHint::FilePath))
        .add(Flag::bool("rm", "Remove the container when it ends [default: true]"));
}

fn config_file() -> Flag {
    Flag::text(
        "config",
        "FILE",
        "Read this file, container.json of any year or OCI [default: ./container.json]",
    )
    .hint(ValueHint::FilePath)
}

fn config(flags: &mut Flags<'_>) {
    flags
        .help(|command| command.after_help(help::CONFIG))
        .add(
            Flag::text("file", "FILE", "Write it here [default: standard output]")
                .short('f')
                .hint(ValueHint::FilePath),
        )
        .add(config_file());
    create::all(flags);
}

fn list(flags: &mut Flags<'_>) {
    flags.add(format()).add(quiet("Print the ids only"));
}

fn ps(flags: &mut Flags<'_>) {
    flags.add(id()).add(format()).add(quiet("Print the pids only"));
}

fn stats(flags: &mut Flags<'_>) {
    flags
        .help(|command| command.after_help(help::STATS))
        .add(id())
        .add(
            Flag::plain("all", "Of all containers: by id, those that run")
                .short('a')
                .excluded(&["id"]),
        )
        .add(
            Flag::text("format", "FORMAT", "json or openmetrics [default: json]")
                .one_of(&["json", "openmetrics"]),
        );
}

fn top(flags: &mut Flags<'_>) {
    flags
        .help(|command| command.after_help(help::TOP))
        .add(Flag::text("id", "ID", "Begin with this one's detail"))
        .add(
            Flag::text("interval", "SECONDS", "The time between two looks [default: 1]").short('d'),
        )
        .add(
            Flag::text("sort", "KEY", "cpu, memory, io, pids, pressure or id [default: cpu]")
                .short('o')
                .one_of(&SORT_KEYS),
        )
        .add(
            Flag::text(
                "rounds",
                "N",
                "Print N plain tables instead [default without a terminal: 1]",
            )
            .short('n')
            .number(1, i64::from(u32::MAX)),
        )
        .add(Flag::plain("once", "The same as -n 1").excluded(&["rounds"]));
}

/// What `top` can sort by.
pub const SORT_KEYS: [&str; 6] = ["cpu", "memory", "io", "pids", "pressure", "id"];

fn format() -> Flag {
    Flag::text("format", "FORMAT", "table or json [default: table]").one_of(&["table", "json"])
}

fn quiet(what: &'static str) -> Flag {
    Flag::plain("quiet", what).short('q')
}

fn kill(flags: &mut Flags<'_>) {
    let all = "To every process of the container, not only to its PID 1";
    flags
        .help(|command| command.after_help(help::KILL))
        .add(id())
        .add(Flag::plain("all", all).short('a'))
        .add(
            Flag::text("signal", "SIGNAL", "The same as the argument")
                .known_as("option")
                .short('s')
                .excluded(&["signal"]),
        )
        .add(Flag::argument("signal", "SIGNAL", "Name or number [default: TERM]").dashes());
}

fn delete(flags: &mut Flags<'_>) {
    flags
        .add(
            Flag::plain("force", "End it first if it runs; be content if there is none").short('f'),
        )
        .add(id())
        .add(
            Flag::arguments("ids", "ID", "Which containers [default: this directory's]")
                .excluded(&["id"]),
        );
}
