//! What people and machines are told of a checkpoint: the documentation's own lines, progress on a
//! terminal, figures as JSON.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use e2e::counting::no_criu;
use e2e::{Cmd, WindowSize, World, on_this_host, skip, until};

const PAGE: &str = include_str!("../../../docs/checkpoint.md");
const README: &str = include_str!("../../../README.md");

/// The commands of the page's first blocks, and what it shows below each.
fn transcript(page: &'static str) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap_or_default().lines() {
            match (line.strip_prefix("# "), all.last_mut()) {
                (Some(command), _) => all.push((command, Vec::new())),
                (None, Some((_, shown))) => shown.push(line),
                (None, None) => panic!("output before a command: {line}"),
            }
        }
    }
    all
}

/// As one types it, where nsinit and criu are in PATH.
fn typed(line: &str, directory: &Path) -> Cmd {
    let nsinit = e2e::nsinit();
    let tools = nsinit.parent().unwrap().display().to_string();
    let path =
        format!("{tools}:{}:{}", e2e::criu().unwrap().display(), std::env::var("PATH").unwrap());
    Cmd::new("sh", ["-c", line]).env("PATH", path).dir(directory)
}

fn numbers(screen: &str) -> Vec<u32> {
    screen.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

#[test]
fn the_readme_shows_the_same() {
    assert_eq!(transcript(README), transcript(PAGE));
}

/// Each test that the page names as `file::test` is there, and none of them is left out.
#[test]
fn the_pages_tests_are_those_of_the_tree() {
    let tests = e2e::workspace().join("crates/e2e/tests");
    let engines = e2e::workspace().join("crates/engines/tests");
    let rows = PAGE.lines().filter(|line| line.starts_with("| "));
    let words = rows.flat_map(|row| row.split('`')).filter_map(|word| word.split_once("::"));
    let named: std::collections::BTreeSet<_> = words.collect();
    let tests_in = |path: &Path| -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let after = text.split("#[test]\nfn ").skip(1);
        after.map(|rest| rest.split('(').next().unwrap().to_owned()).collect()
    };
    for (file, name) in &named {
        let directory = if file.contains('/') { &engines } else { &tests };
        let all = tests_in(&directory.join(format!("{file}.rs")));
        // Those of engines are no #[test]s of libtest's.
        let source =
            std::fs::read_to_string(directory.join(format!("{file}.rs"))).unwrap_or_default();
        let there = all.iter().any(|one| one == name)
            || file.contains('/') && source.contains(&format!("fn {name}("));
        assert!(there, "docs/checkpoint.md names {file}::{name}, which is not there");
    }
    for entry in std::fs::read_dir(&tests).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(file) = name.strip_suffix(".rs").filter(|name| name.starts_with("checkpoint"))
        else {
            continue;
        };
        for test in tests_in(&entry.path()) {
            let is_named = named.contains(&(file, test.as_str()));
            assert!(is_named, "docs/checkpoint.md does not name {file}::{test}");
        }
    }
}

#[test]
fn the_pages_lines_do_what_it_says() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        if e2e::nsinit().file_name() != Some("nsinit".as_ref()) {
            return skip("the program under test has another name than in the documentation");
        }
        let web = world.path("web");
        std::fs::rename(&world.busybox().path, &web).unwrap();
        let [(run, ran), (checkpoint, nothing), (list, listed), (restore, back)] =
            transcript(PAGE).try_into().expect("four commands");
        let size = WindowSize(24, 100);
        let mut first = typed(run, &web).on_terminal(size);
        let last = ran[ran.len() - 2];
        first.until(&format!("{last}\r\n"));
        assert!(nothing.is_empty());
        assert_eq!(typed(checkpoint, &web).run().success().out, "");
        first.until(ran[ran.len() - 1]);
        assert_eq!(first.wait().code(), Some(0));
        let counted = numbers(&first.screen());
        assert!(counted.len() >= ran.len() - 1, "{}", first.screen());
        // The name has the directory's, and a number; pid and time are its own.
        let words = |line: &str| -> Vec<String> {
            let words = line.split_whitespace();
            words
                .map(|word| if word.contains("web-") { "web".into() } else { word.into() })
                .collect()
        };
        let run = typed(list, &web).run().success();
        let rows: Vec<_> = run.out.lines().map(words).collect();
        let shown: Vec<_> = listed.iter().map(|line| words(line)).collect();
        assert_eq!((rows.len(), &rows[0]), (shown.len(), &shown[0]));
        assert_eq!(&rows[1][..3], &shown[1][..3]);
        assert!(run.out.trim_end().ends_with(web.to_str().unwrap()), "{}", run.out);
        let mut second = typed(restore, &web).on_terminal(size);
        let next = counted.last().unwrap() + 1;
        second.until(&format!("{}\r\n", next + back.len() as u32 - 1));
        assert_eq!(numbers(&second.screen())[0], next);
        Cmd::nsinit(["kill", "KILL"]).dir(&web).run().success();
        assert_eq!(second.wait().code(), Some(137));
    });
}

