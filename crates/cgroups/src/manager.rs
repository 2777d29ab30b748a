//! The handle of one group in every hierarchy of a host.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode as FileMode, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::file::failed;
use crate::{Error, Host, Result, path, tree, v1, v2, walk};

/// How long [`Manager::destroy`] waits for processes that are ending.
const ENDING: Duration = Duration::from_secs(2);

/// The key of the version 2 tree in [`Manager::paths`], as /proc/self/cgroup has it.
pub(crate) const UNIFIED: &str = "";

/// The handle of one group.
///
/// It holds no descriptors and no state of the group: it may be made again at any time, also from
/// a record ([`Manager::from_paths`]), and used by several threads. On a hybrid host the group
/// lives in the version 2 tree too, for CLONE_INTO_CGROUP, cgroup.kill and pressure figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    paths: BTreeMap<String, PathBuf>,
    /// The different directories of version 1, each with its controllers.
    v1: Vec<(PathBuf, Vec<String>)>,
    /// Which of the usual controllers version 2 may offer.
    usual: Vec<&'static str>,
}

impl Manager {
    /// The handle of the group at `path` below the root of every hierarchy. Makes nothing.
    ///
    /// Errors: [`Error::Invalid`] for an empty path or one with `..`.
    pub fn new(host: &Host, path: &Path) -> Result<Self> {
        let path = path::relative(path)?;
        let mut paths = BTreeMap::new();
        for hierarchy in &host.v1 {
            for controller in &hierarchy.controllers {
                paths.insert(controller.clone(), hierarchy.mountpoint.join(&path));
            }
        }
        let mut usual = Vec::new();
        if let Some(unified) = &host.v2 {
            paths.insert(UNIFIED.to_owned(), unified.mountpoint.join(&path));
            usual.extend(
                v2::controllers::USUAL
                    .into_iter()
                    .filter(|one| unified.controllers.iter().any(|offered| offered == one)),
            );
        }
        Self::build(paths, usual)
    }

    /// The handle of a group whose [`paths`](Manager::paths) were recorded.
    ///
    /// Errors: [`Error::Invalid`] for paths that are not absolute or have `..`, and for none.
    pub fn from_paths(paths: BTreeMap<String, PathBuf>) -> Result<Self> {
        let checked: Result<_> =
            paths.into_iter().map(|(key, dir)| Ok((key, path::recorded(&dir)?))).collect();
        Self::build(checked?, v2::controllers::USUAL.to_vec())
    }

    fn build(paths: BTreeMap<String, PathBuf>, usual: Vec<&'static str>) -> Result<Self> {
        if paths.is_empty() {
            return Err(Error::invalid("cgroup paths", "there are none"));
        }
        let mut v1: Vec<(PathBuf, Vec<String>)> = Vec::new();
        for (controller, dir) in paths.iter().filter(|(key, _)| *key != UNIFIED) {
            match v1.iter_mut().find(|(known, _)| known == dir) {
                Some((_, controllers)) => controllers.push(controller.clone()),
                None => v1.push((dir.clone(), vec![controller.clone()])),
            }
        }
        Ok(Self { paths, v1, usual })
    }

    /// The directory of the group for each controller or named hierarchy of version 1, and under
    /// the empty key that in the version 2 tree.
    pub fn paths(&self) -> &BTreeMap<String, PathBuf> {
        &self.paths
    }

    /// The directory for a version 1 controller, where one is mounted.
    pub(crate) fn v1(&self, controller: &str) -> Option<&Path> {
        self.paths.get(controller).filter(|_| controller != UNIFIED).map(PathBuf::as_path)
    }

    /// The different directories of version 1, each with its controllers.
    pub(crate) fn v1_groups(&self) -> &[(PathBuf, Vec<String>)] {
        &self.v1
    }

    /// The directory in the version 2 tree.
    pub(crate) fn v2(&self) -> Option<&Path> {
        self.paths.get(UNIFIED).map(PathBuf::as_path)
    }

