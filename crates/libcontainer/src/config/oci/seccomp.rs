//! `linux.seccomp`: the same model as [`seccomp::Profile`], read so that errors name the field.

use std::borrow::Cow;

use seccomp::{Arg, Profile, Rule};

use crate::Result;

use super::super::node::Node;

/// Reads a profile.
pub(in crate::config) fn profile(node: &Node<'_>) -> Result<Profile> {
    let profile = Profile {
        default_action: node.need("defaultAction")?.named()?,
        default_errno_ret: node.number_of("defaultErrnoRet")?,
        architectures: node.each("architectures", |item| item.named())?,
        flags: node.each("flags", |item| item.named())?,
        listener_path: node.text_of("listenerPath")?.unwrap_or_default(),
        listener_metadata: node.text_of("listenerMetadata")?.unwrap_or_default(),
        syscalls: node.each("syscalls", rule)?,
    };
    if profile.listener_path.is_empty() && !profile.listener_metadata.is_empty() {
        return Err(node.need("listenerMetadata")?.error("needs a listenerPath"));
    }
    Ok(profile)
}

fn rule(node: &Node<'_>) -> Result<Rule> {
    Ok(Rule {
        names: node.each("names", |name| Ok(Cow::Owned(name.text()?.to_owned())))?,
        numbers: node.each("numbers", |item| item.number())?,
        action: node.need("action")?.named()?,
        errno_ret: node.number_of("errnoRet")?,
        args: node.each("args", argument)?,
    })
}

fn argument(node: &Node<'_>) -> Result<Arg> {
    Ok(Arg {
        index: node.need("index")?.number()?,
        value: node.need("value")?.number()?,
        value_two: node.number_of("valueTwo")?.unwrap_or(0),
        op: node.need("op")?.named()?,
    })
}
