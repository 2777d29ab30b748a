//! Lines of a class's `schemata` file: `L3:0=7f0;1=1f`.

/// Whether the file's text has all shares of these lines. It writes them with spaces before, and
/// with zeros that nobody needs to write.
pub(super) fn has(text: &str, lines: &str) -> bool {
    lines.lines().filter(|line| !line.trim().is_empty()).all(|line| {
        let Some((name, shares)) = split(line) else { return false };
        let Some(present) = text.lines().filter_map(split).find(|(other, _)| *other == name) else {
            return false;
        };
        shares.split(';').all(|share| present.1.split(';').any(|other| same(share, other)))
    })
}

fn split(line: &str) -> Option<(&str, &str)> {
    let (name, shares) = line.split_once(':')?;
    Some((name.trim(), shares))
}

/// `0=7f0` and `0=07F0`.
fn same(one: &str, other: &str) -> bool {
    match (one.split_once('='), other.split_once('=')) {
        (Some((domain, value)), Some((other, present))) => {
            plain(domain) == plain(other) && plain(value).eq_ignore_ascii_case(plain(present))
        }
        _ => false,
    }
}

fn plain(number: &str) -> &str {
    let number = number.trim();
    match number.trim_start_matches('0') {
        "" if !number.is_empty() => "0",
        rest => rest,
    }
}
