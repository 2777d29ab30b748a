//! What of a process survives something that befalls it, a checkpoint for instance: things are set
//! up, and looked at again when a file appears.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, epoll, eventfd, poll};
use rustix::fs::{FlockOperation, MemfdFlags, fcntl_lock, flock, memfd_create};
use rustix::pipe::pipe;
use rustix::process::{Signal, getpid, kill_process};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use sys::signalfd::SignalFd;

use crate::{Failure, Outcome, line, text};

/// Looks again; what is not as it was, in words.
type Check = Box<dyn FnOnce() -> Result<(), String>>;

/// `PLACE KIND...`: prints `ready` when all is set up, waits for a file at PLACE, and prints
/// `ok KIND` or `lost KIND: WORDS` for each.
pub fn run(args: &[String]) -> Outcome {
    let place = text(args, 0, "a path")?.to_owned();
    let mut checks = BTreeMap::new();
    for kind in &args[1..] {
        let check = set_up(kind).map_err(|error| Failure::Usage(format!("{kind}: {error}")))?;
        checks.insert(kind.clone(), check);
    }
    let before = view();
    line("ready");
    while !Path::new(&place).exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let after = view();
    for (key, value) in &before {
        if after.get(key) != Some(value) {
            line(&format!("lost {key}: {value:?}, now {:?}", after.get(key)));
        }
    }
    for (kind, check) in checks {
        match check() {
            Ok(()) => line(&format!("ok {kind}")),
            Err(words) => line(&format!("lost {kind}: {words}")),
        }
    }
    line("end");
    Ok(ExitCode::SUCCESS)
}

/// How this process sees itself.
fn view() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for row in status.lines() {
        let (key, value) = row.split_once(':').unwrap_or((row, ""));
        let kept =
            ["Name", "Umask", "Pid", "PPid", "Uid", "Gid", "Groups", "Threads", "NoNewPrivs"];
        if kept.contains(&key)
            || key.starts_with("Cap")
            || (key.starts_with("Sig") && key != "SigQ")
            || key.starts_with("Seccomp")
            || key.starts_with("Shd")
            || key.starts_with("Cpus_allowed")
        {
            all.insert(key.to_owned(), value.trim().to_owned());
        }
    }
    for (name, path) in [
        ("limits", "/proc/self/limits"),
        ("hostname", "/proc/sys/kernel/hostname"),
        ("cgroup", "/proc/self/cgroup"),
        ("routes", "/proc/net/route"),
        ("oom", "/proc/self/oom_score_adj"),
    ] {
        all.insert(name.to_owned(), std::fs::read_to_string(path).unwrap_or_default());
    }
    for name in ["cwd", "exe", "root"] {
        let link = std::fs::read_link(format!("/proc/self/{name}"));
        all.insert(name.to_owned(), format!("{link:?}"));
    }
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut mounts: Vec<_> = mounts.lines().map(str::to_owned).collect();
    mounts.sort();
    all.insert("mounts".to_owned(), mounts.join("\n"));
    let addresses = std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let mut addresses: Vec<_> = addresses.lines().filter(|line| line.contains("|--")).collect();
    addresses.sort_unstable_by_key(|line| line.trim());
    addresses.dedup_by_key(|line| line.trim());
    let addresses: Vec<_> = addresses.iter().map(|line| line.trim()).collect();
    all.insert("addresses".to_owned(), addresses.join("\n"));
    let session = rustix::process::getsid(None).map(|sid| sid.as_raw_nonzero().get());
    all.insert("session".to_owned(), format!("{session:?}"));
    all
}

/// With what went wrong in words.
fn said<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

fn same<T: PartialEq + std::fmt::Debug>(found: T, wanted: T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{found:?}, not {wanted:?}")) }
}

fn set_up(kind: &str) -> Result<Check, String> {
    match kind {
        "memory" => memory(),
        "files" => files(),
        "unlinked" => unlinked(),
        "linked" => linked(),
        "pipes" => pipes(),
        "epoll" => waiting(),
        "timers" => timers(),
        "signals" => signals(),
        "processes" => processes(),
        "threads" => threads(),
        "unix" => unix(),
        "tcp" => tcp(),
        "udp" => udp(),
        "locks" => locks(),
        "tmpfs" => tmpfs(),
        "shared" => shared(),
        "devices" => devices(),
        _ => Err("no such kind".to_owned()),
    }
}