    /// Whether [`main`](Self::main) is in the version 2 tree.
    pub(crate) fn main_is_v2(&self) -> bool {
        self.v1.is_empty()
    }

    /// The directory that says which processes belong to the group. On a hybrid host it is one of
    /// version 1, where every process is attached.
    pub(crate) fn main(&self) -> &Path {
        let preferred = ["freezer", "pids", "devices", "memory"].iter().find_map(|it| self.v1(it));
        let any = || self.v1.first().map(|(dir, _)| dir.as_path());
        preferred.or_else(any).or_else(|| self.v2()).unwrap_or(Path::new(""))
    }

    /// Makes the group in every hierarchy, and the parents that are missing.
    ///
    /// On version 2 the usual controllers (cpu, io, memory, pids) are handed down to it as far as
    /// the host offers them; on version 1 it starts with its parent's processors and memory nodes.
    /// An empty group that is there already is taken as it is. What was made is removed again on
    /// an error.
    ///
    /// Errors: [`Error::InUse`] if processes live in the group or below it; [`Error::System`].
    pub fn create(&self) -> Result<()> {
        let mut made = Vec::new();
        let result = self.make_all(&mut made);
        if result.is_err() {
            for dir in made.iter().rev() {
                // Another group may have come into a parent meanwhile; then it stays.
                let _kept = tree::rmdir(dir);
            }
        }
        result
    }

    /// Makes the group in those hierarchies where it is not there yet, around a process that is in
    /// it in some: systemd has put it there, and knows not all hierarchies.
    ///
    /// Errors: [`Error::InUse`] if there are others in it; [`Error::System`].
    pub fn create_around(&self, pid: Pid) -> Result<()> {
        for dir in self.v1.iter().map(|(dir, _)| dir.as_path()).chain(self.v2()) {
            let others = |one: &i32| *one != pid.as_raw_nonzero().get();
            if let Some(pid) = walk::pids(dir)?.into_iter().find(others) {
                return Err(Error::InUse { path: dir.to_owned(), pid });
            }
        }
        for (dir, controllers) in &self.v1 {
            if !dir.is_dir() {
                let cpuset = controllers.iter().any(|one| one == "cpuset");
                let on_parent = if cpuset { prepare_cpuset } else { |_: &Path| Ok(()) };
                tree::make(dir, &mut Vec::new(), on_parent)?;
                if cpuset {
                    v1::cpuset::inherit(dir)?;
                }
            }
        }
        match self.v2() {
            Some(dir) if !dir.is_dir() => tree::make(dir, &mut Vec::new(), |_| Ok(())),
            _ => Ok(()),
        }
    }

    /// That no process lives in the group or below it, where it is there already.
    ///
    /// Errors: [`Error::InUse`]
    pub fn check_vacant(&self) -> Result<()> {
        for dir in [Some(self.main()), self.v2()].into_iter().flatten() {
            if let Some(pid) = walk::pids(dir)?.first() {
                return Err(Error::InUse { path: dir.to_owned(), pid: *pid });
            }
        }
        Ok(())
    }

    fn make_all(&self, made: &mut Vec<PathBuf>) -> Result<()> {
        if let Some(dir) = self.v2() {
            tree::make(dir, made, |_| Ok(()))?;
            if !self.usual.is_empty() {
                v2::controllers::enable_usual(dir, &self.usual)?;
            }
        }
        for (dir, controllers) in &self.v1 {
            if controllers.iter().any(|one| one == "cpuset") {
                let before = made.len();
                tree::make(dir, made, prepare_cpuset)?;
                // Below a parent that we have just made it has inherited already.
                if made.len() < before + 2 {
                    v1::cpuset::inherit(dir)?;
                }
            } else {
                tree::make(dir, made, |_| Ok(()))?;
            }
        }
        Ok(())
    }

