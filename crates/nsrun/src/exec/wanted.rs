//! What `exec` is asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cli::verb::Given;
use libcontainer::config::{Capabilities, Id, User, parse_process};
use libcontainer::{Error, ErrorKind, ProcessSpec, Result, Step};
use sys::Context;

use crate::arguments::{path_of, text};
use crate::settings::Settings;

/// A process, and the container for it.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The container's id.
    pub id: &'a str,
    args: Vec<String>,
    given: &'a Given,
}

impl<'a> Wanted<'a> {
    /// From the flags of `exec`.
    ///
    /// # Errors
    /// There is no command, nor a file that has one, or there are both.
    pub fn of(given: &'a Given) -> Result<Self> {
        let mut words = given.texts("words");
        let id = words.next().unwrap_or_default();
        // As a shell's own tools take it.
        let args: Vec<String> = words
            .enumerate()
            .filter(|word| *word != (0, "--"))
            .map(|(_, w)| w.to_owned())
            .collect();
        let file = path_of(given, "process");
        let wrong = |text: &str| Err(Error::new(ErrorKind::System, text));
        match (args.is_empty(), &file) {
            (true, None) => wrong("process args cannot be empty: a command or --process is needed"),
            (false, Some(_)) => wrong("a command and --process exclude each other"),
            _ => Ok(Self { id, args, given }),
        }
    }

    /// The process, on top of the container's own.
    pub fn process(&self, settings: &Settings, own: &ProcessSpec) -> Result<ProcessSpec> {
        let mut spec = match path_of(self.given, "process") {
            Some(file) => read(settings, &file)?,
            None => ProcessSpec { args: self.args.clone(), ..ProcessSpec::default() },
        };
        spec.terminal |= self.given.is_on("tty");
        self.identity(own, &mut spec)?;
        let mut env = self.given.texts("env").map(str::to_owned).peekable();
        if env.peek().is_some() {
            let before = spec.env.take().or_else(|| own.env.clone()).unwrap_or_default();
            // A later one takes the place of an earlier one of its name.
            spec.env = Some(before.into_iter().chain(env).collect());
        }
        if let Some(cwd) = text(self.given, "cwd") {
            spec.cwd = Some(PathBuf::from(cwd));
        }
        spec.no_new_privileges = self.given.switch("no-new-privs").or(spec.no_new_privileges);
        let label = |name| text(self.given, name).map(str::to_owned);
        spec.apparmor_profile = label("apparmor").or(spec.apparmor_profile);
        spec.selinux_label = label("process-label").or(spec.selinux_label);
        let mut more = self.given.texts("cap").peekable();
        if more.peek().is_some() {
            let before = spec.capabilities.take().or_else(|| own.capabilities.clone());
            spec.capabilities = Some(with(before.unwrap_or_default(), more));
        }
        Ok(spec)
    }

    /// Who it runs as.
    fn identity(&self, own: &ProcessSpec, spec: &mut ProcessSpec) -> Result<()> {
        if let Some(user) = text(self.given, "user") {
            let mut user: User = user.parse().map_err(|error: Error| error.within("--user"))?;
            if let (Id::Number(_), None) = (&user.user, &user.group) {
                // A number alone changes the user alone.
                let before = spec.user.take().or_else(|| own.user.clone());
                user.group = Some(before.and_then(|user| user.group).unwrap_or(Id::Number(0)));
            }
            spec.user = Some(user);
        }
        let mut more = self.given.numbers("additional-gids").map(Id::Number).peekable();
        if more.peek().is_some() {
            let before = spec.additional_groups.take().or_else(|| own.additional_groups.clone());
            spec.additional_groups = Some(before.into_iter().flatten().chain(more).collect());
        }
        Ok(())
    }

    /// The groups below the container's that it joins, by controller: `[CTRL[,CTRL]:]PATH`.
    pub fn cgroups(&self) -> Result<BTreeMap<String, PathBuf>> {
        let mut groups = BTreeMap::new();
        for given in self.given.texts("cgroup") {
            let (controllers, path) = given.split_once(':').unwrap_or(("", given));
            for controller in controllers.split(',') {
                if groups.insert(controller.to_owned(), PathBuf::from(path)).is_some() {
                    let message = format!("--cgroup {given}: names one group more than once");
                    return Err(Error::new(ErrorKind::System, message));
                }
            }
        }
        Ok(groups)
    }
}

fn read(settings: &Settings, file: &std::path::Path) -> Result<ProcessSpec> {
    let name = || file.display().to_string();
    let bytes = std::fs::read(file).sys("open", name).step(|| "--process")?;
    let (process, warnings) = parse_process(&bytes, file)?;
    warnings.iter().for_each(|warning| settings.log.warning(warning));
    Ok(process)
}

/// The sets with some more. What is ambient must be inheritable, too, and that is not given.
fn with<'a>(mut sets: Capabilities, more: impl Iterator<Item = &'a str>) -> Capabilities {
    for name in more {
        let inheritable = sets.inheritable.iter().any(|one| same(one, name));
        let all = [&mut sets.bounding, &mut sets.effective, &mut sets.permitted];
        for set in all.into_iter().chain(inheritable.then_some(&mut sets.ambient)) {
            if !set.iter().any(|one| same(one, name)) {
                set.push(name.to_owned());
            }
        }
    }
    sets
}

/// Whether two names mean one capability.
fn same(one: &str, other: &str) -> bool {
    let plain = |name: &str| {
        let upper = name.to_ascii_uppercase();
        upper.strip_prefix("CAP_").map(str::to_owned).unwrap_or(upper)
    };
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests;
