//! Names for numbers: errno(3), signal(7), capabilities(7).

/// The errno's name, `E123` for a rare one.
pub fn errno(number: i32) -> String {
    let known = ERRNOS.iter().find(|(value, _)| *value == number);
    known.map_or_else(|| format!("E{number}"), |(_, name)| (*name).to_owned())
}

/// The signal's name without SIG, `RT34` and so on for the real-time ones.
pub fn signal(number: i32) -> String {
    match usize::try_from(number).ok().and_then(|index| SIGNALS.get(index)) {
        Some(name) => (*name).to_owned(),
        None => format!("RT{number}"),
    }
}

/// A signal's number by name (with or without SIG) or number.
pub fn signal_number(name: &str) -> Option<i32> {
    let upper = name.to_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let listed = SIGNALS.iter().skip(1).position(|known| *known == short);
    match listed {
        Some(index) => i32::try_from(index + 1).ok(),
        None => short.strip_prefix("RT").unwrap_or(short).parse().ok(),
    }
}

/// The signals in a mask of /proc/PID/status, by name, with spaces between.
pub fn signals_of(mask: u64) -> String {
    let set = (1..=64).filter(|number| mask >> (number - 1) & 1 == 1);
    set.map(signal).collect::<Vec<_>>().join(" ")
}

/// The capabilities in a mask, by name without CAP_, with spaces between.
pub fn capabilities(mask: u64) -> String {
    let name = |bit: usize| match CAPABILITIES.get(bit) {
        Some(name) => (*name).to_owned(),
        None => format!("CAP{bit}"),
    };
    (0..64).filter(|bit| mask >> bit & 1 == 1).map(name).collect::<Vec<_>>().join(" ")
}

const SIGNALS: &[&str] = &[
    "0", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

const CAPABILITIES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

// The numbers of asm-generic, which x86 and Arm share.
const ERRNOS: &[(i32, &str)] = &[
    (1, "EPERM"),
    (2, "ENOENT"),
    (3, "ESRCH"),
    (4, "EINTR"),
    (5, "EIO"),
    (6, "ENXIO"),
    (7, "E2BIG"),
    (8, "ENOEXEC"),
    (9, "EBADF"),
    (10, "ECHILD"),
    (11, "EAGAIN"),
    (12, "ENOMEM"),
    (13, "EACCES"),
    (14, "EFAULT"),
    (15, "ENOTBLK"),
    (16, "EBUSY"),
    (17, "EEXIST"),
    (18, "EXDEV"),
    (19, "ENODEV"),
    (20, "ENOTDIR"),
    (21, "EISDIR"),
    (22, "EINVAL"),
    (23, "ENFILE"),
    (24, "EMFILE"),
    (25, "ENOTTY"),
    (26, "ETXTBSY"),
    (27, "EFBIG"),
    (28, "ENOSPC"),
    (29, "ESPIPE"),
    (30, "EROFS"),
    (31, "EMLINK"),
    (32, "EPIPE"),
    (36, "ENAMETOOLONG"),
    (38, "ENOSYS"),
    (39, "ENOTEMPTY"),
    (40, "ELOOP"),
    (61, "ENODATA"),
    (93, "EPROTONOSUPPORT"),
    (94, "ESOCKTNOSUPPORT"),
    (95, "EOPNOTSUPP"),
    (97, "EAFNOSUPPORT"),
    (98, "EADDRINUSE"),
    (99, "EADDRNOTAVAIL"),
    (100, "ENETDOWN"),
    (101, "ENETUNREACH"),
    (104, "ECONNRESET"),
    (110, "ETIMEDOUT"),
    (111, "ECONNREFUSED"),
    (113, "EHOSTUNREACH"),
    (122, "EDQUOT"),
];

#[cfg(test)]
mod tests;
