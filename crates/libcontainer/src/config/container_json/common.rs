//! What all forms of container.json share: who the processes are and what they may.

use std::path::PathBuf;

use crate::{Error, Result};

use super::super::node::Node;
use super::super::{Capabilities, Config, Id, Route, User, capability, signal, template, value};

/// Reads the fields that mean the same in each form.
pub(super) fn read(root: &Node<'_>, config: &mut Config) -> Result<()> {
    if root.written("hostname")?.is_some() {
        config.hostname = root.text_of("hostname")?;
    }
    config.no_pivot_root = root.boolean_of("no_pivot_root")?.unwrap_or(false);
    config.routes = root.each("routes", route)?;
    process(root, config)
}

fn process(root: &Node<'_>, config: &mut Config) -> Result<()> {
    let process = &mut config.process;
    process.user =
        root.get("user")?.filter(|node| !node.is_empty()).map(|node| user(&node)).transpose()?;
    if let Some(node) = root.get("working_dir")?.filter(|node| !node.is_empty()) {
        process.cwd = Some(value::absolute(&node)?);
    }
    if let Some(node) = root.written("environment")? {
        process.env = if node.is_null() { None } else { Some(root.texts_of("environment")?) };
    }
    process.terminal = root.boolean_of("tty")?.unwrap_or(false);
    if let Some(node) = root.written("capabilities")? {
        process.capabilities = match node.is_null() {
            true => None,
            false => {
                Some(Capabilities::of(capability::list(&node, &mut capability::Unknown::Refused)?))
            }
        };
    }
    if root.get("additional_groups")?.is_some() {
        process.additional_groups = Some(root.each("additional_groups", id)?);
    }
    if let Some(list) = root.get("rlimits")? {
        process.rlimits = Some(value::rlimits(&list, rlimit)?);
    }
    if let Some(node) = root.written("parent_death_signal")? {
        process.parent_death_signal =
            if node.is_null() { None } else { Some(signal::read(&node)?) };
    }
    process.apparmor_profile = root.text_of("apparmor_profile")?;
    process.selinux_label = root.text_of("process_label")?;
    config.mount_label = root.text_of("mount_label")?;
    Ok(())
}

fn user(node: &Node<'_>) -> Result<User> {
    if node.is_text() {
        return node.at(node.text()?.parse());
    }
    Ok(User { user: Id::Number(value::id(node)?), group: None })
}

fn id(node: &Node<'_>) -> Result<Id> {
    if node.is_text() { node.at(node.text()?.parse()) } else { Ok(Id::Number(value::id(node)?)) }
}

/// The kernel's number of a resource, or its name.
fn rlimit(node: &Node<'_>) -> Result<u32> {
    if node.is_text() {
        return value::rlimit_named(node);
    }
    let number: u32 = node.number()?;
    match usize::try_from(number).is_ok_and(|index| index < value::RLIMITS.len()) {
        true => Ok(number),
        false => Err(node.error(format!("unknown resource limit {number}"))),
    }
}

fn route(node: &Node<'_>) -> Result<Route> {
    let filled = |key| Ok::<_, Error>(node.get(key)?.filter(|field| !field.is_empty()));
    let destination = match node.get("destination")?.filter(|field| !field.is_empty()) {
        Some(field) if field.text()? == "default" => None,
        Some(field) => Some(value::destination(&field)?),
        None => None,
    };
    let address = |key| match node.get(key)?.filter(|field| !field.is_empty()) {
        Some(field) => value::address(&field).map(Some),
        None => Ok(None),
    };
    Ok(Route {
        destination,
        source: address("source")?,
        gateway: address("gateway")?,
        interface: match filled("interface_name")? {
            Some(field) => value::interface(&field)?,
            None => String::new(),
        },
    })
}

/// The list of absolute paths under `key`.
pub(super) fn paths(root: &Node<'_>, key: &str) -> Result<Vec<PathBuf>> {
    root.each(key, value::absolute)
}

/// The filters: those of the file, else the template's for the capabilities that were kept.
pub(super) fn seccomp(root: &Node<'_>, config: &mut Config) -> Result<()> {
    if root.written("seccomp_profiles")?.is_some() {
        config.seccomp = root.each("seccomp_profiles", super::super::oci::seccomp)?;
    } else if let Some(node) = root.written("seccomp")? {
        config.seccomp = vec![seccomp::tiocsti_filter()];
        if node.get("syscalls")?.is_some_and(|calls| !calls.is_empty()) {
            config.seccomp.insert(0, numbered(&node)?);
        }
    } else {
        config.seccomp = template::default_seccomp(&config.process);
    }
    Ok(())
}

/// The profile of 2015: calls by number.
fn numbered(node: &Node<'_>) -> Result<seccomp::Profile> {
    let argument = |node: &Node<'_>| {
        Ok(seccomp::LegacyArg {
            index: node.need("index")?.number()?,
            value: node.need("value")?.number()?,
            op: node.need("op")?.number()?,
        })
    };
    let rule = |node: &Node<'_>| {
        Ok(seccomp::LegacyRule {
            value: node.need("value")?.number()?,
            action: node.need("action")?.number()?,
            args: Some(node.each("args", argument)?),
        })
    };
    let profile = seccomp::LegacyProfile { syscalls: Some(node.each("syscalls", rule)?) };
    seccomp::Profile::try_from(&profile).map_err(|error| {
        // The crate's errors begin with the place inside the profile.
        let text = error.to_string();
        match text.split_once(": ") {
            Some((place, message)) => Error::invalid(format!("{}.{place}", node.path()), message),
            None => node.error(text),
        }
    })
}
