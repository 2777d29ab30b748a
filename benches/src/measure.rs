//! Measuring inside one cgroup layout: the launcher is called, its lines become tables.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Result;
use crate::arguments::Arguments;
use crate::candidate::{self, Candidate, Hold, Step};
use crate::layout::Layout;
use crate::report::{Row, Table};
use crate::stats::{Sample, summarize};
use crate::syscalls;

/// Between paused runs; long enough for the kernel's read-copy-update to go idle, which is when
/// joining a cgroup is dear.
const PAUSE_MS: u32 = 100;

/// Measures everything in the layout that this process was started in, and prints the tables for
/// the process that started it.
pub fn inside(arguments: &Arguments) -> Result<()> {
    let layout = arguments.inside.unwrap_or(Layout::Host);
    let work = Work::new(&arguments.image)?;
    let candidates = candidate::all(arguments, &work.dir)?;
    if arguments.count_syscalls {
        return syscalls::count(layout, &candidates, &work.dir);
    }
    let (able, unable) = able_to_run(&candidates);
    let runs: Vec<(&Candidate, Step)> = able.iter().map(|c| (*c, c.run.clone())).collect();
    for table in measure(arguments, layout, "start to exit", &runs, &unable)? {
        table.send();
    }
    let mut holds = Vec::new();
    let mut unable = Vec::new();
    for candidate in able {
        match Held::start(candidate) {
            Ok(None) => {}
            Ok(Some(held)) => holds.push(held),
            Err(why) => unable.push((candidate.name.clone(), why)),
        }
    }
    let execs: Vec<_> = holds.iter().map(|h| (h.candidate, h.exec.clone())).collect();
    for table in measure(arguments, layout, "exec in a running container", &execs, &unable)? {
        table.send();
    }
    Ok(())
}

/// Those whose run works here, and why the others' does not.
fn able_to_run(all: &[Candidate]) -> (Vec<&Candidate>, Vec<(String, String)>) {
    let mut able = Vec::new();
    let mut unable = Vec::new();
    for candidate in all {
        match candidate.run.check() {
            Ok(_) => able.push(candidate),
            Err(why) => unable.push((candidate.name.clone(), why)),
        }
    }
    (able, unable)
}

/// One table back to back, one with pauses.
fn measure(
    arguments: &Arguments,
    layout: Layout,
    what: &str,
    steps: &[(&Candidate, Step)],
    unable: &[(String, String)],
) -> Result<Vec<Table>> {
    let paused_rounds = (arguments.rounds / 3).max(5);
    let mut tables = Vec::new();
    for (rounds, pause) in [(arguments.rounds, 0), (paused_rounds, PAUSE_MS)] {
        let samples = launch(&arguments.tools, rounds, pause, steps)?;
        let mut rows: Vec<Row> = Vec::new();
        for ((candidate, _), samples) in steps.iter().zip(&samples) {
            let result = match samples {
                Ok(samples) => summarize(samples).ok_or_else(|| "no run".to_owned()),
                Err(why) => Err(why.clone()),
            };
            rows.push(Row { name: candidate.name.clone(), result });
        }
        rows.extend(
            unable.iter().map(|(name, why)| Row { name: name.clone(), result: Err(why.clone()) }),
        );
        let pace =
            if pause == 0 { "back to back".to_owned() } else { format!("{pause} ms between") };
        tables.push(Table { title: format!("{}: {what}, {pace}", layout.title()), rows });
    }
    Ok(tables)
}

/// The samples of each step, or why it has none.
type Samples = Vec<std::result::Result<Vec<Sample>, String>>;

fn launch(tools: &Path, rounds: u32, pause: u32, steps: &[(&Candidate, Step)]) -> Result<Samples> {
    let mut command = Command::new(candidate::absolute(&tools.join("spawn"))?);
    command.arg(rounds.to_string()).arg(pause.to_string());
    for (index, (_, step)) in steps.iter().enumerate() {
        if index > 0 {
            command.arg(";");
        }
        command.arg(&step.dir).args(&step.argv);
    }
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("spawn: {error}"))?;
    let mut samples: Samples = steps.iter().map(|_| Ok(Vec::new())).collect();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let numbers: Vec<u64> = line.split(' ').filter_map(|text| text.parse().ok()).collect();
        let [index, ns, peak_kib, code] = numbers[..] else {
            return Err(format!("spawn printed: {line}"));
        };
        let slot = usize::try_from(index).ok().and_then(|index| samples.get_mut(index));
        let Some(slot) = slot else { return Err(format!("spawn printed: {line}")) };
        match slot {
            Ok(list) if code == 0 => list.push(Sample { ns, peak_kib }),
            Ok(_) => *slot = Err(format!("a run ended with {code}")),
            Err(_) => {}
        }
    }
    Ok(samples)
}

/// A root file system of our own, since candidates write beside what they run. Gone when dropped.
struct Work {
    dir: PathBuf,
}

impl Work {
    fn new(image: &Path) -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("bench-{}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let work = Self { dir };
        let copied = Command::new("cp").arg("-a").arg(image).arg(work.dir.join("rootfs")).output();
        let copied = copied.map_err(|error| format!("cp: {error}"))?;
        if !copied.status.success() {
            return Err(format!("{} cannot be copied; make images", image.display()));
        }
        Ok(work)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // Not fs::remove_dir_all: it would walk into a mount that a candidate left.
        let _ = Command::new("rm").args(["-rf", "--one-file-system"]).arg(&self.dir).status();
    }
}

/// A running container to execute into. Ended when dropped.
struct Held<'a> {
    candidate: &'a Candidate,
    exec: Step,
    keeper: Option<(Child, String)>,
    end: Vec<Step>,
}

impl<'a> Held<'a> {
    /// None for a candidate that has no containers.
    fn start(candidate: &'a Candidate) -> Result<Option<Self>> {
        let held = match &candidate.hold {
            Hold::None => return Ok(None),
            Hold::Foreground { start, exec } => {
                let mut child = start.start()?;
                let mut pid = String::new();
                if let Some(out) = child.stdout.take() {
                    let _ = BufReader::new(out).read_line(&mut pid);
                }
                let pid = pid.trim().to_owned();
                let exec = exec(candidate, &pid);
                Self { candidate, exec, keeper: Some((child, pid)), end: Vec::new() }
            }
            Hold::Detached { start, exec, end } => {
                start.run_quietly()?;
                Self { candidate, exec: exec.clone(), keeper: None, end: end.clone() }
            }
        };
        // The floor is told before its container stands: the first exec may come too early.
        let tried = (0..50).map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            held.exec.check().map(|_| ())
        });
        let mut last = Ok(());
        for result in tried {
            last = result;
            if last.is_ok() {
                break;
            }
        }
        last.map(|()| Some(held))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some((child, pid)) = &mut self.keeper {
            let _ = Command::new("kill").args(["-KILL", pid]).status();
            let _ = child.wait();
        }
        for step in &self.end {
            if let Err(why) = step.check() {
                eprintln!("bench: {}: {why}", self.candidate.name);
            }
        }
    }
}