/// Every page has a content of its own.
fn memory() -> Result<Check, String> {
    let page = |number: usize| (number as u32).wrapping_mul(2_654_435_761).to_le_bytes();
    let mut all = vec![0_u8; 4 << 20];
    for (number, chunk) in all.chunks_mut(4096).enumerate() {
        chunk[..4].copy_from_slice(&page(number));
    }
    let check = move || {
        for (number, chunk) in all.chunks(4096).enumerate() {
            same(&chunk[..4], &page(number)[..])?;
        }
        Ok(())
    };
    Ok(Box::new(check))
}

fn files() -> Result<Check, String> {
    said(std::fs::create_dir_all("/tmp/survive"))?;
    said(std::env::set_current_dir("/tmp/survive"))?;
    said(std::fs::write("file", "0123456789"))?;
    let mut reader = said(File::open("file"))?;
    said(reader.seek(SeekFrom::Start(4)))?;
    let mut appender = said(OpenOptions::new().append(true).open("file"))?;
    let copy = said(reader.try_clone())?;
    let check = move || {
        said(appender.write_all(b"abc"))?;
        let mut text = String::new();
        said(reader.read_to_string(&mut text))?;
        same(text.as_str(), "456789abc")?;
        // One open file, one position.
        same(said((&copy).stream_position())?, 13)?;
        same(said(std::env::current_dir())?.to_str(), Some("/tmp/survive"))
    };
    Ok(Box::new(check))
}

/// A file that has lost its only name.
fn unlinked() -> Result<Check, String> {
    let mut file = said(
        OpenOptions::new().read(true).write(true).create(true).truncate(true).open("/tmp/ghost"),
    )?;
    said(file.write_all(b"ghostly"))?;
    said(std::fs::remove_file("/tmp/ghost"))?;
    let check = move || {
        said(file.seek(SeekFrom::Start(0)))?;
        let mut text = String::new();
        said(file.read_to_string(&mut text))?;
        same(text.as_str(), "ghostly")?;
        same(Path::new("/tmp/ghost").exists(), false)
    };
    Ok(Box::new(check))
}

/// One that has lost the name it was opened by, and has another that nobody can know.
fn linked() -> Result<Check, String> {
    let _ = std::fs::remove_file("/tmp/other");
    said(std::fs::write("/tmp/one", "linked"))?;
    said(std::fs::hard_link("/tmp/one", "/tmp/other"))?;
    let mut file = said(File::open("/tmp/one"))?;
    said(std::fs::remove_file("/tmp/one"))?;
    let check = move || {
        let mut text = String::new();
        said(file.read_to_string(&mut text))?;
        same(text.as_str(), "linked")?;
        same(said(std::fs::read_to_string("/tmp/other"))?.as_str(), "linked")
    };
    Ok(Box::new(check))
}