    /// The directory in the version 2 tree, opened for clone3(2) with CLONE_INTO_CGROUP or for
    /// BPF programs. None where only version 1 is used.
    pub fn directory(&self) -> Result<Option<OwnedFd>> {
        let Some(dir) = self.v2() else { return Ok(None) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(CWD, dir, flags, FileMode::empty())
            .map(Some)
            .map_err(|errno| failed(format!("opening {}", dir.display()), "openat", errno))
    }

    /// Moves a process into the group in every version 1 hierarchy, in one burst: the first write
    /// costs the kernel milliseconds, those right after it microseconds. Nothing to do on a
    /// version 2 host, where the process is born in its group ([`directory`](Self::directory)).
    ///
    /// Errors: [`Error::System`], with ESRCH for a process that is gone.
    pub fn attach(&self, pid: Pid) -> Result<()> {
        self.v1.iter().try_for_each(|(dir, _)| move_to(dir, pid))
    }

    /// Moves a process into the group in the version 2 tree, for one that was not born there.
    /// (Slow, and slowest for a populated group: see [`directory`](Self::directory).)
    ///
    /// Errors: [`Error::System`], with ESRCH for a process that is gone.
    pub fn attach_v2(&self, pid: Pid) -> Result<()> {
        self.v2().map_or(Ok(()), |dir| move_to(dir, pid))
    }

    /// Removes the group in every hierarchy, and the groups below it; processes that are ending
    /// are waited for, at most 2 s. What is not there is no error, so it may be repeated.
    ///
    /// Parents stay, since an administrator may have made them for their limits: see
    /// [`prune`](Self::prune).
    ///
    /// Errors: [`Error::InUse`] if processes stay; the other hierarchies are cleared even so.
    pub fn destroy(&self) -> Result<()> {
        let deadline = Instant::now() + ENDING;
        let mut first = Ok(());
        for dir in self.v1.iter().map(|(dir, _)| dir.as_path()).chain(self.v2()) {
            let result = walk::remove(dir, deadline);
            if first.is_ok() {
                first = result;
            }
        }
        first
    }

    /// Removes up to `levels` parents of a destroyed group where they are empty: for those whose
    /// names are the caller's own, like `nsinit` in `nsinit/web`. Others may be making groups in
    /// them at the same time: [`create`](Self::create) makes them again.
    pub fn prune(&self, levels: usize) -> Result<()> {
        for dir in self.v1.iter().map(|(dir, _)| dir.as_path()).chain(self.v2()) {
            for parent in dir.ancestors().skip(1).take(levels) {
                match tree::rmdir(parent) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    // Occupied, the root of the hierarchy, or somebody else's.
                    Err(
                        Errno::BUSY | Errno::NOTEMPTY | Errno::PERM | Errno::ACCESS | Errno::ROFS,
                    ) => break,
                    Err(errno) => {
                        let what = format!("removing the cgroup {}", parent.display());
                        return Err(failed(what, "rmdir", errno));
                    }
                }
            }
        }
        Ok(())
    }
}

/// A parent in the cpuset hierarchy, and all that will be made in it, gets its own parent's
/// processors.
fn prepare_cpuset(parent: &Path) -> Result<()> {
    v1::cpuset::inherit(parent)?;
    v1::cpuset::let_children_inherit(parent)
}

fn move_to(dir: &Path, pid: Pid) -> Result<()> {
    let file = dir.join("cgroup.procs");
    let what = || format!("moving process {} to {}", pid.as_raw_nonzero(), dir.display());
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(CWD, file, flags, FileMode::empty())
        .map_err(|errno| failed(what(), "openat", errno))?;
    let text = pid.as_raw_nonzero().to_string();
    loop {
        return match rustix::io::write(&fd, text.as_bytes()) {
            Ok(_) => Ok(()),
            Err(Errno::INTR) => continue,
            Err(errno) => Err(failed(what(), "write", errno)
                .hinted(Errno::NOSPC, || "cpuset.cpus or cpuset.mems of the group is empty".into())
                .hinted(Errno::INVAL, || "a real-time process needs cpu.rt_runtime_us".into())
                .hinted(Errno::AGAIN, || "the limit of processes (pids.max) is reached".into())),
        };
    }
}
