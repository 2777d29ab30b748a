//! Interface names and hardware addresses: checked, parsed, made.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::{Error, Result};

/// The longest interface name in bytes (IFNAMSIZ of netdevice(7), less its NUL).
const MAX_NAME: usize = 15;

/// How many characters of a made host name tell one interface from another: 35 bits.
const UNIQUE: usize = 7;

/// An Ethernet hardware address.
pub type Mac = [u8; 6];

/// Refuses a name that the kernel refuses for an interface (`dev_valid_name`), and `%`, which
/// it would replace by a number.
pub fn check(field: &str, name: &str) -> Result<()> {
    let wrong = if name.is_empty() {
        "is empty"
    } else if name.len() > MAX_NAME {
        "is longer than 15 bytes"
    } else if name == "." || name == ".." {
        "is not a name"
    } else if name.bytes().any(|b| b <= b' ' || b == 0x7f || matches!(b, b'/' | b':' | b'%')) {
        "has a character that interface names cannot have"
    } else {
        return Ok(());
    };
    Err(Error::invalid(field, format!("the interface name {name:?} {wrong}")))
}

/// Refuses a start of a made name that leaves no room for the unique rest.
pub fn check_prefix(field: &str, prefix: &str) -> Result<()> {
    if prefix.len() > MAX_NAME - UNIQUE {
        let most = MAX_NAME - UNIQUE;
        return Err(Error::invalid(field, format!("{prefix:?} is longer than {most} bytes")));
    }
    check(field, prefix)
}

/// The first `ethN` that is not in `taken`.
pub fn first_free(taken: &BTreeSet<String>) -> String {
    let mut number = 0_u32;
    loop {
        let name = format!("eth{number}");
        if !taken.contains(&name) {
            return name;
        }
        number += 1;
    }
}

/// What tells the interfaces of one container from everybody else's.
///
/// It is deterministic, so that the record written before the first side effect names them.
pub struct Unique(u64);

impl Unique {
    /// Of the interface `index` of the container `id`, one of those under `scope`.
    pub fn new(scope: &str, id: &str, index: usize) -> Self {
        // Both ends of what is hashed are in one record, so another hash in a later version of
        // the standard library does no harm.
        let mut hasher = DefaultHasher::new();
        (scope, id, index).hash(&mut hasher);
        Self(hasher.finish())
    }

    /// A host name that starts with `prefix`.
    pub fn name(&self, prefix: &str) -> String {
        const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let rest = (0..UNIQUE).map(|place| {
            let digit = (self.0 >> (5 * place)) & 31;
            char::from(DIGITS[digit as usize])
        });
        prefix.chars().chain(rest).collect()
    }

    /// A hardware address for the host end, by which we know it again.
    ///
    /// It is locally administered, and starts with 0xfe so that a bridge, which takes the lowest
    /// address of its ports, does not change its own when the pair comes and goes.
    pub fn mac(&self) -> Mac {
        let [a, b, c, d, e, ..] = self.0.to_be_bytes();
        [0xfe, a, b, c, d, e]
    }
}

/// Reads `02:42:ac:11:00:02`.
pub fn parse_mac(field: &str, text: &str) -> Result<Mac> {
    let invalid = |why: &str| Error::invalid(field, format!("the hardware address {text:?} {why}"));
    let mut mac = Mac::default();
    let mut parts = text.split(':');
    for byte in &mut mac {
        let part = parts.next().filter(|part| {
            matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_hexdigit())
        });
        *byte = part
            .and_then(|part| u8::from_str_radix(part, 16).ok())
            .ok_or_else(|| invalid("is not six hexadecimal bytes with colons between"))?;
    }
    if parts.next().is_some() {
        return Err(invalid("is not six hexadecimal bytes with colons between"));
    }
    if mac[0] & 1 != 0 {
        return Err(invalid("is a multicast address"));
    }
    if mac == Mac::default() {
        return Err(invalid("is all zero"));
    }
    Ok(mac)
}