fn pipes() -> Result<Check, String> {
    let (reader, writer) = said(pipe())?;
    said(rustix::io::write(&writer, b"in flight"))?;
    let mut child: Child =
        said(Command::new("/bin/cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn())?;
    let check = move || {
        let mut buffer = [0; 32];
        let length = said(rustix::io::read(&reader, &mut buffer))?;
        same(&buffer[..length], &b"in flight"[..])?;
        let (Some(mut to), Some(mut from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".to_owned());
        };
        said(to.write_all(b"to and fro"))?;
        drop(to);
        let mut text = String::new();
        said(from.read_to_string(&mut text))?;
        same(text.as_str(), "to and fro")?;
        same(said(child.wait())?.code(), Some(0))
    };
    Ok(Box::new(check))
}

fn waiting() -> Result<Check, String> {
    let event = said(eventfd(5, EventfdFlags::empty()))?;
    let (reader, writer) = said(pipe())?;
    let all = said(epoll::create(epoll::CreateFlags::CLOEXEC))?;
    said(epoll::add(&all, &event, epoll::EventData::new_u64(7), epoll::EventFlags::IN))?;
    said(epoll::add(&all, &reader, epoll::EventData::new_u64(9), epoll::EventFlags::IN))?;
    let check = move || {
        let ready = |all: &rustix::fd::OwnedFd| {
            let mut events = [std::mem::MaybeUninit::uninit(); 4];
            let now = Timespec { tv_sec: 1, tv_nsec: 0 };
            let (ready, _) = said(epoll::wait(all, &mut events, Some(&now)))?;
            let mut names: Vec<u64> = ready.iter().map(|event| event.data.u64()).collect();
            names.sort_unstable();
            Ok::<_, String>(names)
        };
        same(ready(&all)?, vec![7])?;
        said(rustix::io::write(&writer, b"x"))?;
        same(ready(&all)?, vec![7, 9])?;
        said(rustix::io::read(&reader, &mut [0; 1]))?;
        let mut counter = [0; 8];
        said(rustix::io::read(&event, &mut counter))?;
        same(u64::from_ne_bytes(counter), 5)
    };
    Ok(Box::new(check))
}

fn timers() -> Result<Check, String> {
    let timer = said(timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::empty()))?;
    let tick = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    // Not due before the checkpoint: of one that is, CRIU forgets the interval.
    let first = Timespec { tv_sec: 5, tv_nsec: 0 };
    let times = Itimerspec { it_interval: tick, it_value: first };
    said(timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times))?;
    let check = move || {
        let mut fds = [PollFd::new(&timer, PollFlags::IN)];
        for _ in 0..3 {
            let limit = Timespec { tv_sec: 9, tv_nsec: 0 };
            same(said(poll(&mut fds, Some(&limit)))?, 1)?;
            said(rustix::io::read(timer.as_fd(), &mut [0; 8]))?;
        }
        Ok(())
    };
    Ok(Box::new(check))
}

fn signals() -> Result<Check, String> {
    let signals = said(SignalFd::block([Signal::USR1.as_raw(), 35]).map_err(|e| e.errno()))?;
    said(kill_process(getpid(), Signal::USR1))?;
    let check = move || {
        let got = said(signals.read().map_err(|error| error.errno()))?;
        same(got.signal, Signal::USR1.as_raw())
    };
    Ok(Box::new(check))
}

/// A child, a grandchild of a dead child, and one that has ended and was not waited for.
fn processes() -> Result<Check, String> {
    let mut child = said(Command::new("/bin/sleep").arg("1000").spawn())?;
    let mut dead = said(Command::new("/bin/true").spawn())?;
    let script = "sleep 1001 & exit 0";
    said(said(Command::new("/bin/sh").args(["-c", script]).spawn())?.wait())?;
    std::thread::sleep(Duration::from_millis(100));
    let check = move || {
        same(said(child.try_wait())?, None)?;
        same(said(dead.wait())?.code(), Some(0))?;
        said(child.kill())?;
        said(child.wait())?;
        let orphan = said(std::fs::read_dir("/proc"))?.flatten().any(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            line.windows(4).any(|part| part == b"1001")
        });
        same(orphan, true)
    };
    Ok(Box::new(check))
}

