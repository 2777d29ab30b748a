//! Points in time for people.

/// Seconds since 1970 as `2026-11-22 17:00:00`, UTC, with `between` date and time (the calendar of
/// Gregory, leap seconds passed over, as POSIX counts).
pub fn text(seconds: u64, between: char) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    // By hand: lists have many, and each of these numbers takes format! longer than all of this.
    let mut text = String::with_capacity("2026-11-22T17:00:00.123Z".len());
    put(&mut text, year, 1000);
    let numbers = [month, day, rest / 3600, rest / 60 % 60, rest % 60];
    for (before, number) in ['-', '-', between, ':', ':'].into_iter().zip(numbers) {
        text.push(before);
        put(&mut text, number, 10);
    }
    text
}

/// Puts down a number, with zeros before it up to the digit that counts `first`.
fn put(text: &mut String, number: u64, mut first: u64) {
    while number / first >= 10 {
        first *= 10;
    }
    while first > 0 {
        text.push(char::from(b'0' + (number / first % 10) as u8));
        first /= 10;
    }
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
