use std::fs::File;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, fcntl_getpipe_size, pipe_with};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::*;

/// A pseudo-terminal's master, and the program's side.
fn pty() -> (OwnedFd, File) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).unwrap();
    unlockpt(&master).unwrap();
    let peer = ioctl_tiocgptpeer(&master, flags).unwrap();
    (master, File::from(peer))
}

/// The program takes bytes as they come, and does not echo.
fn raw(peer: &File) {
    let mut mode = tcgetattr(peer).unwrap();
    mode.make_raw();
    tcsetattr(peer, OptionalActions::Now, &mode).unwrap();
}

fn pipe() -> (File, File) {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    (File::from(reader), File::from(writer))
}

/// Turns as an event loop does until `done` says so; whether the relay is over by then.
fn turn_until(relay: &mut Relay<'_>, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        let going_on = relay.turn().unwrap();
        if !going_on || done() {
            return !going_on;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "never done");
        let limit = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        let _ = poll(&mut relay.interest(), Some(&limit));
    }
}

fn has(file: &File) -> bool {
    is_ready(file.as_fd(), PollFlags::IN).unwrap()
}

fn text(mut file: &File) -> String {
    let mut buffer = [0; 65536];
    let length = if has(file) { file.read(&mut buffer).unwrap() } else { 0 };
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn copies_both_ways_until_the_other_side_is_closed() {
    let (master, mut peer) = pty();
    raw(&peer);
    let (input, mut keys) = pipe();
    let (screen, output) = pipe();
    let mut relay = Relay::new(master, input.as_fd(), output.as_fd()).unwrap();
    keys.write_all(b"typed").unwrap();
    turn_until(&mut relay, || has(&peer));
    assert_eq!(text(&peer), "typed");
    peer.write_all(b"shown").unwrap();
    turn_until(&mut relay, || has(&screen));
    assert_eq!(text(&screen), "shown");
    peer.write_all(b"last").unwrap();
    drop(peer);
    assert!(turn_until(&mut relay, || false));
    assert_eq!(text(&screen), "last");
}

#[test]
fn a_reader_that_takes_nothing_does_not_hold_up_what_is_typed() {
    let (master, peer) = pty();
    raw(&peer);
    let (input, mut keys) = pipe();
    let (screen, output) = pipe();
    let much = 4 * fcntl_getpipe_size(&output).unwrap();
    let mut writer = peer.try_clone().unwrap();
    let writing = std::thread::spawn(move || writer.write_all(&vec![b'x'; much]).unwrap());
    let mut relay = Relay::new(master, input.as_fd(), output.as_fd()).unwrap();
    // Until the pipe is full and nothing moves any more.
    turn_until(&mut relay, || !is_ready(output.as_fd(), PollFlags::OUT).unwrap());
    std::thread::sleep(Duration::from_millis(50));
    turn_until(&mut relay, || true);
    keys.write_all(b"typed").unwrap();
    turn_until(&mut relay, || has(&peer));
    assert_eq!(text(&peer), "typed");
    // Nothing is lost, and the end waits for the reader.
    drop(peer);
    let mut got = 0;
    assert!(turn_until(&mut relay, || {
        got += text(&screen).len();
        false
    }));
    writing.join().unwrap();
    assert_eq!(got + text(&screen).len(), much);
}

#[test]
fn a_program_that_reads_nothing_does_not_hold_up_what_is_shown() {
    let (master, mut peer) = pty();
    raw(&peer);
    let (input, mut keys) = pipe();
    let (screen, output) = pipe();
    let mut relay = Relay::new(master, input.as_fd(), output.as_fd()).unwrap();
    // More than a terminal holds for its program.
    let piece = [b'k'; 4096];
    for _ in 0..8 {
        keys.write_all(&piece).unwrap();
        turn_until(&mut relay, || true);
    }
    assert!(!relay.typed.is_empty(), "there is room for more: the test shows nothing");
    peer.write_all(b"shown").unwrap();
    turn_until(&mut relay, || has(&screen));
    assert_eq!(text(&screen), "shown");
}

#[test]
fn the_end_of_input_is_typed_again_until_it_is_heard() {
    let (master, mut peer) = pty();
    let (input, mut keys) = pipe();
    let (_screen, output) = pipe();
    let mut relay = Relay::new(master, input.as_fd(), output.as_fd()).unwrap();
    assert!(relay.patience().is_none());
    keys.write_all(b"line").unwrap();
    drop(keys);
    turn_until(&mut relay, || has(&peer));
    assert!(relay.patience().is_some());
    // The first ends the line that is begun, the next the input.
    assert_eq!(text(&peer), "line");
    relay.remind();
    turn_until(&mut relay, || has(&peer));
    let mut buffer = [0; 8];
    assert_eq!(peer.read(&mut buffer).unwrap(), 0);
    drop(input);
}

#[test]
fn what_others_write_after_the_end_is_not_waited_for() {
    let (master, mut peer) = pty();
    raw(&peer);
    let (input, _keys) = pipe();
    let (screen, output) = pipe();
    let mut relay = Relay::new(master, input.as_fd(), output.as_fd()).unwrap();
    // Nothing more comes, but somebody could write.
    peer.write_all(b"last").unwrap();
    relay.finish();
    assert!(turn_until(&mut relay, || false));
    assert_eq!(text(&screen), "last");
    // Somebody does, for ever.
    let (master, peer) = pty();
    raw(&peer);
    let mut relay = Relay::new(master, input.as_fd(), output.as_fd()).unwrap();
    let mut writer = peer.try_clone().unwrap();
    let writing = std::thread::spawn(move || while writer.write_all(&[b'y'; 512]).is_ok() {});
    turn_until(&mut relay, || !text(&screen).is_empty());
    relay.finish();
    assert!(turn_until(&mut relay, || {
        text(&screen);
        // Long enough for him to have written more.
        std::thread::sleep(Duration::from_millis(2));
        false
    }));
    drop(relay);
    writing.join().unwrap();
}

#[test]
fn an_output_that_nobody_reads_is_no_error() {
    let (master, mut peer) = pty();
    raw(&peer);
    let (input, mut keys) = pipe();
    let (screen, output) = pipe();
    drop(screen);
    let mut relay = Relay::new(master, input.as_fd(), output.as_fd()).unwrap();
    for _ in 0..3 {
        peer.write_all(&[b'x'; 1000]).unwrap();
        turn_until(&mut relay, || true);
    }
    keys.write_all(b"typed").unwrap();
    turn_until(&mut relay, || has(&peer));
    assert_eq!(text(&peer), "typed");
}

#[test]
fn the_callers_terminal_is_raw_meanwhile_and_its_size_is_the_programs() {
    let (callers_master, callers) = pty();
    let (master, peer) = pty();
    let cooked = || tcgetattr(&callers).unwrap().local_modes.contains(LocalModes::ICANON);
    mode::resize(callers_master.as_fd(), (33, 101)).unwrap();
    {
        let mut relay = Relay::new(master, callers.as_fd(), callers.as_fd()).unwrap();
        assert!(!cooked());
        assert_eq!(mode::size(peer.as_fd()).unwrap(), (33, 101));
        mode::resize(callers_master.as_fd(), (44, 102)).unwrap();
        relay.resize().unwrap();
        assert_eq!(mode::size(peer.as_fd()).unwrap(), (44, 102));
        relay.release();
        assert!(cooked());
        mode::resize(callers_master.as_fd(), (55, 103)).unwrap();
        relay.resume().unwrap();
        assert!(!cooked());
        assert_eq!(mode::size(peer.as_fd()).unwrap(), (55, 103));
    }
    assert!(cooked());
}
