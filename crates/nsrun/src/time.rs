//! Points in time, as RFC 3339 writes them, and lengths, as Go programs read them.

use std::time::Duration;

/// The units of a length of time, the longer names first where one begins another.
const UNITS: [(&str, f64); 7] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("\u{b5}s", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// A length of time: numbers with units, `500ms`, `1m30s`, `1.5h`.
pub fn duration(text: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let (unit, factor) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        seconds += number * factor;
        rest = &rest[unit.len()..];
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// Seconds since 1970 as `2026-11-22T17:00:00Z`.
pub fn rfc3339(seconds: u64) -> String {
    format!("{}Z", cli::time::text(seconds, 'T'))
}

/// Milliseconds since 1970, with as many decimals as there are: `2026-11-22T17:00:00.25Z`.
pub fn rfc3339_milliseconds(milliseconds: u64) -> String {
    let mut text = cli::time::text(milliseconds / 1000, 'T');
    if let rest @ 1.. = milliseconds % 1000 {
        text.push_str(format!(".{rest:03}").trim_end_matches('0'));
    }
    text.push('Z');
    text
}

#[cfg(test)]
mod tests;
