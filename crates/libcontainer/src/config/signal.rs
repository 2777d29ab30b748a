//! Signals by name or number (signal(7)).

use crate::Result;

use super::node::Node;

/// The standard signals, without `SIG`; the index is one less than the number, as on x86 and ARM.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// The first and last real-time signals as C libraries count them.
const RTMIN: i32 = 34;
const RTMAX: i32 = 64;

/// The number of a signal given as a number (1 to 64) or as a name, with or without `SIG`, in
/// either case: `9`, `KILL`, `SIGRTMIN+3`.
pub fn number(text: &str) -> Option<i32> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().filter(|number| (1..=RTMAX).contains(number));
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let offset = |text: &str| match text {
        "" => Some(0),
        text if text.bytes().skip(1).all(|b| b.is_ascii_digit()) => text.parse::<i32>().ok(),
        _ => None,
    };
    let real_time = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(rest), _) => offset(rest).filter(|offset| *offset >= 0).map(|offset| RTMIN + offset),
        (_, Some(rest)) => offset(rest).filter(|offset| *offset <= 0).map(|offset| RTMAX + offset),
        (None, None) => None,
    };
    if let Some(number) = real_time {
        return Some(number).filter(|number| (RTMIN..=RTMAX).contains(number));
    }
    let name = match name {
        "IOT" => "ABRT",
        "CLD" => "CHLD",
        "POLL" => "IO",
        name => name,
    };
    let index = NAMES.iter().position(|known| *known == name)?;
    i32::try_from(index + 1).ok()
}

/// A signal in a file; 0 is none.
pub(super) fn read(node: &Node<'_>) -> Result<i32> {
    if node.is_text() {
        let text = node.text()?;
        return number(text).ok_or_else(|| node.error(format!("unknown signal {text:?}")));
    }
    let number = node.number()?;
    if (0..=RTMAX).contains(&number) {
        Ok(number)
    } else {
        Err(node.error(format!("unknown signal {number}")))
    }
}

#[cfg(test)]
mod tests;
