//! Commands with a deadline, whose output is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::paths;

/// What this process has started and waits for itself.
static OURS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

pub(crate) fn is_ours(pid: u32) -> bool {
    OURS.lock().unwrap().contains(&pid)
}

/// From now on, waits for all that becomes a child of this process without having been started
/// by it, as PID 1 must.
pub(crate) fn reap_orphans() {
    std::thread::spawn(|| {
        let mut seen = BTreeMap::new();
        loop {
            reap_once(&mut seen);
            std::thread::sleep(Duration::from_millis(2));
        }
    });
}

/// Those seen for a while: a helper that a test runs by other means than [`Cmd`] is waited
/// for sooner.
fn reap_once(seen: &mut BTreeMap<u32, u32>) {
    let ended = |pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" Z"))
    };
    for entry in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        // Spawning holds the lock, so that nobody's child is taken for an orphan.
        let ours = OURS.lock().unwrap();
        let children = std::fs::read_to_string(entry.path().join("children")).unwrap_or_default();
        for pid in children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()) {
            if ours.contains(&pid) || !ended(pid) {
                continue;
            }
            let times = seen.entry(pid).or_default();
            *times += 1;
            if *times >= 15 {
                let _ = waitpid(Pid::from_raw(pid as i32), WaitOptions::NOHANG);
                seen.remove(&pid);
            }
        }
    }
}

/// A command to be run.
#[derive(Debug, Clone)]
pub struct Cmd {
    words: Vec<OsString>,
    dir: Option<PathBuf>,
    env: Vec<(OsString, Option<OsString>)>,
    input: Option<Vec<u8>>,
    limit: Duration,
    leaves_behind: bool,
}

impl Cmd {
    /// A program with arguments, from / with empty input; it has 30 seconds.
    pub fn new<S: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = S>,
    ) -> Self {
        let cmd = Self {
            words: vec![program.as_ref().to_owned()],
            dir: None,
            env: Vec::new(),
            input: None,
            limit: crate::seconds(30),
            leaves_behind: false,
        };
        cmd.args(args)
    }

    /// nsinit with arguments.
    pub fn nsinit<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Self {
        Self::new(paths::nsinit(), args)
    }

    /// More arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.words.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Another program that runs this one: `unshare -u`, `strace -f`.
    #[must_use]
    pub fn by<S: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = S>) -> Self {
        let words = wrapper.into_iter().map(|word| word.as_ref().to_owned());
        self.words = words.chain(self.words).collect();
        self
    }

    /// The same by another program.
    #[must_use]
    pub fn program(mut self, program: impl AsRef<OsStr>) -> Self {
        self.words[0] = program.as_ref().to_owned();
        self
    }

    /// The same with one word replaced by another.
    #[must_use]
    pub(crate) fn replacing(mut self, word: &OsStr, by: &OsStr) -> Self {
        self.words.iter_mut().filter(|one| *one == word).for_each(|one| *one = by.to_owned());
        self
    }

    /// The directory it runs in.
    #[must_use]
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), Some(value.as_ref().to_owned())));
        self
    }

    /// A variable that is not in its environment.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// What it reads from standard input.
    #[must_use]
    pub fn input(mut self, text: impl AsRef<[u8]>) -> Self {
        self.input = Some(text.as_ref().to_owned());
        self
    }

    /// How long it may take.
    #[must_use]
    pub fn seconds(mut self, seconds: u64) -> Self {
        self.limit = crate::seconds(seconds);
        self
    }

    /// It leaves a process behind that holds its output: what counts is what was written when it
    /// ends itself.
    #[must_use]
    pub fn leaves_behind(mut self) -> Self {
        self.leaves_behind = true;
        self
    }

    /// The words, for other ways to run them.
    pub(crate) fn to_std(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).current_dir(self.dir.as_deref().unwrap_or("/".as_ref()));
        // What the test runner is told is not for the runtime.
        for name in ["NO_COLOR", "XDG_RUNTIME_DIR", "CARGO"] {
            command.env_remove(name);
        }
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    fn describe(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it takes too long, or leaves somebody behind who holds its output.
    #[track_caller]
    pub fn run(&self) -> Run {
        self.start().wait()
    }

    /// Starts it.
    ///
    /// # Panics
    /// If there is no such program.
    #[track_caller]
    pub fn start(&self) -> Background {
        let mut command = self.to_std();
        let input = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(&mut command, &self.describe());
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), self.input.clone()) {
            std::thread::spawn(move || pipe.write_all(&text));
        }
        let out = Collector::new(child.stdout.take().unwrap());
        let err = Collector::new(child.stderr.take().unwrap());
        let what = self.describe();
        let (end, leaves_behind) = (Instant::now() + self.limit, self.leaves_behind);
        Background { child, what, out, err, end, leaves_behind }
    }
}

#[track_caller]
pub(crate) fn spawn(command: &mut Command, what: &str) -> Child {
    let mut ours = OURS.lock().unwrap();
    let child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
    ours.insert(child.id());
    child
}

