//! Where candidates run: a directory on a tmpfs of its own, with a copy of the image.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Result;
use crate::arguments::Arguments;
use crate::candidate::{self, Candidate, Kind};
use crate::launch::Step;
use crate::layout::Layout;

/// The variable that tells the inner process where its place is.
pub const PLACE: &str = "BENCH_PLACE";

/// An empty directory for the outer process; what is mounted there goes with the inner one's
/// namespace. Gone when dropped.
#[derive(Debug)]
pub struct Place(PathBuf);

impl Place {
    pub fn new() -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("bench-{}", std::process::id()));
        fs::create_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        Ok(Self(dir))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Removes control groups that candidates left: some do when a start fails.
    pub fn sweep(&self) {
        let ours = format!("{}-*", self.0.file_name().unwrap_or_default().to_string_lossy());
        let find = ["/sys/fs/cgroup", "-depth", "-type", "d", "-name", &ours];
        let find = Command::new("find").args(find).args(["-exec", "rmdir", "{}", ";"]).output();
        drop(find);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// What the measurements of one layout share.
#[derive(Debug)]
pub struct World {
    pub arguments: Arguments,
    pub layout: Layout,
    /// What all names of this run begin with.
    pub tag: String,
    pub dir: PathBuf,
    pub rootfs: PathBuf,
    pub spawn: PathBuf,
    /// Those that can run here or tell why not, the floor among them.
    pub candidates: Vec<Candidate>,
}

impl World {
    /// In the directory that the outer process made.
    pub fn new(arguments: &Arguments, layout: Layout) -> Result<Self> {
        let dir = std::env::var_os(PLACE).ok_or(format!("{PLACE} is not set"))?;
        let dir = PathBuf::from(dir);
        let rootfs = dir.join("rootfs");
        let copied = Command::new("cp").arg("-a").arg(&arguments.image).arg(&rootfs).output();
        let copied = copied.map_err(|error| format!("cp: {error}"))?;
        if !copied.status.success() {
            return Err(format!("{} cannot be copied; make images", arguments.image.display()));
        }
        let mut world = Self {
            spawn: candidate::absolute(&arguments.tools.join("spawn"))?.into(),
            arguments: arguments.clone(),
            layout,
            tag: dir.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            rootfs,
            candidates: Vec::new(),
            dir,
        };
        world.candidates = candidate::all(&world)?;
        Ok(world)
    }

    /// The candidates of these kinds.
    pub fn of(&self, kinds: &[Kind]) -> Vec<&Candidate> {
        self.candidates.iter().filter(|candidate| kinds.contains(&candidate.kind)).collect()
    }

    /// The floor.
    pub fn floor(&self) -> Result<&Candidate> {
        self.of(&[Kind::Floor]).first().copied().ok_or_else(|| "no floor".to_owned())
    }

    /// A bundle of an OCI runtime: what its own `spec` verb writes, with our root and these
    /// arguments, no terminal, and then `edit`ed. Made once for each name.
    pub fn bundle(
        &self,
        candidate: &Candidate,
        name: &str,
        args: &[&str],
        edit: impl FnOnce(&mut Value),
    ) -> Result<PathBuf> {
        let dir = self.dir.join(format!("{}-{name}", candidate.name));
        let config = dir.join("config.json");
        if config.exists() {
            return Ok(dir);
        }
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", dir.display());
        fs::create_dir_all(&dir).map_err(|error| told(&error))?;
        let spec = [&[candidate.program.as_str(), "spec"], candidate.spec].concat();
        Step::new(&dir, &spec).check()?;
        let text = fs::read(&config).map_err(|error| told(&error))?;
        let mut value: Value = serde_json::from_slice(&text).map_err(|error| told(&error))?;
        value["root"]["path"] = self.rootfs.to_string_lossy().into();
        value["process"]["terminal"] = false.into();
        value["process"]["args"] = args.into();
        edit(&mut value);
        fs::write(&config, value.to_string()).map_err(|error| told(&error))?;
        Ok(dir)
    }
}
