//! The OCI model of a seccomp profile (config-linux.md, "Seccomp"), as its JSON has it.
//!
//! Unknown values of an action, architecture, operator or flag are errors of deserialization;
//! unknown fields are ignored.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::reading::{names, null_is_empty, objects};

/// Values with a name in JSON: from one list the enum, its names, and all of it.
macro_rules! named {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $value:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $value,)*
        }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$value),*];

            /// The name in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)*
                }
            }
        }
    };
}

/// A whole profile: `linux.seccomp`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// What happens to calls that no rule matches.
    pub default_action: Action,
    /// The errno of the default action, if that is errno or trace; EPERM if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_errno_ret: Option<u32>,
    /// Architectures to cover besides the native one.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<Architecture>,
    /// How to load the filter.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// Socket of the agent that answers SCMP_ACT_NOTIFY; empty if none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub listener_path: String,
    /// Passed on to the agent; empty if none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub listener_metadata: String,
    /// The rules.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub syscalls: Vec<Rule>,
}

/// What happens to some system calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The calls, by name.
    #[serde(default, deserialize_with = "names")]
    pub names: Vec<Cow<'static, str>>,
    /// More calls, by number on the native architecture. Not in the specification: for the
    /// container.json of 2015, which has numbers only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<u32>,
    /// What happens.
    pub action: Action,
    /// The errno (or the tracer's data) if the action is errno or trace; EPERM if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno_ret: Option<u32>,
    /// Conditions that must all hold.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Arg>,
}

/// A condition on an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Arg {
    /// Which argument, 0 to 5.
    pub index: u32,
    /// What to compare it with; the mask for [`Op::MaskedEq`].
    pub value: u64,
    /// What the masked argument must be, for [`Op::MaskedEq`].
    #[serde(default)]
    pub value_two: u64,
    /// How to compare.
    pub op: Op,
}

named! {
    /// What happens to a call; seccomp(2) has the details.
    Action {
        /// Older name of [`Action::KillThread`].
        Kill = "SCMP_ACT_KILL",
        /// The process dies by SIGSYS.
        KillProcess = "SCMP_ACT_KILL_PROCESS",
        /// The thread dies by SIGSYS.
        KillThread = "SCMP_ACT_KILL_THREAD",
        /// The thread gets SIGSYS.
        Trap = "SCMP_ACT_TRAP",
        /// The call fails.
        Errno = "SCMP_ACT_ERRNO",
        /// A tracer decides; ENOSYS without one.
        Trace = "SCMP_ACT_TRACE",
        /// The call is made.
        Allow = "SCMP_ACT_ALLOW",
        /// The call is made and logged.
        Log = "SCMP_ACT_LOG",
        /// An agent decides (seccomp_unotify(2)).
        Notify = "SCMP_ACT_NOTIFY",
    }
}

named! {
    /// How an argument is compared, as unsigned 64-bit numbers.
    Op {
        /// Not equal.
        Ne = "SCMP_CMP_NE",
        /// Less than.
        Lt = "SCMP_CMP_LT",
        /// Less than or equal.
        Le = "SCMP_CMP_LE",
        /// Equal.
        Eq = "SCMP_CMP_EQ",
        /// Greater than or equal.
        Ge = "SCMP_CMP_GE",
        /// Greater than.
        Gt = "SCMP_CMP_GT",
        /// `argument & value == value_two & value`.
        MaskedEq = "SCMP_CMP_MASKED_EQ",
    }
}

named! {
    /// A flag of seccomp(2).
    Flag {
        /// All threads get the filter.
        Tsync = "SECCOMP_FILTER_FLAG_TSYNC",
        /// Actions other than allow are logged.
        Log = "SECCOMP_FILTER_FLAG_LOG",
        /// Speculative store bypass stays on.
        SpecAllow = "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
        /// While the agent works on a call, only fatal signals interrupt it.
        WaitKillableRecv = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    }
}

impl Flag {
    /// The bit in linux/seccomp.h.
    #[must_use]
    pub const fn bit(self) -> u32 {
        match self {
            Flag::Tsync => 1,
            Flag::Log => 1 << 1,
            Flag::SpecAllow => 1 << 2,
            Flag::WaitKillableRecv => 1 << 5,
        }
    }
}

named! {
    /// An architecture by the specification's name; [`crate::Arch`] are those we have tables for.
    #[allow(missing_docs)] // The names say it all.
    Architecture {
        X86 = "SCMP_ARCH_X86",
        X86_64 = "SCMP_ARCH_X86_64",
        X32 = "SCMP_ARCH_X32",
        Arm = "SCMP_ARCH_ARM",
        Aarch64 = "SCMP_ARCH_AARCH64",
        Loongarch64 = "SCMP_ARCH_LOONGARCH64",
        M68k = "SCMP_ARCH_M68K",
        Mips = "SCMP_ARCH_MIPS",
        Mips64 = "SCMP_ARCH_MIPS64",
        Mips64n32 = "SCMP_ARCH_MIPS64N32",
        Mipsel = "SCMP_ARCH_MIPSEL",
        Mipsel64 = "SCMP_ARCH_MIPSEL64",
        Mipsel64n32 = "SCMP_ARCH_MIPSEL64N32",
        Ppc = "SCMP_ARCH_PPC",
        Ppc64 = "SCMP_ARCH_PPC64",
        Ppc64le = "SCMP_ARCH_PPC64LE",
        S390 = "SCMP_ARCH_S390",
        S390x = "SCMP_ARCH_S390X",
        Sh = "SCMP_ARCH_SH",
        Sheb = "SCMP_ARCH_SHEB",
        Parisc = "SCMP_ARCH_PARISC",
        Parisc64 = "SCMP_ARCH_PARISC64",
        Riscv64 = "SCMP_ARCH_RISCV64",
    }
}

impl Rule {
    /// A call's name for [`names`](Rule::names): our tables' own text, which is not copied, where
    /// they know it.
    #[must_use]
    pub fn named(name: &str) -> Cow<'static, str> {
        let known = crate::table::call(name).and_then(crate::table::Call::name);
        known.map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed)
    }
}

#[cfg(test)]
mod tests;
