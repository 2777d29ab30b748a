//! One connection, served or made: TCP at ADDRESS:PORT, a Unix socket at a path or @NAME (an
//! abstract one). And messages to a service manager.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, UnixDatagram, UnixListener, UnixStream};
use std::process::ExitCode;

use sys::Context;

use crate::{Failure, Outcome, line, ok, text};

pub fn run(verb: &str, args: &[String]) -> Outcome {
    if verb == "notify" {
        return notify(args);
    }
    let address = text(args, 0, "an address")?;
    match verb {
        "listen" => listen(address, args.get(1).map_or("hello", String::as_str)),
        _ => connect(address),
    }
}

/// Prints `listening ADDRESS`, then `peer ADDRESS` and what the peer sent.
fn listen(address: &str, text: &str) -> Outcome {
    if let Some(place) = unix(address) {
        let listener = UnixListener::bind_addr(&place?).sys("bind", || address)?;
        line(&format!("listening {address}"));
        let (stream, _) = listener.accept().sys("accept", || address)?;
        return serve(stream, "unix", text);
    }
    let listener = TcpListener::bind(tcp(address)?).sys("bind", || address)?;
    let bound = listener.local_addr().sys("getsockname", || address)?;
    line(&format!("listening {bound}"));
    let (stream, peer) = listener.accept().sys("accept", || address)?;
    serve(stream, &peer.to_string(), text)
}

fn serve(mut stream: impl Write, peer: &str, text: &str) -> Outcome {
    line(&format!("peer {peer}"));
    stream.write_all(text.as_bytes()).sys("write", || peer)?;
    Ok(ExitCode::SUCCESS)
}

/// One message a text, each to the socket that NOTIFY_SOCKET names (sd_notify(3)).
fn notify(args: &[String]) -> Outcome {
    let path = std::env::var("NOTIFY_SOCKET")
        .map_err(|_| Failure::Usage("there is no NOTIFY_SOCKET".to_owned()))?;
    let socket = UnixDatagram::unbound().sys("socket", || "")?;
    for text in args {
        socket.send_to(text.as_bytes(), &path).sys("sendto", || &path)?;
    }
    ok()
}

fn connect(address: &str) -> Outcome {
    let mut got = String::new();
    if let Some(place) = unix(address) {
        let mut stream = UnixStream::connect_addr(&place?).sys("connect", || address)?;
        stream.read_to_string(&mut got).sys("read", || address)?;
    } else {
        let mut stream = TcpStream::connect(tcp(address)?).sys("connect", || address)?;
        stream.read_to_string(&mut got).sys("read", || address)?;
    }
    line(&format!("got {got}"));
    Ok(ExitCode::SUCCESS)
}

/// `/path` or `@abstract name`; `None` for another kind.
fn unix(address: &str) -> Option<Result<net::SocketAddr, Failure>> {
    let place = match address.strip_prefix('@') {
        Some(name) => net::SocketAddr::from_abstract_name(name),
        None if address.starts_with('/') => net::SocketAddr::from_pathname(address),
        None => return None,
    };
    Some(place.map_err(|_| Failure::Usage(format!("{address} is no socket's name"))))
}

/// Numbers only: a resolver would make the program three times as big.
fn tcp(address: &str) -> Result<SocketAddr, Failure> {
    address.parse().map_err(|_| Failure::Usage(format!("{address} is not ADDRESS:PORT")))
}
