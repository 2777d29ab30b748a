//! The screen that lives: looks, keys, signals.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use libcontainer::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use rustix::stdio::stdin;
use sys::Context;
use sys::signalfd::SignalFd;

use super::figures::Row;
use super::keys::{Typed, parse};
use super::screen::{Screen, leave};
use super::view::{Key, List, Look};
use super::watch::Watch;
use super::{FIRST, after, detail};

/// How long the rest of an escape sequence may take to arrive.
const SEQUENCE: Duration = Duration::from_millis(50);

/// Until somebody quits; the exit code.
pub fn run(watch: &mut Watch<'_>, id: Option<&str>, sort: Key, interval: Duration) -> Result<u8> {
    let signals = SignalFd::block(
        [
            Signal::INT,
            Signal::TERM,
            Signal::HUP,
            Signal::QUIT,
            Signal::WINCH,
            Signal::TSTP,
            Signal::CONT,
        ]
        .map(Signal::as_raw),
    )?;
    let mut screen = Screen::enter()?;
    let mut view = View {
        list: List { sort, reverse: false, chosen: id.map(str::to_owned) },
        detail: id.is_some(),
        scroll: 0,
        rows: Vec::new(),
        look: Look::of_this_terminal(),
    };
    let mut due = Instant::now();
    let mut pause = FIRST.min(interval);
    loop {
        if Instant::now() >= due {
            view.rows = watch.look()?;
            due = after(due, std::mem::replace(&mut pause, interval));
        }
        view.list.sort.sort(&mut view.rows, view.list.reverse);
        screen.draw(view.lines(screen.size()))?;
        let (key, signal) = wait(&signals, due.saturating_duration_since(Instant::now()))?;
        if signal {
            let signal = signals.read()?.signal;
            match Signal::from_named_raw(signal) {
                Some(Signal::WINCH) => screen.resized(),
                // Stopped by SIGSTOP, somebody else has had the terminal.
                Some(Signal::CONT) => screen.again()?,
                Some(Signal::TSTP) => suspend(&mut screen)?,
                _ => return Ok(u8::try_from(128 + signal).unwrap_or(u8::MAX)),
            }
        }
        if key {
            let Some(keys) = typed()? else { return Ok(0) };
            for key in keys {
                match key {
                    Typed::Char('\u{1a}') => suspend(&mut screen)?,
                    Typed::Char('\u{c}') => screen.resized(),
                    key if view.key(key, screen.size()) => return Ok(0),
                    _ => {}
                }
            }
        }
    }
}

/// Whether there is something to read at the keyboard, and a signal.
fn wait(signals: &SignalFd, left: Duration) -> Result<(bool, bool)> {
    let timeout = Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    };
    let stdin = stdin();
    let mut fds = [
        PollFd::from_borrowed_fd(stdin, PollFlags::IN),
        PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN),
    ];
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(sys::SysError::new("poll", "", errno).into()),
    }
    Ok((!fds[0].revents().is_empty(), !fds[1].revents().is_empty()))
}

/// What has been typed; none at the end of the input.
fn typed() -> Result<Option<Vec<Typed>>> {
    let mut bytes = [0; 256];
    let mut used = 0;
    loop {
        match rustix::io::read(stdin(), &mut bytes[used..]) {
            // The other side of the terminal has gone.
            Ok(0) | Err(Errno::IO) => return Ok(None),
            Ok(count) => used += count,
            Err(Errno::INTR | Errno::AGAIN) => {}
            result => {
                result.sys("read", || "standard input")?;
            }
        }
        // A sequence may come in two parts over a network.
        let begun = matches!(bytes[..used], [.., 0x1b] | [.., 0x1b, b'[' | b'O']);
        let mut fds = [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)];
        let timeout = Timespec { tv_sec: 0, tv_nsec: SEQUENCE.subsec_nanos().into() };
        if !begun || used == bytes.len() || poll(&mut fds, Some(&timeout)) != Ok(1) {
            return Ok(Some(parse(&bytes[..used])));
        }
    }
}

/// Gives the terminal back and stops, until somebody says SIGCONT.
fn suspend(screen: &mut Screen) -> Result<()> {
    leave();
    kill_process(getpid(), Signal::STOP).sys("kill", || "")?;
    screen.again()
}

/// What is shown.
struct View {
    list: List,
    /// Of the chosen container only.
    detail: bool,
    /// So many lines of the detail are above the screen.
    scroll: usize,
    rows: Vec<Row>,
    look: Look,
}

impl View {
    fn lines(&mut self, (height, width): (usize, usize)) -> Vec<String> {
        if !self.detail {
            return self.list.lines(&self.rows, (height, width), self.look);
        }
        let chosen = self.list.chosen.as_deref();
        let mut lines = match self.rows.iter().find(|row| Some(&*row.id) == chosen) {
            Some(row) => detail::lines(row, width, self.look),
            None => vec![format!("container {} is gone", chosen.unwrap_or_default())],
        };
        let room = height.saturating_sub(1);
        self.scroll = self.scroll.min(lines.len().saturating_sub(room));
        lines.drain(..self.scroll);
        lines.resize(room, String::new());
        lines.push(self.look.paint("2", "q quit  Esc back  up, down"));
        lines
    }

    /// Does what a key asks for; whether that is to quit.
    fn key(&mut self, key: Typed, (height, _): (usize, usize)) -> bool {
        let page = isize::try_from(height.saturating_sub(3).max(1)).unwrap_or(1);
        match key {
            Typed::Char('q' | '\u{3}' | '\u{1c}') => return true,
            Typed::Escape if !self.detail => return true,
            Typed::Escape => self.detail = false,
            Typed::Char('\r' | '\n') if !self.detail => {
                self.list.go(&self.rows, 0);
                (self.detail, self.scroll) = (self.list.chosen.is_some(), 0);
            }
            Typed::Char('\r' | '\n') => self.detail = false,
            Typed::Up | Typed::Char('k') => self.go(-1),
            Typed::Down | Typed::Char('j') => self.go(1),
            Typed::PageUp => self.go(-page),
            Typed::PageDown => self.go(page),
            Typed::Home => self.go(isize::MIN),
            Typed::End => self.go(isize::MAX),
            Typed::Char(key) => {
                if let Some(sort) = Key::typed(key) {
                    self.list.reverse = self.list.sort == sort && !self.list.reverse;
                    self.list.sort = sort;
                }
            }
        }
        false
    }

    fn go(&mut self, by: isize) {
        match self.detail {
            true => self.scroll = self.scroll.saturating_add_signed(by),
            false => self.list.go(&self.rows, by),
        }
    }
}
