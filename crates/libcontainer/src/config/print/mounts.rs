//! Mounts in the fields of 2015.

use std::path::Path;

use serde::Serialize;

use super::super::mount_flags::{join_data, ms_flags_of, propagation_flag_of};
use super::super::{IdMap, Relabel};

/// {source, destination, device, flags, propagation_flags, data}, and `options` for the rest.
#[derive(Serialize)]
pub(super) struct Mount<'a> {
    #[serde(serialize_with = "super::path_or_empty")]
    source: Option<&'a Path>,
    destination: &'a Path,
    device: &'a str,
    flags: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    propagation_flags: Vec<u64>,
    data: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    options: &'a [String],
    #[serde(skip_serializing_if = "<[IdMap]>::is_empty")]
    uid_mappings: &'a [IdMap],
    #[serde(skip_serializing_if = "<[IdMap]>::is_empty")]
    gid_mappings: &'a [IdMap],
    #[serde(skip_serializing_if = "Option::is_none")]
    relabel: Option<&'static str>,
}

impl<'a> Mount<'a> {
    /// The reader puts flags, propagation, data and options one after the other, so each of them
    /// takes as much of what is left as it can say.
    pub(super) fn of(mount: &'a super::super::Mount) -> Self {
        let super::super::Mount {
            destination,
            fstype,
            source,
            options,
            uid_mappings,
            gid_mappings,
            relabel,
        } = mount;
        let (flags, mut rest) = longest(options);
        let mut propagation_flags = Vec::new();
        while let Some((first, others)) = rest.split_first()
            && let Some(flags) = propagation_flag_of(first)
        {
            propagation_flags.push(flags);
            rest = others;
        }
        let (data, options) = match join_data(rest) {
            Some(data) => (data, &[][..]),
            None => (String::new(), rest),
        };
        Self {
            source: source.as_deref(),
            destination,
            device: fstype,
            flags,
            propagation_flags,
            data,
            options,
            uid_mappings,
            gid_mappings,
            relabel: relabel.map(|relabel| match relabel {
                Relabel::Shared => "z",
                Relabel::Private => "Z",
            }),
        }
    }
}

/// The longest beginning of the options that is one word of flags, and what follows it.
fn longest(options: &[String]) -> (u64, &[String]) {
    let fits = |end: usize| Some((ms_flags_of(&options[..end])?, &options[end..]));
    (0..=options.len()).rev().find_map(fits).unwrap_or((0, options))
}
