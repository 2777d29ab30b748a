//! System-call names and numbers, as one hash table in read-only memory.
//!
//! The numbers come from the `syscalls` crate, read while compiling; what it lacks or has wrong
//! is put right here. One look-up gives the numbers for all architectures. The table is 16 KiB
//! without a pointer in it, so that a position-independent binary need not relocate it.

use syscalls::{aarch64, arm, x86, x86_64};

use crate::arch::Arch;

/// Numbers of one call: x86-64, x86, aarch64, arm; [`NONE`] where it does not exist.
type Numbers = [u16; 4];

const NONE: u16 = u16::MAX;
const COLUMN_X86_64: usize = 0;
const COLUMN_X86: usize = 1;
const COLUMN_AARCH64: usize = 2;
const COLUMN_ARM: usize = 3;

/// Above this, a number is one of ARM's private calls, which begin at 0x0f0000.
const ARM_PRIVATE: u16 = 0xf000;

/// Numbers that some table has end below this.
const NUMBERS: usize = 600;

#[derive(Clone, Copy)]
struct Entry {
    start: u16,
    length: u8,
    /// The value in [`MULTIPLEXED`], or 0.
    multiplexed: u8,
    numbers: Numbers,
}

const UNUSED: Entry = Entry { start: 0, length: 0, multiplexed: 0, numbers: [NONE; 4] };

// Capacities; a table that outgrows one fails the build.
const BYTES: usize = 6144;
const ENTRIES: usize = 544;
const SLOTS: usize = 1024;

struct Table {
    /// All names, without separators.
    names: [u8; BYTES],
    used: usize,
    entries: [Entry; ENTRIES],
    count: usize,
    /// Open addressing: an index into `entries` plus 1, or 0.
    slots: [u16; SLOTS],
}

static TABLE: Table = build();

/// What the `syscalls` crate lacks: linux/unistd.h, asm/unistd.h of the 32-bit architectures.
const MISSING: &[(&str, usize, u16)] = &[
    ("break", COLUMN_X86, 17),
    ("newfstatat", COLUMN_AARCH64, 79),
    ("breakpoint", COLUMN_ARM, ARM_PRIVATE + 1),
    ("cacheflush", COLUMN_ARM, ARM_PRIVATE + 2),
    ("usr26", COLUMN_ARM, ARM_PRIVATE + 3),
    ("usr32", COLUMN_ARM, ARM_PRIVATE + 4),
    ("set_tls", COLUMN_ARM, ARM_PRIVATE + 5),
    ("get_tls", COLUMN_ARM, ARM_PRIVATE + 6),
    // The other name of arm_sync_file_range.
    ("sync_file_range2", COLUMN_ARM, 341),
];

/// Calls that 32-bit x86 can also make through socketcall(2) (linux/net.h), and their numbers there;
/// then those of ipc(2) (linux/ipc.h), whose numbers are marked by [`IPC`].
const MULTIPLEXED: &[(&str, u8)] = &[
    ("socket", 1),
    ("bind", 2),
    ("connect", 3),
    ("listen", 4),
    ("accept", 5),
    ("getsockname", 6),
    ("getpeername", 7),
    ("socketpair", 8),
    ("send", 9),
    ("recv", 10),
    ("sendto", 11),
    ("recvfrom", 12),
    ("shutdown", 13),
    ("setsockopt", 14),
    ("getsockopt", 15),
    ("sendmsg", 16),
    ("recvmsg", 17),
    ("accept4", 18),
    ("recvmmsg", 19),
    ("sendmmsg", 20),
    ("semop", IPC | 1),
    ("semget", IPC | 2),
    ("semctl", IPC | 3),
    ("semtimedop", IPC | 4),
    ("msgsnd", IPC | 11),
    ("msgrcv", IPC | 12),
    ("msgget", IPC | 13),
    ("msgctl", IPC | 14),
    ("shmat", IPC | 21),
    ("shmdt", IPC | 22),
    ("shmget", IPC | 23),
    ("shmctl", IPC | 24),
];

const IPC: u8 = 0x80;

const fn build() -> Table {
    let mut table = Table {
        names: [0; BYTES],
        used: 0,
        entries: [UNUSED; ENTRIES],
        count: 0,
        slots: [0; SLOTS],
    };
    let mut nr = 0;
    while nr < NUMBERS {
        if let Some(call) = x86_64::Sysno::new(nr) {
            insert(&mut table, call.name(), COLUMN_X86_64, nr as u16);
        }
        if let Some(call) = x86::Sysno::new(nr)
            && nr != 17
        {
            insert(&mut table, call.name(), COLUMN_X86, nr as u16);
        }
        // 403 to 423, the calls for 64-bit times, exist on 32-bit architectures only; 79 has the
        // wrong name.
        if let Some(call) = aarch64::Sysno::new(nr)
            && nr != 79
            && (nr < 403 || nr > 423)
        {
            insert(&mut table, call.name(), COLUMN_AARCH64, nr as u16);
        }
        if let Some(call) = arm::Sysno::new(nr) {
            insert(&mut table, call.name(), COLUMN_ARM, nr as u16);
        }
        nr += 1;
    }
    let mut i = 0;
    while i < MISSING.len() {
        let (name, column, number) = MISSING[i];
        insert(&mut table, name, column, number);
        i += 1;
    }
    let mut i = 0;
    while i < MULTIPLEXED.len() {
        let (name, number) = MULTIPLEXED[i];
        let (_, found) = probe(&table, name.as_bytes());
        assert!(found.is_some(), "a name that no table has");
        if let Some(index) = found {
            table.entries[index].multiplexed = number;
        }
        i += 1;
    }
    table
}

