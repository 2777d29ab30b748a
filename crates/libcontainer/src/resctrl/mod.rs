//! The container's class of service and monitoring group in resctrl (the kernel's
//! Documentation/filesystems/resctrl.rst; config-linux.md, "IntelRdt").
//!
//! Everything works on a [`Place`], which knows where resctrl is mounted.

mod figures;
mod schemata;

use std::fs;
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sys::Context;

use crate::config::IntelRdt;
use crate::{Error, Result, Step};

pub use figures::{BandwidthInfo, CacheInfo, Occupancy, RdtStats, Traffic};

/// What a container has there; kept in its record, since [`Place::remove`] takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Where resctrl is mounted.
    pub root: PathBuf,
    /// The class's directory below that; empty is the default class.
    pub class: PathBuf,
    /// The class is the container's own, and goes with it.
    pub own: bool,
    /// Lines of its `schemata` that an existing class must have.
    pub checked: Vec<String>,
    /// Lines that are written, in order.
    pub schemata: Vec<String>,
    /// The name of the container's monitoring group.
    pub monitoring: Option<String>,
}

/// Where resctrl is mounted, by the text of /proc/self/mountinfo: the first that shows all of it.
pub fn find(mountinfo: &[u8]) -> Option<PathBuf> {
    mountinfo.split(|byte| *byte == b'\n').find_map(|line| {
        let separator = line.windows(3).position(|three| three == b" - ")?;
        let fstype = line[separator + 3..].split(|byte| *byte == b' ').next()?;
        let mut words = line[..separator].split(|byte| *byte == b' ').skip(3);
        let (root, mountpoint) = (words.next()?, words.next()?);
        (fstype == b"resctrl" && root == b"/").then(|| sys::mountinfo::unescape(mountpoint))
    })
}

/// Plans what the container `id` has in the resctrl that is mounted at `root`.
///
/// # Errors
/// [`crate::ErrorKind::InvalidConfig`]: there is none, or the id cannot be a class's name.
pub fn plan(rdt: &IntelRdt, id: &str, root: Option<PathBuf>) -> Result<Place> {
    let Some(root) = root else {
        let error = Error::invalid("intel_rdt", "no resctrl is mounted");
        return Err(error.with_hint("mount -t resctrl resctrl /sys/fs/resctrl"));
    };
    let class = match rdt.clos_id.as_deref() {
        Some("/") => PathBuf::new(),
        Some(class) => class.into(),
        None if ["info", "mon_data", "mon_groups"].contains(&id) => {
            let what = format!("a class cannot be called {id:?}, as the container is");
            return Err(Error::invalid("intel_rdt", what));
        }
        None => id.into(),
    };
    let checked: Vec<String> =
        rdt.l3_cache_schema.iter().chain(&rdt.mem_bw_schema).cloned().collect();
    let schemata = checked.iter().chain(&rdt.schemata).cloned().collect();
    let own = rdt.clos_id.is_none();
    let monitoring = rdt.enable_monitoring.then(|| id.to_owned());
    Ok(Place { root, class, own, checked, schemata, monitoring })
}

impl Place {
    fn directory(&self) -> PathBuf {
        match self.class.as_os_str().is_empty() {
            true => self.root.clone(),
            false => self.root.join(&self.class),
        }
    }

    fn monitoring(&self) -> Option<PathBuf> {
        Some(self.directory().join("mon_groups").join(self.monitoring.as_ref()?))
    }

    /// Looks whether the container can have what it asks for; nothing is changed.
    ///
    /// # Errors
    /// A class of the container's own, or a monitoring group, that is there already; a class that
    /// must be there and is not, or has another share than the one asked for.
    pub fn check(&self) -> Result<()> {
        let directory = self.directory();
        let there = exists(&directory)?;
        let refused = |what: String| Err(Error::invalid("intel_rdt", what));
        let shown = directory.display();
        match (self.own, there) {
            (true, true) => return refused(format!("{shown} is there already")),
            (false, false) if self.schemata.is_empty() => {
                return refused(format!("there is no {shown}, and no schemata to make it with"));
            }
            (false, true) if !self.checked.is_empty() => {
                let path = directory.join("schemata");
                let has = fs::read_to_string(&path).sys("read", || shown_of(&path))?;
                if let Some(line) = self.checked.iter().find(|line| !schemata::has(&has, line)) {
                    let has = has.split_whitespace().collect::<Vec<_>>().join(" ");
                    return refused(format!("{shown} is there with {has}, which is not {line}"));
                }
            }
            _ => {}
        }
        match self.monitoring() {
            Some(group) if exists(&group)? => {
                refused(format!("{} is there already", group.display()))
            }
            _ => Ok(()),
        }
    }

    /// Makes the class and the monitoring group.
    ///
    /// # Errors
    /// EEXIST where somebody else has made one that is to be the container's own.
    pub fn make(&self) -> Result<()> {
        let directory = self.directory();
        match fs::create_dir(&directory) {
            Err(error) if error.kind() == Io::AlreadyExists && !self.own => {}
            made => made.sys("mkdir", || shown_of(&directory)).hint(|| self.last_words())?,
        }
        if !self.schemata.is_empty() {
            self.write(&directory.join("schemata"), &(self.schemata.join("\n") + "\n"))?;
        }
        if let Some(group) = self.monitoring() {
            fs::create_dir(&group).sys("mkdir", || shown_of(&group)).hint(|| self.last_words())?;
        }
        Ok(())
    }

    /// Puts the process `pid`, and all that it will start, there.
    pub fn assign(&self, pid: i32) -> Result<()> {
        let groups = [Some(self.directory()), self.monitoring()];
        for group in groups.iter().flatten() {
            self.write(&group.join("tasks"), &pid.to_string())?;
        }
        Ok(())
    }

    /// Gives the class another share: lines of its `schemata`.
    pub fn set(&self, lines: &[&str]) -> Result<()> {
        self.write(&self.directory().join("schemata"), &(lines.join("\n") + "\n"))
    }

    /// Removes what was made for the container alone. It may be repeated.
    pub fn remove(&self) -> Result<()> {
        let own = self.own.then(|| self.directory());
        for group in [self.monitoring(), own].iter().flatten() {
            match fs::remove_dir(group) {
                Err(error) if error.kind() == Io::NotFound => {}
                removed => removed.sys("rmdir", || shown_of(group))?,
            }
        }
        Ok(())
    }

    fn write(&self, path: &Path, text: &str) -> Result<()> {
        let written = fs::write(path, text);
        written
            .sys("write", || format!("{:?} to {}", text.trim_end(), path.display()))
            .hint(|| self.last_words())
    }

    /// What the kernel says of the last change (info/last_cmd_status).
    fn last_words(&self) -> String {
        let words = fs::read_to_string(self.root.join("info/last_cmd_status"));
        let words = words.unwrap_or_default();
        match words.trim() {
            "" => "see /sys/fs/resctrl/info".to_owned(),
            words => format!("the kernel says: {words}"),
        }
    }
}

fn exists(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == Io::NotFound => Ok(false),
        failed => failed.map(|_| true).sys("lstat", || shown_of(path)).map_err(Error::from),
    }
}

fn shown_of(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;
