//! Who is measured.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::arguments::Verb;
use crate::launch::Step;
use crate::world::World;

/// How a candidate is commanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The same program on the host: what no runtime can save.
    Host,
    /// The bare system calls.
    Floor,
    /// The friendly command line.
    Nsinit,
    /// An OCI runtime.
    Oci,
}

/// A runtime.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub name: String,
    pub kind: Kind,
    /// From the root.
    pub program: String,
    /// Options before the verb.
    pub global: Vec<String>,
    /// Options of `spec`.
    pub spec: &'static [&'static str],
    tag: String,
}

impl Candidate {
    /// The program with its global options and these arguments, started in `dir`.
    pub fn step(&self, dir: &Path, args: &[&str]) -> Step {
        let global = self.global.iter().map(String::as_str);
        let argv: Vec<&str> = std::iter::once(self.program.as_str())
            .chain(global)
            .chain(args.iter().copied())
            .collect();
        Step::new(dir, &argv)
    }

    /// /bin/true from nothing to exit.
    pub fn run(&self, world: &World) -> Result<Step> {
        let rootfs = world.rootfs.to_string_lossy();
        Ok(match self.kind {
            Kind::Host => self.step(&world.rootfs, &[]),
            Kind::Floor => self.step(&world.rootfs, &["run", &rootfs, "/bin/true"]),
            Kind::Nsinit => self.step(&world.rootfs, &["exec", "/bin/true"]),
            Kind::Oci => {
                let bundle = world.bundle(self, "true", &["/bin/true"], |_| ())?;
                self.step(&bundle, &["run", &self.id("run")])
            }
        })
    }

    /// A container's name of this candidate, unique on this host.
    pub fn id(&self, what: &str) -> String {
        format!("{}-{}-{what}", self.tag, self.name)
    }
}

/// The candidates that this machine has, the floor first.
pub fn all(world: &World) -> Result<Vec<Candidate>> {
    let arguments = &world.arguments;
    let plain = |name: &str, kind, path: &Path| -> Result<Candidate> {
        Ok(Candidate {
            name: name.to_owned(),
            kind,
            program: absolute(path)?,
            global: Vec::new(),
            spec: &[],
            tag: world.tag.clone(),
        })
    };
    let mut found = vec![
        plain("(host)", Kind::Host, &world.rootfs.join("bin/true"))?,
        plain("floor", Kind::Floor, &arguments.tools.join("floor"))?,
        oci(world, "nsrun", &arguments.nsrun)?,
        plain("nsinit", Kind::Nsinit, &arguments.nsinit)?,
    ];
    // The image's /bin/true may be a link to a program that goes by its name.
    found[0].program = world.rootfs.join("bin/true").to_string_lossy().into_owned();
    let state = world.dir.join("state-nsinit").to_string_lossy().into_owned();
    found[3].global = vec!["--root".to_owned(), state];
    // The regression check needs nobody else.
    if arguments.verb != Verb::Check {
        for (name, path) in peers(world) {
            found.push(oci(world, &name, &path)?);
        }
    }
    Ok(found)
}

/// Other runtimes, by the names of their files.
pub fn peers(world: &World) -> Vec<(String, std::path::PathBuf)> {
    let entries = fs::read_dir(&world.arguments.peers).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    found.sort();
    found
}

fn oci(world: &World, name: &str, program: &Path) -> Result<Candidate> {
    let state = world.dir.join(format!("state-{name}")).to_string_lossy().into_owned();
    Ok(Candidate {
        name: name.to_owned(),
        kind: Kind::Oci,
        program: absolute(program)?,
        global: vec!["--root".to_owned(), state],
        spec: &[],
        tag: world.tag.clone(),
    })
}

/// A path as text, from the root.
pub fn absolute(path: &Path) -> Result<String> {
    let full = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
    full.to_str().map(str::to_owned).ok_or_else(|| format!("{}: not UTF-8", path.display()))
}

/// Whom the others are compared with, beside the floor.
pub const REFERENCE: &str = "crun";