pub(crate) fn try_wait(child: &mut Child) -> Option<ExitStatus> {
    let status = child.try_wait().unwrap()?;
    OURS.lock().unwrap().remove(&child.id());
    Some(status)
}

pub(crate) fn kill(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
    OURS.lock().unwrap().remove(&child.id());
}

/// Everything that comes out of a pipe.
#[derive(Debug)]
struct Collector {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Collector {
    fn new(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                kept.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        Self { bytes, thread }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }
}

/// A command that runs; killed when dropped.
#[derive(Debug)]
pub struct Background {
    child: Child,
    what: String,
    out: Collector,
    err: Collector,
    end: Instant,
    leaves_behind: bool,
}

impl Background {
    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// What it has written to standard output so far.
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// What it has written to standard error so far.
    pub fn err(&self) -> String {
        self.err.text()
    }

    /// Waits until `text` has come out of it.
    ///
    /// # Panics
    /// When it ends or ten seconds pass before.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> &mut Self {
        let end = Instant::now() + crate::seconds(10);
        loop {
            let ended = try_wait(&mut self.child).is_some() && self.out.thread.is_finished();
            if self.out().contains(text) {
                return self;
            }
            let so_far = || format!("{}\n{}\n{}", self.what, self.out(), self.err());
            assert!(!ended, "ended without {text:?}: {}", so_far());
            assert!(Instant::now() < end, "no {text:?} within 10 s: {}", so_far());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it has been waited for already.
    #[track_caller]
    pub fn signal(&self, signal: Signal) -> &Self {
        kill_process(Pid::from_raw(self.pid()).unwrap(), signal).unwrap();
        self
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> bool {
        try_wait(&mut self.child).is_some()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it takes too long, or leaves somebody behind who holds its output.
    #[track_caller]
    pub fn wait(mut self) -> Run {
        let mut status = None;
        let mut end = self.end;
        loop {
            if status.is_none() {
                status = try_wait(&mut self.child);
                if let Some(status) = status {
                    // Whoever failed leaves nobody behind, mostly, and what he says is wanted.
                    let left = if self.leaves_behind && status.success() { 20 } else { 3000 };
                    end = Instant::now() + Duration::from_millis(left);
                }
            }
            // Once: between two looks at the clock it may be over.
            let now = Instant::now();
            let late = self.leaves_behind && now > end;
            let drained = self.out.thread.is_finished() && self.err.thread.is_finished();
            if let Some(status) = status.filter(|_| drained || late) {
                let (out, err) = (self.out(), self.err());
                return Run { what: self.what.clone(), status, out, err };
            }
            if now > end {
                let why = if status.is_some() { "its output is still held" } else { "no end" };
                panic!("{}: {why}\n{}\n{}", self.what, self.out(), self.err());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// A command that has ended.
#[derive(Debug, Clone)]
pub struct Run {
    what: String,
    /// How.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl Run {
    /// It ended with this exit code.
    ///
    /// # Panics
    /// With all that is known, if not.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        let Self { what, status, out, err } = &self;
        let right = status.code() == Some(code);
        assert!(right, "{what}\n{status}, not {code}; output:\n{out}\nerrors:\n{err}");
        self
    }

    /// It ended with 0 and wrote nothing to standard error.
    ///
    /// # Panics
    /// As [`Run::code`].
    #[track_caller]
    pub fn success(self) -> Self {
        let run = self.code(0);
        assert!(run.err.is_empty(), "{}: told\n{}", run.what, run.err);
        run
    }

    /// It was ended by this signal.
    ///
    /// # Panics
    /// As [`Run::code`].
    #[track_caller]
    pub fn signalled(self, signal: Signal) -> Self {
        let right = self.status.signal() == Some(signal.as_raw());
        assert!(right, "{}: {}, not {signal:?}\n{}", self.what, self.status, self.err);
        self
    }

    /// It wrote exactly one line to standard error, with all of these in it.
    ///
    /// # Panics
    /// As [`Run::code`].
    #[track_caller]
    pub fn error(self, parts: &[&str]) -> Self {
        let Self { what, err, .. } = &self;
        assert_eq!(err.lines().count(), 1, "{what}: one line is wanted:\n{err}");
        for part in parts {
            assert!(err.contains(part), "{what}: {part:?} is not in\n{err}");
        }
        self
    }

    /// The values of the probe's lines that begin with `key`.
    pub fn all(&self, key: &str) -> Vec<&str> {
        let value = |line| str::strip_prefix(line, key).and_then(|rest| rest.strip_prefix(' '));
        self.out.lines().filter_map(value).collect()
    }

    /// The value of the probe's one line that begins with `key`.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn fact(&self, key: &str) -> &str {
        let lacks = || panic!("{}: no {key} in\n{}\n{}", self.what, self.out, self.err);
        let empty = self.out.lines().any(|line| line == key);
        self.all(key).first().copied().or(empty.then_some("")).unwrap_or_else(lacks)
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let wrong = |error| panic!("{}: {error}\n{}", self.what, self.out);
        serde_json::from_str(&self.out).unwrap_or_else(wrong)
    }
}
