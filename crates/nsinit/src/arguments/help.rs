//! What the help teaches beside the list of options.

/// Below `nsinit -h`.
pub const EXAMPLES: &str = "\
Examples:
  cd busybox && nsinit exec /bin/sh     a container on the root file system in busybox/
  nsinit exec ps                        again, from there: joins it while it runs
  nsinit exec --host -- sh              no root file system? a copy-on-write view of this host

nsinit COMMAND --help tells more about each command.";

/// Below `nsinit --help`.
pub const LONG: &str = "\
A container belongs to a directory: its root file system, with a container.json in it where the
built-in template does not suit. Without --id, every command means the container of the current
directory.

Examples:
  cd busybox && nsinit exec -t /bin/sh        a shell in a container, with a terminal
  nsinit exec ps                              from the same directory: joins the running one
  nsinit exec --detach --log log sleep 100    in the background
  nsinit list                                 what runs
  nsinit stats                                what it uses, as JSON
  nsinit top                                  what all use, live
  nsinit kill                                 ask it to end; delete --force makes it
  nsinit config --hostname web > container.json
                                              the template, with a change, to start a file from
  nsinit exec --host -- sh                    no root file system at hand: a copy-on-write view
                                              of this host, whose changes go with the container

A root file system:
  debootstrap --variant=minbase stable DIR    or the unpacked tar file of any distribution's image

Exit codes: of exec, see nsinit exec --help; of the others, 0, 1 for an error, 2 for a mistake in
the command line.

Files: container.json (every form since 2014, or an OCI config.json by --config), /run/nsinit;
state.json and pid in the directory, for people to read, while the container runs, of the one
started last where several share it. Where there is no container.json, an empty one holds its name
until the last of them has ended (or is removed by hand, on file systems without extended
attributes).";

/// Below `nsinit exec --help`.
pub const EXEC: &str = "\
Everything from the first word that is not an option is the command; -- may stand before it. What
container.json says, options change. Where a container of this directory runs already, the command
joins it; create flags must then be as they were.

Namespaces (NS) are private, host, or the path of one to join, like /proc/PID/ns/net.

Security levels:
  high      no new privileges, the default system-call filter, no NET_RAW, MKNOD, AUDIT_WRITE
  medium    14 capabilities and the default system-call filter
  low       all capabilities, all devices, nothing masked: for root you trust

Examples:
  nsinit exec /bin/sh -c 'exit 3'; echo $?              3
  nsinit exec -t --user daemon --cwd /tmp sh
  nsinit exec --memory-limit 64m --cpushares 512 make
  nsinit exec --record p.json make; nsinit exec --seccomp p.json make
  nsinit exec --bind ~/src:/src:ro --tmpfs /tmp --read-only /src/test
  nsinit exec --veth-bridge br0 --veth-address 10.0.0.2/24 --veth-gateway 10.0.0.1 sh
  nsinit exec --detach --init --rm=false job; nsinit wait

Signals that nsinit gets go to the command. A PID 1 ignores those that it does not handle, so ^C
does not end a plain sleep: --init does it.

Exit codes: the command's own; 128+N if signal N ended it; 127 if it was not found, 126 if it
could not be executed, 125 if nsinit itself failed.";

/// Below `nsinit config --help`.
pub const CONFIG: &str = "\
Examples:
  nsinit config                          what exec would use here
  nsinit config --security high --file container.json
  nsinit config --config old.json        a file of 2014 in today's form";

/// Below `nsinit kill --help`.
pub const KILL: &str = "\
Examples:
  nsinit kill             SIGTERM to PID 1 of this directory's container
  nsinit kill hup         by name, with or without SIG, or by number
  nsinit kill --all 9     to every process in it";

/// Below `nsinit stats --help`.
pub const STATS: &str = "\
A figure that the kernel does not keep, or whose controller the container does not have, is left
out. docs/statistics.md has each with its unit and its source.

Examples:
  nsinit stats                                  this directory's container
  nsinit stats --all --format openmetrics       all, as a scraper reads them";

/// Below `nsinit top --help`.
pub const TOP: &str = "\
Keys: q quits; up and down (or k and j) choose a container, Enter shows its detail and Esc goes
back; c, m, i, p, w, n sort by processor, memory, block devices, processes, pressure (waiting) and
name (id), the same key again turns the order round; Ctrl-L draws anew.

CPU% is of one processor. PRESSURE is how much of the last ten seconds some process waited for a
processor, memory and a block device, in percent. A dash is what the kernel does not keep here.

Examples:
  nsinit top
  nsinit top --sort memory -n 5 -d 2            five plain tables, two seconds apart";