const fn insert(table: &mut Table, name: &str, column: usize, number: u16) {
    let name = name.as_bytes();
    let (slot, found) = probe(table, name);
    let index = match found {
        Some(index) => index,
        None => {
            let index = table.count;
            let entry = &mut table.entries[index];
            entry.start = table.used as u16;
            entry.length = name.len() as u8;
            let mut i = 0;
            while i < name.len() {
                table.names[table.used] = name[i];
                table.used += 1;
                i += 1;
            }
            table.count += 1;
            table.slots[slot] = index as u16 + 1;
            index
        }
    };
    table.entries[index].numbers[column] = number;
}

/// The slot for `name`, and the entry if it has one. A slot is always free: SLOTS > ENTRIES.
const fn probe(table: &Table, name: &[u8]) -> (usize, Option<usize>) {
    let mut slot = hash(name) as usize % SLOTS;
    loop {
        match table.slots[slot] {
            0 => return (slot, None),
            index => {
                let entry = &table.entries[index as usize - 1];
                if same(table, entry, name) {
                    return (slot, Some(index as usize - 1));
                }
            }
        }
        slot = (slot + 1) % SLOTS;
    }
}

const fn same(table: &Table, entry: &Entry, name: &[u8]) -> bool {
    if entry.length as usize != name.len() {
        return false;
    }
    let mut i = 0;
    while i < name.len() {
        if table.names[entry.start as usize + i] != name[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// FNV-1a.
const fn hash(name: &[u8]) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    let mut i = 0;
    while i < name.len() {
        hash = (hash ^ name[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    hash ^ (hash >> 15)
}

/// A known system call.
#[derive(Clone, Copy)]
pub(crate) struct Call(&'static Entry);

impl Call {
    /// Its number on `arch`, as `seccomp_data.nr` has it.
    pub(crate) fn number(self, arch: Arch) -> Option<u32> {
        let number = match arch {
            Arch::X86_64 | Arch::X32 => self.0.numbers[COLUMN_X86_64],
            Arch::X86 => self.0.numbers[COLUMN_X86],
            Arch::Aarch64 => self.0.numbers[COLUMN_AARCH64],
            Arch::Arm => self.0.numbers[COLUMN_ARM],
        };
        match (number, arch) {
            (NONE, _) => None,
            (number, Arch::X32) => x32(number),
            (number, Arch::Arm) if number > ARM_PRIVATE => {
                Some(ARM_PRIVATE_CALLS | u32::from(number - ARM_PRIVATE))
            }
            (number, _) => Some(u32::from(number)),
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> Option<&'static str> {
        name(self.0)
    }

    /// The call that this one can also be made through on 32-bit x86, and its number there, which
    /// is the first argument.
    pub(crate) fn multiplexed(self) -> Option<(&'static str, u8)> {
        match self.0.multiplexed {
            0 => None,
            number if number & IPC != 0 => Some(("ipc", number & !IPC)),
            number => Some(("socketcall", number)),
        }
    }
}

/// Where ARM's private calls begin (`__ARM_NR_BASE`).
pub(crate) const ARM_PRIVATE_CALLS: u32 = 0x000f_0000;

/// The bit that makes an x86-64 call one of x32 (`__X32_SYSCALL_BIT`).
pub(crate) const X32_BIT: u32 = 0x4000_0000;

/// x86-64 calls that x32 lacks (arch/x86/entry/syscalls/syscall_64.tbl).
const NOT_X32: [u16; 11] = [134, 156, 174, 177, 178, 180, 205, 211, 214, 215, 236];

/// x86-64 calls that have numbers of their own on x32, which are 512 and up in this order.
const OWN_X32: [u16; 36] = [
    13, 15, 16, 19, 20, 45, 46, 47, 59, 101, 127, 128, 129, 131, 222, 244, 246, 247, 273, 274, 278,
    279, 295, 296, 297, 299, 307, 310, 311, 54, 55, 206, 209, 322, 327, 328,
];

fn x32(number: u16) -> Option<u32> {
    if NOT_X32.contains(&number) {
        return None;
    }
    let number = match (512_u32..).zip(OWN_X32).find(|(_, own)| *own == number) {
        Some((own, _)) => own,
        None => u32::from(number),
    };
    Some(X32_BIT | number)
}

/// The call of that name, if any architecture has it.
pub(crate) fn call(name: &str) -> Option<Call> {
    let (_, found) = probe(&TABLE, name.as_bytes());
    TABLE.entries.get(found?).map(Call)
}

/// The names of all calls.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.entries.iter().take(TABLE.count).filter_map(name)
}

fn name(entry: &Entry) -> Option<&'static str> {
    let start = usize::from(entry.start);
    let name = TABLE.names.get(start..start + usize::from(entry.length))?;
    std::str::from_utf8(name).ok()
}

#[cfg(test)]
mod tests;
