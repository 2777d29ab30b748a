//! Hooks checked, and what they are told of their container.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Config, Hook};
use crate::{Error, Result};

/// A program that runs at a point of a container's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookPlan {
    /// The program, an absolute path.
    pub path: CString,
    /// Its arguments, never empty.
    pub args: Vec<CString>,
    /// Its whole environment.
    pub env: Vec<CString>,
    /// When it is killed.
    pub timeout: Option<Duration>,
}

/// What all hooks of a container are told of it; its pid and status are yet to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The container's id.
    pub id: String,
    /// The directory of its configuration and root file system.
    pub bundle: PathBuf,
    /// Notes of the configuration's author.
    pub annotations: Vec<(String, String)>,
}

/// The hooks that run while a container is made, or that its init runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitHooks {
    /// The creator has some to run before the root file system is entered.
    pub creators: bool,
    /// Run by the init before that, after the creator's.
    pub create_container: Vec<HookPlan>,
    /// Run by the init before its program.
    pub start_container: Vec<HookPlan>,
    /// For both.
    pub subject: Subject,
}

/// Checks all hooks; `None` where the init neither runs nor waits for any.
///
/// # Errors
/// [`InvalidConfig`](crate::ErrorKind::InvalidConfig) with the field's path.
pub fn plan(config: &Config, id: &str) -> Result<Option<Box<InitHooks>>> {
    let hooks = &config.hooks;
    if hooks.is_empty() {
        return Ok(None);
    }
    let subject = subject(config, id)?;
    for (list, field) in [
        (&hooks.prestart, "prestart"),
        (&hooks.create_runtime, "createRuntime"),
        (&hooks.poststart, "poststart"),
        (&hooks.poststop, "poststop"),
    ] {
        each(list, field)?;
    }
    let planned = InitHooks {
        creators: !(hooks.prestart.is_empty() && hooks.create_runtime.is_empty()),
        create_container: each(&hooks.create_container, "createContainer")?,
        start_container: each(&hooks.start_container, "startContainer")?,
        subject,
    };
    let InitHooks { creators, create_container, start_container, .. } = &planned;
    let any = *creators || !create_container.is_empty() || !start_container.is_empty();
    Ok(any.then(|| Box::new(planned)))
}

/// What hooks are told.
pub fn subject(config: &Config, id: &str) -> Result<Subject> {
    let bundle = match &config.bundle {
        Some(bundle) if bundle.is_absolute() => bundle.clone(),
        Some(bundle) => {
            let message = format!("{:?} is not an absolute path", bundle.display().to_string());
            return Err(Error::invalid("bundle", message));
        }
        None => return Err(Error::invalid("bundle", "is needed: hooks are told of it")),
    };
    let annotations = config.annotations.clone().into_iter().collect();
    Ok(Subject { id: id.to_owned(), bundle, annotations })
}

/// The hooks of one kind, whose name is that of its field.
pub fn each(hooks: &[Hook], kind: &str) -> Result<Vec<HookPlan>> {
    let one = |(index, hook): (usize, &Hook)| one(hook, &format!("hooks.{kind}[{index}]"));
    hooks.iter().enumerate().map(one).collect()
}

fn one(hook: &Hook, field: &str) -> Result<HookPlan> {
    let Hook { path, args, env, timeout } = hook;
    if !path.is_absolute() {
        let message = format!("{:?} is not an absolute path", path.display().to_string());
        return Err(Error::invalid(format!("{field}.path"), message));
    }
    if *timeout == Some(0) {
        return Err(Error::invalid(format!("{field}.timeout"), "must be greater than 0"));
    }
    let path = text(path.as_os_str().as_bytes(), || format!("{field}.path"))?;
    let texts = |list: &[String], name: &str| -> Result<Vec<CString>> {
        let each = |(index, entry): (usize, &String)| {
            text(entry.as_bytes(), || format!("{field}.{name}[{index}]"))
        };
        list.iter().enumerate().map(each).collect()
    };
    let mut args = texts(args, "args")?;
    if args.is_empty() {
        args.push(path.clone());
    }
    Ok(HookPlan { path, args, env: texts(env, "env")?, timeout: timeout.map(Duration::from_secs) })
}

fn text(bytes: &[u8], field: impl FnOnce() -> String) -> Result<CString> {
    CString::new(bytes).map_err(|_| Error::invalid(field(), "has a NUL byte"))
}

/// Whether hooks look for the container's root file system where its directory is: those that
/// run between its making and its entering.
pub fn look_at_root(config: &Config) -> bool {
    let hooks = &config.hooks;
    [&hooks.prestart, &hooks.create_runtime, &hooks.create_container]
        .iter()
        .any(|list| !list.is_empty())
}

#[cfg(test)]
mod tests;
