//! The table itself.

use super::super::Propagation;
use super::attr;

/// A mount option.
pub(super) struct Known {
    /// As in mount(8) and config.md.
    pub name: &'static str,
    /// What it does.
    pub action: Action,
    /// Its `MS_*` bits (linux/mount.h); 0 where mount(2) has none for it.
    pub ms: u64,
}

/// What an option does.
pub(super) enum Action {
    /// It asks for what is so anyway.
    Nothing,
    Bind {
        recursive: bool,
    },
    Attr {
        set: u64,
        clear: u64,
    },
    Recursive {
        set: u64,
        clear: u64,
    },
    /// A flag of the superblock, that undoes its opposite.
    Superblock {
        opposite: &'static str,
    },
    Propagation {
        kind: Propagation,
        recursive: bool,
    },
    CopyUp,
    Remount,
    Idmap {
        recursive: bool,
    },
    /// What to say to who asks for it.
    Refused(&'static str),
}

/// MS_REC: only with a bit that can be recursive.
pub(super) const MS_REC: u64 = 1 << 14;

const fn option(name: &'static str, ms: u64, action: Action) -> Known {
    Known { name, action, ms }
}

const fn nothing(name: &'static str) -> Known {
    option(name, 0, Action::Nothing)
}

const fn set(name: &'static str, ms: u64, bits: u64) -> Known {
    option(name, ms, Action::Attr { set: bits, clear: 0 })
}

const fn clear(name: &'static str, bits: u64) -> Known {
    option(name, 0, Action::Attr { set: 0, clear: bits })
}

/// The access-time mode is a field: setting one means clearing all.
const fn atime(name: &'static str, ms: u64, mode: u64) -> Known {
    option(name, ms, Action::Attr { set: mode, clear: attr::ATIME })
}

const fn rec_set(name: &'static str, bits: u64) -> Known {
    option(name, 0, Action::Recursive { set: bits, clear: 0 })
}

const fn rec_clear(name: &'static str, bits: u64) -> Known {
    option(name, 0, Action::Recursive { set: 0, clear: bits })
}

const fn rec_atime(name: &'static str, mode: u64) -> Known {
    option(name, 0, Action::Recursive { set: mode, clear: attr::ATIME })
}

const fn superblock(name: &'static str, ms: u64, opposite: &'static str) -> Known {
    option(name, ms, Action::Superblock { opposite })
}

const fn propagation(name: &'static str, ms: u64, kind: Propagation, recursive: bool) -> Known {
    let ms = if recursive { ms | MS_REC } else { ms };
    option(name, ms, Action::Propagation { kind, recursive })
}

const UNBINDABLE: u64 = 1 << 17;
const PRIVATE: u64 = 1 << 18;
const SLAVE: u64 = 1 << 19;
const SHARED: u64 = 1 << 20;

/// Every option that is not the file system's own, in the order in which the names for a set of
/// `MS_*` bits are given.
pub(super) static TABLE: &[Known] = &[
    option("rbind", 1 << 12 | MS_REC, Action::Bind { recursive: true }),
    option("bind", 1 << 12, Action::Bind { recursive: false }),
    // Attributes of the mount.
    set("ro", 1 << 0, attr::RDONLY),
    clear("rw", attr::RDONLY),
    set("nosuid", 1 << 1, attr::NOSUID),
    clear("suid", attr::NOSUID),
    set("nodev", 1 << 2, attr::NODEV),
    clear("dev", attr::NODEV),
    set("noexec", 1 << 3, attr::NOEXEC),
    clear("exec", attr::NOEXEC),
    set("nosymfollow", 1 << 8, attr::NOSYMFOLLOW),
    clear("symfollow", attr::NOSYMFOLLOW),
    // The later of two modes counts. `atime` and `nostrictatime` ask for the kernel's default,
    // relatime since 2.6.30; not having that feature (`norelatime`) was the default before.
    atime("noatime", 1 << 10, attr::NOATIME),
    atime("atime", 0, attr::RELATIME),
    set("nodiratime", 1 << 11, attr::NODIRATIME),
    clear("diratime", attr::NODIRATIME),
    atime("relatime", 1 << 21, attr::RELATIME),
    nothing("norelatime"),
    atime("strictatime", 1 << 24, attr::STRICTATIME),
    atime("nostrictatime", 0, attr::RELATIME),
    // The same for the mount and all below it (kernel 5.12).
    rec_set("rro", attr::RDONLY),
    rec_clear("rrw", attr::RDONLY),
    rec_set("rnosuid", attr::NOSUID),
    rec_clear("rsuid", attr::NOSUID),
    rec_set("rnodev", attr::NODEV),
    rec_clear("rdev", attr::NODEV),
    rec_set("rnoexec", attr::NOEXEC),
    rec_clear("rexec", attr::NOEXEC),
    rec_set("rnosymfollow", attr::NOSYMFOLLOW),
    rec_clear("rsymfollow", attr::NOSYMFOLLOW),
    rec_atime("rnoatime", attr::NOATIME),
    rec_atime("ratime", attr::RELATIME),
    rec_set("rnodiratime", attr::NODIRATIME),
    rec_clear("rdiratime", attr::NODIRATIME),
    rec_atime("rrelatime", attr::RELATIME),
    nothing("rnorelatime"),
    rec_atime("rstrictatime", attr::STRICTATIME),
    rec_atime("rnostrictatime", attr::RELATIME),
    // Flags of the superblock (fsconfig(2) knows these for every file system).
    superblock("sync", 1 << 4, "async"),
    superblock("async", 0, "sync"),
    superblock("mand", 1 << 6, "nomand"),
    superblock("nomand", 0, "mand"),
    superblock("dirsync", 1 << 7, ""),
    superblock("lazytime", 1 << 25, "nolazytime"),
    superblock("nolazytime", 0, "lazytime"),
    // fsconfig(2) has no word for these: whether the kernel logs a failed mount, and counters that
    // file systems keep by themselves since 4.16.
    option("silent", 1 << 15, Action::Nothing),
    nothing("loud"),
    option("iversion", 1 << 23, Action::Nothing),
    nothing("noiversion"),
    nothing("defaults"),
    // Propagation.
    propagation("runbindable", UNBINDABLE, Propagation::Unbindable, true),
    propagation("unbindable", UNBINDABLE, Propagation::Unbindable, false),
    propagation("rprivate", PRIVATE, Propagation::Private, true),
    propagation("private", PRIVATE, Propagation::Private, false),
    propagation("rslave", SLAVE, Propagation::Slave, true),
    propagation("slave", SLAVE, Propagation::Slave, false),
    propagation("rshared", SHARED, Propagation::Shared, true),
    propagation("shared", SHARED, Propagation::Shared, false),
    option("tmpcopyup", 0, Action::CopyUp),
    option("remount", 1 << 5, Action::Remount),
    option("idmap", 0, Action::Idmap { recursive: false }),
    option("ridmap", 0, Action::Idmap { recursive: true }),
    // What fstab(5) has for mount(8), and asks nothing of the kernel. Who may mount is known here;
    // what goes with such a word does count.
    nothing("auto"),
    nothing("noauto"),
    nothing("nouser"),
    nothing("nofail"),
    nothing("_netdev"),
    set("user", 0, attr::NOSUID | attr::NODEV | attr::NOEXEC),
    set("users", 0, attr::NOSUID | attr::NODEV | attr::NOEXEC),
    set("owner", 0, attr::NOSUID | attr::NODEV),
    set("group", 0, attr::NOSUID | attr::NODEV),
    // What cannot be had.
    option("move", 1 << 13, Action::Refused("is refused: a mount of the host is not taken away")),
];
