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

/// Seconds since 1970 as `2026-11-22T17:00:00Z` (the calendar of Gregory, leap seconds passed
/// over, as POSIX counts).
pub fn rfc3339(seconds: u64) -> String {
    format!("{}Z", seconds_text(seconds))
}

/// Milliseconds since 1970, with as many decimals as there are: `2026-11-22T17:00:00.25Z`.
pub fn rfc3339_milliseconds(milliseconds: u64) -> String {
    let whole = seconds_text(milliseconds / 1000);
    match milliseconds % 1000 {
        0 => format!("{whole}Z"),
        rest => format!("{whole}.{}Z", format!("{rest:03}").trim_end_matches('0')),
    }
}

fn seconds_text(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// The date so many days after 1970-01-01. Years are counted from March, so that the leap day is
/// their last.
fn date(days: u64) -> (u64, u64, u64) {
    const FROM_MARCH_OF_YEAR_0: u64 = 719_468;
    let days = days + FROM_MARCH_OF_YEAR_0;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests;
