//! A host to act on, and what comes after a fault.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use libcontainer::{ErrorKind, Process, Status};

use super::Scenario;
use super::creator::{TRACE_INIT, config};
use super::devices::Moved;
use super::points::{self, Point};
use crate::common::{self, HostSnapshot, Place};

/// The container's.
pub const ID: &str = "struck";
/// In the network namespace of this test program.
pub const BRIDGE: &str = "lct-br0";

/// No creator takes longer, traced or not.
const DEADLINE: Duration = Duration::from_secs(10);

/// A place, a bridge, and for some scenarios a container that runs.
pub struct World {
    /// Gone before the place is: its namespace is mounted there.
    device: Option<Moved>,
    pub place: Place,
    scenario: Scenario,
}

impl World {
    /// `None`, and said why, where something is missing.
    pub fn new(scenario: Scenario) -> Option<Self> {
        for program in ["strace", "ip"] {
            if !common::has_program(program) {
                common::skip(&format!("there is no {program}: scripts/prepare installs it"));
                return None;
            }
        }
        let place = Place::new()?;
        let ip = |args: &[&str]| Command::new("ip").args(args).output().unwrap().status.success();
        if !ip(&["link", "show", BRIDGE]) && !ip(&["link", "add", BRIDGE, "type", "bridge"]) {
            common::skip("the kernel has no bridges: CONFIG_BRIDGE");
            return None;
        }
        // The state root itself stays: only what is in it is a container's.
        fs::create_dir(place.state_root()).unwrap();
        let device = (scenario == Scenario::Devices).then(|| Moved::new(&place));
        Some(Self { place, scenario, device })
    }

    pub fn id(&self) -> &'static str {
        ID
    }

    /// Makes what the scenario finds already there.
    pub fn prepare(&self) {
        if matches!(self.scenario, Scenario::Exec | Scenario::Destroy) {
            let container = self.place.factory().create(ID, config(self.scenario, &self.place));
            container.unwrap().run(Process::new(["sleep", "1000"]).silent()).unwrap();
        }
        if self.scenario == Scenario::Release {
            let container = self.place.factory().create(ID, config(self.scenario, &self.place));
            container.unwrap().start(Process::new(["sleep", "1000"]).silent()).unwrap();
        }
    }

    fn creator(&self) -> [String; 4] {
        let program = std::env::current_exe().unwrap().to_string_lossy().into_owned();
        let place = self.place.dir().to_string_lossy().into_owned();
        [program, "creator".to_owned(), self.scenario.name(), place]
    }

    fn command(&self, strace: &[&str]) -> Command {
        let mut command = Command::new("strace");
        command.args(strace).args(self.creator());
        self.dress(&mut command);
        command
    }

    fn dress(&self, command: &mut Command) {
        command.env("LIBCONTAINER_TEST_PREFIX", common::prefix());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    }

    /// The creator, killed while the second hook of this kind runs.
    pub fn run_killed_amid(&self, kind: &str) -> Result<(), String> {
        let amid = self.place.rootfs().join("amid");
        let _ = fs::remove_file(&amid);
        let slow = self.place.rootfs().join("slow");
        fs::write(&slow, kind).unwrap();
        self.prepare();
        let [program, args @ ..] = self.creator();
        let mut command = Command::new(program);
        self.dress(command.args(args));
        let mut creator = command.spawn().unwrap();
        let deadline = Instant::now() + DEADLINE;
        while !amid.exists() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        creator.kill().unwrap();
        creator.wait().unwrap();
        fs::remove_file(slow).unwrap();
        fs::remove_file(amid).map_err(|_| format!("no {kind} hook ran"))
    }

    /// The creator without any fault.
    pub fn run_whole(&self) -> ExitStatus {
        let [program, args @ ..] = self.creator();
        let mut command = Command::new(program);
        self.dress(command.args(args));
        finish(command).unwrap().0
    }

    fn trace_file(&self) -> PathBuf {
        self.place.dir().join("trace")
    }

    /// Where the creator can be struck in the library's code: all of its system calls when
    /// LIBCONTAINER_TEST_ALL is set, else those that change something.
    pub fn points(&self) -> Vec<Point> {
        let all = std::env::var_os("LIBCONTAINER_TEST_ALL").is_some();
        let mut points = self.all_points();
        points.retain(|point| all || point.has_effect());
        points
    }

    /// All of its system calls in the library's code.
    pub fn all_points(&self) -> Vec<Point> {
        let file = self.trace_file();
        self.traced(self.command(&["-o", &file.to_string_lossy()]));
        points::parse(&fs::read_to_string(&file).unwrap(), false).remove(0)
    }

    /// The same of its init, by process.
    pub fn points_of_init(&self) -> Vec<Vec<Point>> {
        let file = self.trace_file();
        let [program, args @ ..] = self.creator();
        let mut command = Command::new(program);
        self.dress(command.args(args).env(TRACE_INIT, format!("-o {}", file.display())));
        self.traced(command);
        points::parse(&fs::read_to_string(&file).unwrap(), true)
    }

    /// One run that nothing disturbs.
    fn traced(&self, command: Command) {
        let before = HostSnapshot::take(&self.place);
        self.prepare();
        let (end, said) = finish(command).unwrap();
        assert!(end.success(), "{end}: {said}");
        self.clean_up(&before, Duration::from_secs(2)).unwrap();
    }

    /// The creator, killed when it comes to this point.
    pub fn run_killed(&self, point: &Point) -> Result<ExitStatus, String> {
        Ok(self.run_with(point, "signal=SIGKILL")?.0)
    }

    /// The creator with a fault of its own at this point, as strace's inject has it.
    pub fn run_with(&self, point: &Point, fault: &str) -> Result<(ExitStatus, String), String> {
        let Point { call, number, .. } = point;
        let inject = format!("inject={call}:{fault}:when={number}");
        let trace = format!("trace={call}");
        finish(self.command(&["-o", "/dev/null", "-e", &trace, "-e", &inject]))
    }

    /// The creator with a fault of its init's at this point.
    pub fn run_with_init(
        &self,
        point: &Point,
        fault: &str,
    ) -> Result<(ExitStatus, String), String> {
        let Point { call, number, .. } = point;
        let inject = format!("-o /dev/null -e inject={call}:{fault}:when={number}");
        let [program, args @ ..] = self.creator();
        let mut command = Command::new(program);
        self.dress(command.args(args).env(TRACE_INIT, inject));
        finish(command)
    }

    /// Another program's part: kill and destroy what can be found. Then the host must be as it
    /// was `before`, and until then no init of ours may stand half-way.
    pub fn clean_up(&self, before: &HostSnapshot, limit: Duration) -> Result<(), String> {
        half_way(limit)?;
        let noted = self.place.state_root().join(ID).join("devices.json").exists();
        if reaping(|| self.kill_and_destroy())? {
            self.check_interfaces(before, noted)?;
        }
        let deadline = Instant::now() + limit;
        loop {
            common::reap_adopted(&[]);
            match before.wait_restored(Duration::from_millis(20)) {
                None => return Ok(()),
                Some(difference) if Instant::now() >= deadline => {
                    return Err(format!("the host is not as it was:\n{difference}"));
                }
                Some(_) => {}
            }
        }
    }

    /// Whether there was a container.
    fn kill_and_destroy(&self) -> Result<bool, String> {
        let failed = |what: &str, error: &libcontainer::Error| format!("{what}: {error}");
        match self.place.factory().load(ID) {
            Ok(container) => {
                if self.scenario == Scenario::Exec {
                    let status = container.status().map_err(|e| failed("status", &e))?;
                    if status != Status::Running {
                        return Err(format!("the container is {status:?}"));
                    }
                }
                container.kill().map_err(|e| failed("kill", &e))?;
                container.destroy().map_err(|e| failed("destroy", &e))?;
                Ok(true)
            }
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed("load", &error)),
        }
    }

    /// Not while somebody reaps: this runs commands.
    fn check_interfaces(&self, before: &HostSnapshot, noted: bool) -> Result<(), String> {
        if let Some(device) = &self.device {
            if noted && !device.is_home() {
                return Err("the network device has not come back".to_owned());
            }
            device.bring_home();
        }
        // The kernel would remove them by itself, some time.
        let interfaces = HostSnapshot::take(&self.place).interfaces;
        if interfaces != before.interfaces {
            return Err(format!("after destroy there are {interfaces:?}"));
        }
        Ok(())
    }
}

