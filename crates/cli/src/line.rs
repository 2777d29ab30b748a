//! Messages as one line each.

use libcontainer::{Error, ErrorKind};

/// A message as one line that can be read, whatever names a container gave to things; of more
/// than `longest` characters the middle is cut out.
pub fn presentable(text: &str, longest: usize) -> String {
    let mut line: Vec<char> =
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if line.len() > longest {
        line.splice(longest * 3 / 4..line.len() - longest / 4, " [...] ".chars());
    }
    line.into_iter().collect()
}

/// The paragraphs of a clap::Error as one line: what is wrong, and its tips as a hint.
pub fn mistake(error: &clap::Error) -> Error {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let lines = |part: &str| part.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let message = lines(text.split("\n\n").next().unwrap_or(text));
    let tips = text.lines().filter_map(|line| line.trim().strip_prefix("tip: "));
    let tips: Vec<&str> = tips.chain(["see --help"]).collect();
    Error::new(ErrorKind::System, message).with_hint(tips.join("; "))
}

#[cfg(test)]
mod tests;
