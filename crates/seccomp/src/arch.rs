//! The architectures that we have system-call tables for.

use crate::rules::Architecture;

/// An architecture whose system calls can be filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// x86-64, without x32.
    X86_64,
    /// 32-bit x86.
    X86,
    /// x32: x86-64 instructions, 32-bit pointers, numbers with bit 30 set.
    X32,
    /// 64-bit ARM, little-endian.
    Aarch64,
    /// 32-bit ARM (EABI), little-endian.
    Arm,
}

impl Arch {
    /// Every one of them.
    pub(crate) const ALL: [Arch; 5] =
        [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64, Arch::Arm];

    /// The architecture this program was built for, if there is a table for it.
    #[must_use]
    pub const fn native() -> Option<Arch> {
        if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
            Some(Arch::X86_64)
        } else if cfg!(target_arch = "x86") {
            Some(Arch::X86)
        } else if cfg!(all(target_arch = "aarch64", target_endian = "little")) {
            Some(Arch::Aarch64)
        } else if cfg!(all(target_arch = "arm", target_endian = "little")) {
            Some(Arch::Arm)
        } else {
            None
        }
    }

    /// What the kernel puts into `seccomp_data.arch` (`AUDIT_ARCH_*`, linux/audit.h).
    #[must_use]
    pub const fn audit(self) -> u32 {
        match self {
            Arch::X86_64 | Arch::X32 => 0xc000_003e,
            Arch::X86 => 0x4000_0003,
            Arch::Aarch64 => 0xc000_00b7,
            Arch::Arm => 0x4000_0028,
        }
    }

    /// The number of a system call by its name, if this architecture has it.
    #[must_use]
    pub fn number(self, name: &str) -> Option<u32> {
        crate::table::call(name)?.number(self)
    }

    /// The name of a system call by its number (`seccomp_data.nr`), if this architecture has it; the
    /// first one where it has several.
    #[must_use]
    pub fn name(self, number: u32) -> Option<&'static str> {
        crate::table::names().find(|name| {
            crate::table::call(name).and_then(|call| call.number(self)) == Some(number)
        })
    }

    /// Whether `nr`, of a call that comes with this architecture's value of `seccomp_data.arch`,
    /// is one of x32.
    pub(crate) const fn is_x32_number(self, nr: u32) -> bool {
        self.audit() == Arch::X32.audit() && nr & crate::table::X32_BIT != 0
    }

    /// The specification's name.
    pub(crate) const fn architecture(self) -> Architecture {
        match self {
            Arch::X86_64 => Architecture::X86_64,
            Arch::X86 => Architecture::X86,
            Arch::X32 => Architecture::X32,
            Arch::Aarch64 => Architecture::Aarch64,
            Arch::Arm => Architecture::Arm,
        }
    }

    /// Whether arguments are compared as 32-bit numbers.
    pub(crate) const fn is_32bit(self) -> bool {
        matches!(self, Arch::X86 | Arch::X32 | Arch::Arm)
    }

    /// Whether a kernel whose native architecture is `native` can run programs of `self`.
    pub(crate) const fn runs_on(self, native: Arch) -> bool {
        match native {
            Arch::X86_64 | Arch::X32 => matches!(self, Arch::X86_64 | Arch::X86 | Arch::X32),
            // A 32-bit program may run under a 64-bit kernel.
            Arch::X86 => matches!(self, Arch::X86 | Arch::X86_64 | Arch::X32),
            Arch::Aarch64 | Arch::Arm => matches!(self, Arch::Aarch64 | Arch::Arm),
        }
    }

    /// The table for an architecture of the OCI specification, if we have one.
    pub(crate) const fn of(architecture: Architecture) -> Option<Arch> {
        match architecture {
            Architecture::X86_64 => Some(Arch::X86_64),
            Architecture::X86 => Some(Arch::X86),
            Architecture::X32 => Some(Arch::X32),
            Architecture::Aarch64 => Some(Arch::Aarch64),
            Architecture::Arm => Some(Arch::Arm),
            _ => None,
        }
    }
}
