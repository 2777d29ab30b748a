//! docs/errors.md is true: its kinds, its exit codes, the words that programs match, and every
//! example, which is run.

use std::collections::BTreeSet;
use std::path::Path;

use e2e::{Cmd, World, nsinit, on_this_host, workspace};

fn text(path: &str) -> String {
    std::fs::read_to_string(workspace().join(path)).unwrap()
}

/// The first cells of the table in the section of this title, without their backquotes.
fn column(doc: &str, title: &str, index: usize) -> Vec<String> {
    let section = doc.split("\n## ").find(|section| section.starts_with(title)).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|---"));
    rows.skip(1).map(|row| row.split('|').nth(index + 1).unwrap().trim().replace('`', "")).collect()
}

#[test]
fn the_kinds_are_those_of_the_library() {
    let source = text("crates/libcontainer/src/error.rs");
    let body = source.split("pub enum ErrorKind {").nth(1).unwrap().split("\n}\n").next().unwrap();
    let variant = |line: &str| {
        let name = line.strip_prefix("    ")?.split([',', ' ', '(']).next()?;
        name.starts_with(|c: char| c.is_ascii_uppercase()).then(|| name.to_owned())
    };
    let kinds: BTreeSet<String> = body.lines().filter_map(variant).collect();
    let documented: BTreeSet<String> =
        column(&text("docs/errors.md"), "Kinds", 0).into_iter().collect();
    assert!(kinds.len() >= 9, "{kinds:?}");
    assert_eq!(documented, kinds);
}

#[test]
fn the_exit_codes_are_those_of_nsinit() {
    let codes = column(&text("docs/errors.md"), "Exit codes", 0);
    assert_eq!(codes, ["the command's", "0", "1", "2", "125", "126", "127"]);
    on_this_host(|world: &World| {
        let root = world.busybox();
        for (args, code) in [
            (&["exec", "/bin/sh", "-c", "exit 7"][..], 7),
            (&["exec", "/bin/sh", "-c", "sh -c 'kill -9 $$'; exit $?"], 137),
            (&["list"], 0),
            (&["state"], 1),
            (&["state", "--nosuch-option"], 2),
            (&["exec", "--nosuch-option", "true"], 125),
            (&["exec", "--user", "nosuch", "true"], 125),
            (&["exec", "/etc/passwd"], 126),
            (&["exec", "nosuch"], 127),
        ] {
            root.nsinit(args).run().code(code);
        }
    });
}

#[test]
fn the_exit_codes_are_those_of_nsrun() {
    let codes = column(&text("docs/errors.md"), "What nsrun exits with", 0);
    assert_eq!(codes, ["the process's", "0", "1", "255"]);
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let id = bundle.id.clone();
        let exits = |bundle: &e2e::Bundle, args: &[&str], code| {
            drop(bundle.nsrun(args).run().code(code));
        };
        bundle.args(["/bin/sh", "-c", "exit 7"]);
        exits(&bundle, &["run", &id], 7);
        exits(&bundle, &["list"], 0);
        exits(&bundle, &["state", &id], 1);
        exits(&bundle, &["run", "--nosuch-option", &id], 1);
        exits(&bundle, &["run", "-b", "/no/such", &id], 1);
        exits(&bundle, &["exec", "--nosuch-option", &id, "true"], 1);
        exits(&bundle, &["exec", &id, "true"], 255);
        bundle.args(["nosuch"]);
        exits(&bundle, &["run", &id], 255);
        exits(&bundle, &["create", &id], 1);
    });
}

#[test]
fn the_words_that_programs_match_are_said() {
    fn sources(directory: &Path, all: &mut String) {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
                sources(&path, all);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut all = String::new();
    sources(&workspace().join("crates/libcontainer/src"), &mut all);
    let words = column(&text("docs/errors.md"), "Words", 0);
    assert!(words.len() >= 9);
    for words in words.iter().filter(|words| !words.contains(',')) {
        assert!(all.contains(words.as_str()), "nothing says {words:?}");
    }
}

/// The text with every `PREFIX` and as many lowercase letters and digits as `sample` has replaced
/// by the sample.
fn normalize(text: &str, prefix: &str, sample: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(prefix) {
        let (before, found) = rest.split_at(at);
        let name = &found[prefix.len()..];
        let length = name.bytes().take_while(u8::is_ascii_alphanumeric).count();
        out.push_str(before);
        if length == sample.len() {
            out.push_str(&format!("{prefix}{sample}"));
            rest = &name[length..];
        } else {
            out.push_str(prefix);
            rest = name;
        }
    }
    out + rest
}

#[test]
fn every_example_is_what_is_seen() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        // The page's container is in /srv/web: of this world alone.
        Cmd::new("mount", ["-t", "tmpfs", "none", "/srv"]).run().success();
        std::fs::rename(&root.path, "/srv/web").unwrap_or_else(|_| {
            Cmd::new("cp", ["-a"]).args([&root.path]).args(["/srv/web"]).run().success();
        });
        let programs = world.path("programs");
        std::fs::create_dir(&programs).unwrap();
        std::os::unix::fs::symlink(nsinit(), programs.join("nsinit")).unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let doc = text("docs/errors.md");
        let mut examples = 0;
        for block in doc.split("```console\n").skip(1) {
            let block = block.split("```").next().unwrap();
            for example in format!("\n{block}").split("\n$ ").skip(1) {
                let (command, wanted) = example.split_once('\n').unwrap();
                let script = format!("exec 2>&1; {command}");
                let run = Cmd::new("sh", ["-c", &script]).dir("/srv/web").env("PATH", &path).run();
                let seen = normalize(&run.out, "web-", "xxxxxxxx");
                let seen = normalize(&seen, "veth", "xxxxxxx");
                assert_eq!(seen.trim_end(), wanted.trim_end(), "$ {command}");
                let _ = std::fs::remove_file("/srv/web/container.json");
                examples += 1;
            }
        }
        assert!(examples >= 15, "{examples}");
        Cmd::new("umount", ["/srv"]).run().success();
    });
}