/// A CRIU that takes its time before it begins, and waits for a file: by which PATH it is found, and
/// the file.
fn slow(world: &World) -> (String, PathBuf) {
    let place = world.path("slow");
    std::fs::create_dir(&place).unwrap();
    let criu = e2e::criu().unwrap().join("criu");
    let go = place.join("go");
    let script = format!(
        "#!/bin/sh\nsleep 1\nuntil [ -e {} ]; do sleep 0.05; done\nexec {} \"$@\"\n",
        go.display(),
        criu.display()
    );
    std::fs::write(place.join("criu"), script).unwrap();
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(place.join("criu"), mode).unwrap();
    (format!("{}:{}", place.display(), std::env::var("PATH").unwrap()), go)
}

#[test]
fn what_takes_long_shows_progress_on_a_terminal_and_nowhere_else() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let (mut bundle, (path, go)) = (world.bundle(), slow(world));
        bundle.args(["/probe", "sleep", "1000"]);
        bundle.detach();
        let checkpoint = |images: &str| {
            let flags = ["checkpoint", "--leave-running", "--image-path", images, &bundle.id];
            bundle.nsrun(flags).env("PATH", &path)
        };
        std::fs::write(&go, "").unwrap();
        let run = checkpoint("silent").run().success();
        assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
        std::fs::remove_file(&go).unwrap();
        let mut terminal = checkpoint("told").on_terminal(WindowSize(24, 100));
        terminal.until("saving: 0 of ");
        std::fs::write(&go, "").unwrap();
        assert_eq!(terminal.wait().code(), Some(0));
        let screen = terminal.screen();
        assert!(screen.contains("saving: 0 of ") && screen.contains(" pages), "), "{screen}");
        let last = screen.rsplit("\x1b[K").next().unwrap_or_default();
        assert!(last.starts_with("saved ") && last.contains(" of them frozen"), "{screen}");
        bundle.delete();
    });
}

#[test]
fn figures_for_machines() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("i=0; while true; do echo $i >>/count; i=$((i+1)); sleep 0.05; done");
        bundle.detach();
        let json = ["--format", "json"];
        let told = bundle.checkpoint("images", json).run().success().json();
        assert_eq!(told["id"], bundle.id.as_str());
        assert_eq!(told["image_path"], bundle.path.join("images").to_str().unwrap());
        let figure = |told: &serde_json::Value, name: &str| told["criu"][name].as_u64().unwrap();
        let pages = figure(&told, "pages_written");
        assert!(pages > 0 && figure(&told, "pages_scanned") >= pages, "{told}");
        assert_eq!(figure(&told, "pages_skipped_parent") + figure(&told, "pages_lazy"), 0);
        let parts = ["freezing_time", "frozen_time"].map(|name| figure(&told, name));
        assert!(told["total_time"].as_u64().unwrap() >= parts.iter().sum(), "{told}");
        // The program's own output would come between.
        let typed = ["restore", "--image-path", "images", "--format", "json", &bundle.id];
        let run = bundle.nsrun(typed).with_criu().run().code(1);
        run.error(&["--format json needs --detach"]);
        let told = bundle.restore("images", json).run().success().json();
        assert!(figure(&told, "pages_restored") > 0, "{told}");
        assert!(told["total_time"].as_u64().unwrap() >= figure(&told, "restore_time"), "{told}");
        bundle.checkpoint("images", ["--format", "xml"]).run().code(1).error(&["xml"]);
        let before = std::fs::read_to_string(bundle.rootfs.path.join("count")).unwrap();
        until("it has not suffered", || {
            std::fs::read_to_string(bundle.rootfs.path.join("count")).unwrap() != before
        });
        bundle.delete();
        // nsinit has the same.
        let root = world.busybox();
        root.exec(["--detach", "/bin/sleep", "1000"]).leaves_behind().run().success();
        let flags = ["checkpoint", "--image-path", "../saved", "--format", "json"];
        let told = root.nsinit(flags).with_criu().run().success().json();
        assert!(figure(&told, "pages_written") > 0, "{told}");
        root.nsinit(["delete"]).run().success();
    });
}