/// Does something while orphans are reaped, as a host's PID 1 does: the PID 1 of a PID namespace
/// cannot end before every process in it has been waited for (pid_namespaces(7)).
fn reaping<T>(act: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                common::reap_adopted(&[]);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let result = act();
        done.store(true, Ordering::Relaxed);
        result
    })
}

/// Waits until every init of ours has either ended, or executed its program, or waits for its
/// release.
fn half_way(limit: Duration) -> Result<(), String> {
    let deadline = Instant::now() + limit;
    loop {
        common::reap_adopted(&[]);
        let left: Vec<_> = common::mark_adopted()
            .into_iter()
            .filter(|it| ["libcontainer:0", "libcontainer:1"].contains(&it.name.as_str()))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(format!("stands half-way: {left:?}"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs a command to its end: its status, and what it said.
fn finish(mut command: Command) -> Result<(ExitStatus, String), String> {
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            // Whoever else holds the pipe must not hold us: it is not read to its end.
            let mut said = vec![0; 4096];
            let length = child.stdout.take().map_or(0, |pipe| {
                let flags = rustix::fs::fcntl_getfl(&pipe).unwrap();
                let _ = rustix::fs::fcntl_setfl(&pipe, flags | rustix::fs::OFlags::NONBLOCK);
                rustix::io::read(&pipe, &mut said[..]).unwrap_or(0)
            });
            said.truncate(length);
            return Ok((status, String::from_utf8_lossy(&said).trim().to_owned()));
        }
        if Instant::now() >= deadline {
            let hanging = common::mark_adopted();
            for process in &hanging {
                let pid = rustix::process::Pid::from_raw(process.pid).unwrap();
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
            let _ = child.wait();
            return Err(format!("hangs for {DEADLINE:?}: {hanging:?}"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
