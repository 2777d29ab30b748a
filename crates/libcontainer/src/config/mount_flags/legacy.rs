//! Mount options as mount(2) took them: a word of `MS_*` bits, and data with commas.

use super::table::{Action, MS_REC, TABLE};

/// The upper half that very old callers put there, and that mount(2) ignores.
const MAGIC: u64 = 0xC0ED_0000;

/// The names for a word of `MS_*` bits of mount(2), as [`super::parse`] reads them: 15 is `ro`,
/// `nosuid`, `nodev`, `noexec`. MS_REC is part of `rbind` or of the propagation it stands with.
///
/// # Errors
/// The bits that mount(2) has no option for.
pub fn names_of_ms_flags(flags: u64) -> Result<Vec<String>, u64> {
    let mut rest = if flags & 0xFFFF_0000 == MAGIC { flags & 0xFFFF } else { flags };
    let recursive = rest & MS_REC;
    rest &= !MS_REC;
    let mut names = Vec::new();
    for known in TABLE.iter().filter(|known| known.ms != 0) {
        let bits = known.ms & !MS_REC;
        if rest & bits != 0 && known.ms & MS_REC & !recursive == 0 {
            names.push(known.name.to_owned());
            rest &= !bits;
        }
    }
    if rest == 0 { Ok(names) } else { Err(rest) }
}

/// The word that [`names_of_ms_flags`] turns into just these names, if there is one.
pub(in crate::config) fn ms_flags_of(names: &[String]) -> Option<u64> {
    let mut flags = 0;
    for name in names {
        flags |= TABLE.iter().find(|known| known.name == name).filter(|known| known.ms != 0)?.ms;
    }
    (names_of_ms_flags(flags).as_deref() == Ok(names)).then_some(flags)
}

/// The options of a data string. A comma within quotes or after a backslash belongs to a value
/// (SELinux labels, overlay directories), and so does one before a digit (`mpol=bind:0,2`).
pub(in crate::config) fn split_data(data: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let text = rest?;
        let (option, after) = match end_of_option(text) {
            Some(end) => (&text[..end], Some(&text[end + 1..])),
            None => (text, None),
        };
        rest = after;
        Some(option)
    })
    .filter(|option| !option.is_empty())
}

fn end_of_option(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut quoted, mut escaped) = (false, false);
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' if !escaped => quoted = !quoted,
            b',' if !quoted
                && !escaped
                && !bytes.get(index + 1).is_some_and(u8::is_ascii_digit) =>
            {
                return Some(index);
            }
            _ => {}
        }
        escaped = *byte == b'\\' && !escaped;
    }
    None
}

/// One data string for these options, if they are all the file system's own and [`split_data`]
/// gives them back.
pub(in crate::config) fn join_data(options: &[String]) -> Option<String> {
    if options.iter().any(|option| TABLE.iter().any(|known| known.name == option)) {
        return None;
    }
    let data = options.join(",");
    split_data(&data).eq(options.iter().map(String::as_str)).then_some(data)
}

/// The word for one change of propagation.
pub(in crate::config) fn propagation_flag_of(name: &str) -> Option<u64> {
    let known = TABLE.iter().find(|known| known.name == name)?;
    matches!(known.action, Action::Propagation { .. }).then_some(known.ms)
}
