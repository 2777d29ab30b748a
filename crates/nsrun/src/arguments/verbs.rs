//! The verbs and their own flags.

use clap::ValueHint;
use cli::verb::{Flag, Flags, Verb};

use super::{path, value};

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
    Verb::new("features", "Print what this runtime recognises, as JSON", |_| {}),
    cli::shells::COMPLETIONS,
    cli::shells::MAN,
];

fn id() -> Flag {
    Flag::argument("id", "ID", "Which container").required()
}

fn only_id(flags: &mut Flags<'_>) {
    flags.add(id());
}

fn format() -> Flag {
    value("format", "FORMAT", "table or json [default: table]")
        .short('f')
        .one_of(&["table", "json"])
}

fn bundle() -> Flag {
    path("bundle", "DIR", "Where config.json is [default: the current directory]")
        .short('b')
        .hint(ValueHint::DirPath)
}

fn detach() -> Flag {
    Flag::switch("detach", "Return when the program runs").short('d')
}

fn console_socket() -> Flag {
    path("console-socket", "SOCKET", "Send the terminal's master over this socket")
}

fn pid_file() -> Flag {
    path("pid-file", "FILE", "Write the process's id into this file")
}

fn no_subreaper() -> Flag {
    Flag::switch("no-subreaper", "Do not take in what the container orphans")
}

/// Where a process's terminal, pid and pidfd go, and what it inherits.
fn hand_over(flags: &mut Flags<'_>) {
    flags
        .add(console_socket())
        .add(pid_file())
        .add(path("pidfd-socket", "SOCKET", "Send the process's pidfd over this socket"))
        .add(
            value("preserve-fds", "N", "Leave so many descriptors, from 3 up, to the process")
                .number(0, i64::from(u32::MAX)),
        );
}

fn create(flags: &mut Flags<'_>) {
    flags.add(bundle());
    hand_over(flags);
    flags
        .add(Flag::switch(
            "no-pivot",
            "Move the root instead of pivot_root(2), as a ramfs needs it",
        ))
        .add(Flag::switch("no-new-keyring", "Stay with the caller's session keyring"))
        .add(id());
}

fn run(flags: &mut Flags<'_>) {
    create(flags);
    flags
        .add(detach())
        .add(no_subreaper())
        .add(Flag::switch("keep", "Keep the container when its program has ended"));
}

fn exec(flags: &mut Flags<'_>) {
    hand_over(flags);
    flags
        .add(value("cwd", "DIR", "Where it starts, inside"))
        .add(value("env", "KEY=VALUE", "Set a variable").short('e').repeats())
        .add(Flag::switch("tty", "Give it a terminal").short('t'))
        .add(value("user", "UID[:GID]", "Who it runs as").short('u'))
        .add(
            value("additional-gids", "GID", "A further group")
                .short('g')
                .number(0, i64::from(u32::MAX))
                .repeats(),
        )
        .add(
            path("process", "FILE", "The process as config.json has it")
                .short('p')
                .hint(ValueHint::FilePath),
        )
        .add(detach())
        .add(value("process-label", "LABEL", "Its SELinux label"))
        .add(value("apparmor", "PROFILE", "Its AppArmor profile"))
        .add(Flag::switch("no-new-privs", "Keep it from gaining privileges"))
        .add(value("cap", "CAPABILITY", "Add a capability").short('c').repeats())
        .add(Flag::switch("ignore-paused", "Also in a paused container, where it waits"))
        .add(
            value("cgroup", "[CTRL[,CTRL]:]PATH", "Run it in a group below the container's")
                .repeats(),
        )
        .add(
            Flag::rest(
                "words",
                "ID COMMAND",
                "Which container, and the command with its arguments",
            )
            .required()
            .hint(ValueHint::CommandWithArguments),
        );
}

fn list(flags: &mut Flags<'_>) {
    flags.add(format()).add(Flag::switch("quiet", "Print the ids only").short('q'));
}

