//! Other OCI runtimes as candidates: a bundle made by their own `spec` verb, running /bin/true.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::candidate::{Candidate, Hold, Step};

/// The program of that name in PATH.
pub fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// An OCI runtime with two bundles under `work`: one that runs /bin/true, one that sleeps.
pub fn candidate(program: &str, work: &Path) -> Result<Candidate> {
    let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let quick = bundle(program, work, &format!("{name}-true"), "\"/bin/true\"")?;
    let slow = bundle(program, work, &format!("{name}-sleep"), "\"/bin/sleep\", \"1000\"")?;
    let id = format!("bench-{name}-{}", std::process::id());
    let step = |dir: &Path, argv: &[&str]| Step {
        dir: dir.to_owned(),
        argv: [&[program], argv].concat().iter().map(|&arg| arg.to_owned()).collect(),
    };
    Ok(Candidate {
        run: step(&quick, &["run", &id]),
        hold: Hold::Detached {
            start: step(&slow, &["run", "--detach", &id]),
            exec: step(&slow, &["exec", &id, "/bin/true"]),
            end: vec![step(&slow, &["delete", "--force", &id])],
        },
        name,
        program: program.to_owned(),
    })
}

fn bundle(program: &str, work: &Path, name: &str, args: &str) -> Result<PathBuf> {
    let dir = work.join(name);
    fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let config = dir.join("config.json");
    let _ = fs::remove_file(&config);
    Step { dir: dir.clone(), argv: vec![program.to_owned(), "spec".to_owned()] }.check()?;
    let text = fs::read_to_string(&config).map_err(|error| format!("its spec: {error}"))?;
    let text = edit(&text, &work.join("rootfs"), args)?;
    fs::write(&config, text).map_err(|error| format!("{}: {error}", config.display()))?;
    Ok(dir)
}

/// The default config with our command and root, and without a terminal.
fn edit(text: &str, rootfs: &Path, args: &str) -> Result<String> {
    let start = text.find("\"args\"").ok_or("its spec has no args")?;
    let open = start + text[start..].find('[').ok_or("its spec has no args")?;
    let close = open + text[open..].find(']').ok_or("its spec has no args")?;
    let text = format!("{}[{args}{}", &text[..open], &text[close..]);
    let root = format!("\"path\": \"{}\"", rootfs.display());
    Ok(text.replacen("\"terminal\": true", "\"terminal\": false", 1).replacen(
        "\"path\": \"rootfs\"",
        &root,
        1,
    ))
}

#[cfg(test)]
mod tests;
