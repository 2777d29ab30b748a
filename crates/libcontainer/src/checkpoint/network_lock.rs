//! The lock that CRIU puts on a network while it saves: a table of nftables of its own, or a chain of
//! iptables', that drops everything. CRIU takes it away itself, unless it is killed.

use std::io::Write;
use std::os::fd::BorrowedFd;
use std::process::{Command, Stdio};

use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recvfrom, sendto, socket_with,
};
use sys::namespace::{self, flag};
use sys::{Context, SysError};

use crate::{Error, ErrorKind, Result};

/// As much of a run's id as CRIU 4's buffer for the table's name leaves of it.
const SHORT: usize = 21;

/// What undoes the lock by iptables, in CRIU's own words: first what leads to the chain, then the
/// chain itself.
const TAKEN_BACK: [&str; 2] = [
    "*filter\n:CRIU - [0:0]\n-D INPUT -j CRIU\n-D OUTPUT -j CRIU\nCOMMIT\n",
    "*filter\n:CRIU - [0:0]\n-X CRIU\nCOMMIT\n",
];

/// Takes away the lock that one of these runs of CRIU has left in the network namespace of a
/// process; programs are looked for in `path`.
pub fn unlock(process: BorrowedFd<'_>, runs: &[String], path: &str) -> Result<()> {
    let names = runs.iter().flat_map(|run| [run.get(..SHORT), Some(run)]).flatten();
    let names: Vec<String> = names.map(|run| format!("CRIU-{run}")).collect();
    // A thread of its own goes there, and ends there.
    let work = || {
        namespace::enter(process, flag::NETWORK)?;
        let mut deleted = false;
        for name in &names {
            deleted |= delete(name)?;
        }
        if !deleted {
            for program in ["iptables-restore", "ip6tables-restore"] {
                TAKEN_BACK.iter().try_for_each(|text| restore(program, path, text))?;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let ended = scope.spawn(work).join();
        ended.map_err(|_| Error::new(ErrorKind::System, "a thread has ended"))?
    })
}

/// Has iptables-restore(8) change the tables as CRIU has it do. Where there is no such program, CRIU
/// has not used it; that it refuses is no error, as it does where there is no lock.
fn restore(program: &str, path: &str, text: &str) -> Result<()> {
    let mut command = Command::new(program);
    command.args(["-w", "--noflush"]).env_clear().env("PATH", path).current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return Ok(()) };
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(text.as_bytes());
    }
    child.wait().sys("waitid", || program)?;
    Ok(())
}

/// Deletes a table of the family inet: whether there was one. By NFT_MSG_DELTABLE (linux/netfilter/nf_tables.h).
fn delete(name: &str) -> Result<bool> {
    const SEQUENCE: u32 = 2;
    let what = || format!("NFT_MSG_DELTABLE inet {name}");
    let kind = SocketType::RAW;
    let socket =
        match socket_with(AddressFamily::NETLINK, kind, SocketFlags::CLOEXEC, Some(NETFILTER)) {
            // Whoever has no such tables has none to be deleted.
            Err(Errno::PROTONOSUPPORT) => return Ok(false),
            socket => socket.sys("socket", || "AF_NETLINK, NETLINK_NETFILTER")?,
        };
    let bytes = request(name, SEQUENCE);
    let kernel = SocketAddrNetlink::new(0, 0);
    rustix::io::retry_on_intr(|| sendto(&socket, &bytes, SendFlags::empty(), &kernel))
        .sys("sendto", what)?;
    let mut answer = [0; 4096];
    let mut receive = || {
        let received = recvfrom(&socket, &mut answer[..], RecvFlags::empty());
        received.map(|(_, length, _)| length)
    };
    let length = rustix::io::retry_on_intr(&mut receive).sys("recvfrom", what)?;
    match answer.get(16..20).filter(|_| length >= 20) {
        Some(code) => match i32::from_ne_bytes([code[0], code[1], code[2], code[3]]) {
            0 => Ok(true),
            code => match Errno::from_raw_os_error(code.saturating_neg()) {
                // No such table, or the kernel has no tables at all.
                Errno::NOENT | Errno::OPNOTSUPP | Errno::INVAL => Ok(false),
                errno => Err(SysError::new("netlink", what(), errno).into()),
            },
        },
        None => Err(SysError::new("recvfrom", what(), Errno::BADMSG).into()),
    }
}

/// A batch of one request (`struct nlmsghdr`, `struct nfgenmsg`, `struct nlattr`).
fn request(name: &str, sequence: u32) -> Vec<u8> {
    const BEGIN: u16 = 0x10;
    const END: u16 = 0x11;
    const NFTABLES: u16 = 10;
    const DELETE_TABLE: u16 = NFTABLES << 8 | 2;
    const REQUEST: u16 = 1;
    const ACKNOWLEDGE: u16 = 4;
    const INET: u8 = 1;
    const TABLE_NAME: u16 = 1;
    let mut bytes = Vec::new();
    let mut message = |kind: u16, flags: u16, sequence: u32, family: u8, rest: &[u8]| {
        bytes.extend((20 + rest.len() as u32).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend([family, 0]);
        bytes.extend(if family == 0 { NFTABLES } else { 0 }.to_be_bytes());
        bytes.extend(rest);
    };
    let mut attribute = Vec::new();
    attribute.extend((5 + name.len() as u16).to_ne_bytes());
    attribute.extend(TABLE_NAME.to_ne_bytes());
    attribute.extend(name.as_bytes());
    attribute.push(0);
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    message(BEGIN, REQUEST, sequence - 1, 0, &[]);
    message(DELETE_TABLE, REQUEST | ACKNOWLEDGE, sequence, INET, &attribute);
    message(END, REQUEST, sequence + 1, 0, &[]);
    bytes
}