fn kill(flags: &mut Flags<'_>) {
    flags
        .add(Flag::switch("all", "To every process of the container").short('a'))
        .add(id())
        .add(Flag::argument("signal", "SIGNAL", "Name or number [default: TERM]"));
}

fn delete(flags: &mut Flags<'_>) {
    let force = "End it first if it runs; be content if there is none";
    flags.add(Flag::switch("force", force).short('f')).add(id());
}

fn ps(flags: &mut Flags<'_>) {
    let words = "Which container, and options of ps(1) [default: -ef]";
    flags.add(format()).add(Flag::rest("words", "ID PS_OPTION", words).required());
}

fn events(flags: &mut Flags<'_>) {
    flags
        .add(value("interval", "DURATION", "Time between two lines: 500ms, 5s, 1m [default: 5s]"))
        .add(Flag::switch("stats", "Print one line and return"))
        .add(id());
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

fn update(flags: &mut Flags<'_>) {
    flags.add(
        path("resources", "FILE", "linux.resources as config.json has them; - reads them here")
            .short('r')
            .hint(ValueHint::FilePath),
    );
    for (name, help) in LIMITS {
        flags.add(value(name, "VALUE", help));
    }
    flags.add(id());
}

/// What `checkpoint` and `restore` have in common.
fn images(flags: &mut Flags<'_>) {
    flags
        .add(
            path("image-path", "DIR", "Where the images are [default: ./checkpoint]")
                .hint(ValueHint::DirPath),
        )
        .add(
            path("work-path", "DIR", "Where logs and the like go [default: with the images]")
                .hint(ValueHint::DirPath),
        )
        .add(Flag::switch("tcp-established", "With open TCP connections"))
        .add(Flag::switch("ext-unix-sk", "With connections to UNIX sockets outside"))
        .add(Flag::switch("shell-job", "With the terminal of the shell it was started from"))
        .add(Flag::switch("lazy-pages", "Fetch memory when it is used"))
        .add(Flag::switch("file-locks", "With file locks"))
        .add(value("manage-cgroups-mode", "MODE", "soft, full, strict or ignore [default: soft]"))
        .add(value("empty-ns", "NAMESPACE", "Leave what is in this namespace to others").repeats())
        .add(
            value("format", "FORMAT", "json: print how much it was, and how long it took")
                .one_of(&["json"]),
        );
}

fn checkpoint(flags: &mut Flags<'_>) {
    images(flags);
    flags
        .add(path(
            "parent-path",
            "DIR",
            "An earlier checkpoint, from the images' directory: only changes are saved",
        ))
        .add(Flag::switch("leave-running", "Let it go on afterwards"))
        .add(Flag::switch("tcp-skip-in-flight", "Without TCP connections that are being made"))
        .add(Flag::switch("link-remap", "With files that have been removed"))
        .add(
            value("status-fd", "N", "Tell on this descriptor when pages can be fetched")
                .number(i64::from(i32::MIN), i64::from(i32::MAX)),
        )
        .add(value("page-server", "ADDRESS:PORT", "Send the memory there"))
        .add(Flag::switch("pre-dump", "Save the memory only, and let it go on"))
        .add(Flag::switch("auto-dedup", "Drop what a later image has, too"))
        .add(id());
}

fn restore(flags: &mut Flags<'_>) {
    images(flags);
    flags
        .add(bundle())
        .add(console_socket())
        .add(pid_file())
        .add(detach())
        .add(no_subreaper())
        .add(Flag::switch("no-pivot", "Move the root instead of pivot_root(2)"))
        .add(Flag::switch("auto-dedup", "Drop what has been used from the image"))
        .add(value("lsm-profile", "TYPE:LABEL", "Another security profile"))
        .add(value("lsm-mount-context", "CONTEXT", "Another context of mounts"))
        .add(id());
}

fn spec(flags: &mut Flags<'_>) {
    flags.add(bundle()).add(Flag::switch("rootless", "For somebody who is not root"));
}