fn threads() -> Result<Check, String> {
    let counters: Vec<_> = (0..4).map(|_| Arc::new(AtomicU32::new(0))).collect();
    for counter in &counters {
        let counter = Arc::clone(counter);
        std::thread::spawn(move || {
            loop {
                counter.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    }
    let check = move || {
        let read = || counters.iter().map(|one| one.load(Ordering::Relaxed)).collect::<Vec<_>>();
        let before = read();
        std::thread::sleep(Duration::from_millis(300));
        same(before.iter().zip(read()).all(|(before, after)| after > *before), true)
    };
    Ok(Box::new(check))
}

fn unix() -> Result<Check, String> {
    let path = "/tmp/survive.sock";
    let _ = std::fs::remove_file(path);
    let listener = said(UnixListener::bind(path))?;
    let mut client = said(UnixStream::connect(path))?;
    let (mut server, _) = said(listener.accept())?;
    said(client.write_all(b"queued"))?;
    let (left, right) = said(UnixDatagram::pair())?;
    said(left.send(b"one"))?;
    said(left.send(b"another"))?;
    let check = move || {
        let mut buffer = [0; 6];
        said(server.read_exact(&mut buffer))?;
        same(&buffer, b"queued")?;
        said(server.write_all(b"answer"))?;
        said(client.read_exact(&mut buffer))?;
        same(&buffer, b"answer")?;
        let mut packet = [0; 32];
        same(said(right.recv(&mut packet))?, 3)?;
        same(said(right.recv(&mut packet))?, 7)?;
        let _again = said(UnixStream::connect("/tmp/survive.sock"))?;
        said(listener.accept()).map(|_| ())
    };
    Ok(Box::new(check))
}

/// A connection to itself; the peer outside is a test of its own.
fn tcp() -> Result<Check, String> {
    let listener = said(TcpListener::bind("127.0.0.1:7777"))?;
    let mut client = said(TcpStream::connect("127.0.0.1:7777"))?;
    let (mut server, _) = said(listener.accept())?;
    said(client.write_all(b"queued"))?;
    let check = move || {
        let mut buffer = [0; 6];
        said(server.read_exact(&mut buffer))?;
        same(&buffer, b"queued")?;
        said(server.write_all(b"answer"))?;
        said(client.read_exact(&mut buffer))?;
        same(&buffer, b"answer")?;
        let _again = said(TcpStream::connect("127.0.0.1:7777"))?;
        said(listener.accept()).map(|_| ())
    };
    Ok(Box::new(check))
}

fn udp() -> Result<Check, String> {
    let one = said(UdpSocket::bind("127.0.0.1:7778"))?;
    let other = said(UdpSocket::bind("127.0.0.1:0"))?;
    said(other.connect("127.0.0.1:7778"))?;
    let check = move || {
        said(other.send(b"hello"))?;
        let mut buffer = [0; 16];
        let (length, from) = said(one.recv_from(&mut buffer))?;
        same((&buffer[..length], Some(from)), (&b"hello"[..], other.local_addr().ok()))
    };
    Ok(Box::new(check))
}

fn locks() -> Result<Check, String> {
    let open = || {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open("/tmp/locked")
    };
    let (whole, range) = (
        said(open())?,
        said(OpenOptions::new().write(true).create(true).truncate(true).open("/tmp/range"))?,
    );
    said(flock(&whole, FlockOperation::LockExclusive))?;
    said(fcntl_lock(&range, FlockOperation::LockExclusive))?;
    let check = move || {
        let other = said(open())?;
        let refused = flock(&other, FlockOperation::NonBlockingLockExclusive);
        same(refused, Err(rustix::io::Errno::WOULDBLOCK))?;
        // The record locks of a process are none to itself: another one looks.
        let locks = said(std::fs::read_to_string("/proc/locks"))?;
        same(locks.contains("POSIX"), true)?;
        drop((whole, range));
        Ok(())
    };
    Ok(Box::new(check))
}

fn tmpfs() -> Result<Check, String> {
    said(std::fs::create_dir_all("/run/deep/down"))?;
    said(std::fs::write("/run/deep/down/file", vec![b'x'; 100_000]))?;
    let mut open = said(File::open("/run/deep/down/file"))?;
    said(open.seek(SeekFrom::Start(99_990)))?;
    let check = move || {
        same(said(std::fs::read("/run/deep/down/file"))?, vec![b'x'; 100_000])?;
        let mut text = String::new();
        said(open.read_to_string(&mut text))?;
        same(text.len(), 10)
    };
    Ok(Box::new(check))
}

fn shared() -> Result<Check, String> {
    said(std::fs::write("/dev/shm/shared", "posix"))?;
    let memfd = said(memfd_create("survive", MemfdFlags::CLOEXEC))?;
    said(rustix::io::write(&memfd, b"memfd"))?;
    let check = move || {
        same(said(std::fs::read_to_string("/dev/shm/shared"))?.as_str(), "posix")?;
        let mut buffer = [0; 8];
        let length = said(rustix::io::pread(&memfd, &mut buffer, 0))?;
        same(&buffer[..length], &b"memfd"[..])
    };
    Ok(Box::new(check))
}

fn devices() -> Result<Check, String> {
    let mut zero = said(File::open("/dev/zero"))?;
    let mut null = said(OpenOptions::new().write(true).open("/dev/null"))?;
    let check = move || {
        let mut buffer = [1; 4];
        said(zero.read_exact(&mut buffer))?;
        same(buffer, [0; 4])?;
        said(null.write_all(b"gone"))?;
        said(said(File::open("/dev/urandom"))?.read_exact(&mut buffer))
    };
    Ok(Box::new(check))
}
