//! Signals that are caught, sent and waited for.

use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, kill_process};
use sys::Context;
use sys::signalfd::SignalFd;

use crate::{Failure, Outcome, line, names, number, ok, status, text};

pub fn run(verb: &str, args: &[String]) -> Outcome {
    match verb {
        "catch" => catch(args),
        "kill" => {
            let pid = Pid::from_raw(number(args, 0, "a pid")?);
            let pid = pid.ok_or_else(|| Failure::Usage("0 is no pid".to_owned()))?;
            send(pid, text(args, 1, "a signal")?)?;
            ok()
        }
        "kill-self" => {
            send(getpid(), text(args, 0, "a signal")?)?;
            line("survived");
            ok()
        }
        _ => {
            let seconds: f64 = number(args, 0, "a number of seconds")?;
            let time = Duration::try_from_secs_f64(seconds)
                .map_err(|_| Failure::Usage(format!("{seconds} is no number of seconds")))?;
            std::thread::sleep(time);
            ok()
        }
    }
}

fn signal_number(name: &str) -> Result<i32, Failure> {
    names::signal_number(name).ok_or_else(|| Failure::Usage(format!("{name} is no signal")))
}

fn send(pid: Pid, name: &str) -> Result<(), Failure> {
    let number = signal_number(name)?;
    let signal = Signal::from_named_raw(number)
        .ok_or_else(|| Failure::Usage(format!("{name} cannot be sent")))?;
    kill_process(pid, signal).sys("kill", || format!("{} {name}", pid.as_raw_nonzero()))?;
    Ok(())
}

/// Tells of every signal until the second INT, which ends it with exit code 0.
fn catch(args: &[String]) -> Outcome {
    let wanted = if args.is_empty() {
        // 32 and 33 are the C library's own.
        (1..=64).filter(|n| ![9, 19, 32, 33].contains(n)).collect()
    } else {
        args.iter().map(|name| signal_number(name)).collect::<Result<Vec<_>, _>>()?
    };
    let signals = SignalFd::block(wanted)?;
    line("ready");
    let mut interrupts = 0;
    while interrupts < 2 {
        let got = signals.read()?;
        let name = names::signal(got.signal);
        let mut told = format!("got {name} pid {} uid {}", got.pid, got.uid);
        if name == "WINCH" {
            told += &format!(" size {}", status::terminal_size().unwrap_or_default());
        }
        line(&told);
        interrupts += u32::from(name == "INT");
    }
    ok()
}
