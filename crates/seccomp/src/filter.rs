//! What the compiler makes: classic BPF as seccomp(2) takes it.

use serde::{Deserialize, Serialize};

use crate::rules::Action;

/// The longest filter the kernel takes (`BPF_MAXINSNS`, linux/bpf_common.h).
pub const MAX_INSTRUCTIONS: usize = 4096;

/// One instruction, laid out as `struct sock_filter` (linux/filter.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct SockFilter {
    /// Operation.
    pub code: u16,
    /// Instructions to skip if a comparison holds.
    pub jt: u8,
    /// Instructions to skip if it does not.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// A compiled filter and how to load it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The instructions, at most [`MAX_INSTRUCTIONS`].
    #[serde(with = "packed")]
    pub filter: Vec<SockFilter>,
    /// `SECCOMP_FILTER_FLAG_*` bits the profile asks for (seccomp(2)); never NEW_LISTENER.
    pub flags: u32,
    /// Whether the filter can return SECCOMP_RET_USER_NOTIF, so that it must be loaded with
    /// `SECCOMP_FILTER_FLAG_NEW_LISTENER` (without a listener such calls fail with ENOSYS).
    pub needs_listener: bool,
    /// Names in the profile that no table knows, in its order: typing errors, or calls newer than
    /// our tables. Not part of what is loaded, so not serialized.
    #[serde(skip)]
    pub skipped: Vec<String>,
}

/// Instructions as bytes, eight each: a start writes and reads hundreds of them, twice.
mod packed {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    use super::SockFilter;

    pub(super) fn serialize<S: Serializer>(
        filter: &[SockFilter],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(filter.len() * 8);
        for SockFilter { code, jt, jf, k } in filter {
            let [low, high] = code.to_le_bytes();
            let [a, b, c, d] = k.to_le_bytes();
            bytes.extend_from_slice(&[low, high, *jt, *jf, a, b, c, d]);
        }
        serializer.serialize_bytes(&bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<SockFilter>, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<SockFilter>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("instructions of eight bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
            let (instructions, []) = bytes.as_chunks::<8>() else {
                return Err(E::invalid_length(bytes.len(), &self));
            };
            let one = |&[low, high, jt, jf, a, b, c, d]: &[u8; 8]| SockFilter {
                code: u16::from_le_bytes([low, high]),
                jt,
                jf,
                k: u32::from_le_bytes([a, b, c, d]),
            };
            Ok(instructions.iter().map(one).collect())
        }
    }
}

// Operations of classic BPF, linux/bpf_common.h.
pub(crate) const LD_ABS: u16 = 0x20;
pub(crate) const AND: u16 = 0x54;
pub(crate) const JA: u16 = 0x05;
pub(crate) const JEQ: u16 = 0x15;
pub(crate) const JGT: u16 = 0x25;
pub(crate) const JGE: u16 = 0x35;
pub(crate) const RET: u16 = 0x06;

// Offsets in struct seccomp_data, linux/seccomp.h.
pub(crate) const NR: u32 = 0;
pub(crate) const ARCH: u32 = 4;

/// Offset of the low half of argument `index`; the high half follows (little-endian machines only).
pub(crate) const fn argument(index: u32) -> u32 {
    16 + 8 * index
}

/// `SECCOMP_RET_ERRNO`, linux/seccomp.h; the errno is in the low 16 bits.
pub(crate) const RET_ERRNO: u32 = 0x0005_0000;
/// `SECCOMP_RET_KILL_THREAD`.
pub(crate) const RET_KILL_THREAD: u32 = 0;
/// `SECCOMP_RET_USER_NOTIF`.
pub(crate) const RET_NOTIFY: u32 = 0x7fc0_0000;
/// `SECCOMP_RET_TRACE`; data for the tracer is in the low 16 bits.
pub(crate) const RET_TRACE: u32 = 0x7ff0_0000;

/// What a filter returns for an action (seccomp(2)); `data` counts for errno and trace only.
pub(crate) const fn outcome(action: Action, data: u16) -> u32 {
    match action {
        Action::KillProcess => 0x8000_0000,
        Action::Kill | Action::KillThread => RET_KILL_THREAD,
        Action::Trap => 0x0003_0000,
        Action::Errno => RET_ERRNO | data as u32,
        Action::Notify => RET_NOTIFY,
        Action::Trace => RET_TRACE | data as u32,
        Action::Log => 0x7ffc_0000,
        Action::Allow => 0x7fff_0000,
    }
}
