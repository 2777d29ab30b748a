//! Where the things under test are.

use std::path::{Path, PathBuf};

/// The project's directory.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// A file of this crate's `data`.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

/// The runtime of engines: $NSRUN, else the release build, else the debug build.
pub fn nsrun() -> PathBuf {
    program("NSRUN", "nsrun")
}

/// The runtime: $NSINIT, else the release build, else the debug build.
pub fn nsinit() -> PathBuf {
    program("NSINIT", "nsinit")
}

/// The witness that runs inside containers: $PROBE, else as [`nsinit`].
pub fn probe() -> PathBuf {
    program("PROBE", "probe")
}

/// A directory of root file systems: $IMAGES, else `.cache/images`.
pub(crate) fn image(name: &str) -> PathBuf {
    let images = std::env::var_os("IMAGES");
    images.map_or_else(|| workspace().join(".cache/images"), PathBuf::from).join(name)
}

fn program(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return PathBuf::from(path);
    }
    // target/TRIPLE/PROFILE/deps/this-test
    let exe = std::env::current_exe().unwrap();
    let triple = exe.ancestors().nth(3).unwrap();
    // What make builds is in target/release, whichever C library it has.
    let candidates = ["../release", "release", "debug"].map(|dir| triple.join(dir).join(name));
    let found = candidates.iter().find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("no {name}: cargo build --release -p {name}")).clone()
}

/// The directory of CRIU's program: $CRIU's, else where `scripts/criu` puts it, else the system's,
/// as in the virtual machine. The error says why there is none.
pub fn criu() -> Result<PathBuf, String> {
    if let Some(program) = std::env::var_os("CRIU") {
        return Ok(Path::new(&program).parent().unwrap().to_owned());
    }
    let cache = workspace().join(".cache");
    let directory = cache.join("criu");
    if directory.join("criu").is_file() {
        return Ok(directory);
    }
    let why = std::fs::read_to_string(cache.join("criu.missing"));
    let why = why.as_deref().unwrap_or("no CRIU: scripts/criu fetches it").trim();
    let system = Path::new("/usr/sbin");
    if system.join("criu").is_file() { Ok(system.to_owned()) } else { Err(why.to_owned()) }
}
