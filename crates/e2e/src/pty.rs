//! A terminal and somebody who types into it.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::Cmd;
use crate::command::{kill, spawn, try_wait};

/// Rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize(pub u16, pub u16);

/// A command on a terminal of its own, which is its controlling one.
#[derive(Debug)]
pub struct Pty {
    master: File,
    child: Child,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Cmd {
    /// Starts it on a terminal of this size.
    ///
    /// # Panics
    /// If there is no such program, or no terminal to be had.
    #[track_caller]
    pub fn on_terminal(&self, size: WindowSize) -> Pty {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        resize(&master, size);
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = File::from(open(name.as_c_str(), flags, Mode::empty()).unwrap());
        let mut command = self.clone().by(["setsid", "--ctty"]).to_std();
        command.env("TERM", "xterm").stdin(slave.try_clone().unwrap());
        command.stdout(slave.try_clone().unwrap()).stderr(slave);
        let child = spawn(&mut command, "setsid");
        drop(command);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (kept, mut reader) = (Arc::clone(&screen), File::from(master.try_clone().unwrap()));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // EIO when the last holder of the other side has closed it.
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                kept.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        Pty { master: File::from(master), child, screen }
    }
}

fn resize(master: impl std::os::fd::AsFd, WindowSize(rows, columns): WindowSize) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).unwrap();
}

impl Pty {
    /// The command's process id.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// All that has been shown so far.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Types.
    ///
    /// # Panics
    /// If nobody holds the terminal any more.
    #[track_caller]
    pub fn type_in(&mut self, text: &str) -> &mut Self {
        self.master.write_all(text.as_bytes()).unwrap();
        self
    }

    /// Makes the terminal another size; its foreground job gets SIGWINCH.
    pub fn resize(&mut self, size: WindowSize) -> &mut Self {
        resize(&self.master, size);
        self
    }

    /// Waits until `text` has been shown.
    ///
    /// # Panics
    /// When ten seconds pass before.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> &mut Self {
        let end = Instant::now() + crate::seconds(10);
        while !self.screen().contains(text) {
            assert!(Instant::now() < end, "no {text:?} within 10 s:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(2));
        }
        self
    }

    /// Sends the command a signal.
    ///
    /// # Panics
    /// When it has been waited for already.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid()).unwrap(), signal).unwrap();
    }

    /// Whether lines are edited and echoed: not in raw mode.
    ///
    /// # Panics
    /// If the terminal is gone.
    pub fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&self.master).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Waits for the command's end.
    ///
    /// # Panics
    /// When 20 seconds pass before.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + crate::seconds(20);
        loop {
            if let Some(status) = try_wait(&mut self.child) {
                return status;
            }
            assert!(Instant::now() < end, "no end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}
