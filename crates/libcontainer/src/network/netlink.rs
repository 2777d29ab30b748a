//! A synchronous rtnetlink socket: requests in a batch, their answers and errors (netlink(7),
//! rtnetlink(7)).

mod request;

use std::os::fd::OwnedFd;

use netlink_packet_core::{
    NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer, NlasIterator,
};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recvfrom, sendto, socket_with,
};
use sys::{Context, SysError};

pub use self::request::{Body, Request};
use crate::Error;

/// How many requests go out at once: their acknowledgements must fit the receive buffer, which
/// is 208 KiB by default and charged about 1 KiB for each.
const BATCH: usize = 64;

/// The size of `struct nlmsghdr`.
const HEADER: usize = 16;

/// The first request of a batch that the kernel refused.
#[derive(Debug)]
pub struct Failure {
    /// Its place among the requests.
    pub index: usize,
    /// What the kernel said.
    pub error: SysError,
    /// What the kernel said besides (NETLINK_EXT_ACK).
    pub words: Option<String>,
}

impl Failure {
    /// The errno, typed.
    pub fn errno(&self) -> Errno {
        self.error.errno()
    }
}

impl From<SysError> for Failure {
    fn from(error: SysError) -> Self {
        Self { index: 0, error, words: None }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let error = Self::from(failure.error);
        match failure.words {
            Some(words) => error.with_hint(format!("the kernel says: {words}")),
            None => error,
        }
    }
}

/// A socket to the kernel's rtnetlink, in the network namespace it was opened in.
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// Opens one; it is close-on-exec.
    pub fn open() -> sys::Result<Self> {
        let kind = SocketType::RAW;
        // `None` is protocol 0: NETLINK_ROUTE.
        let socket = socket_with(AddressFamily::NETLINK, kind, SocketFlags::CLOEXEC, None)
            .sys("socket", || "AF_NETLINK, NETLINK_ROUTE")?;
        sys::network::report_details(&socket)?;
        Ok(Self { socket, sequence: 1 })
    }

    /// The index of the interface `name`.
    ///
    /// # Errors
    /// ENODEV where there is none.
    pub fn index_of(&self, name: &str) -> sys::Result<u32> {
        rustix::net::netdevice::name_to_index(&self.socket, name)
            .sys("ioctl", || format!("SIOCGIFINDEX {name}"))
    }

    /// Carries out one request and gives the content of its answer, empty where there is only an
    /// acknowledgement.
    pub fn ask(&mut self, request: Request) -> Result<Vec<u8>, Failure> {
        let mut answers = self.run(&[request])?;
        Ok(answers.pop().unwrap_or_default())
    }

    /// Carries out the requests in order and gives the answer of each.
    ///
    /// The kernel goes on after one that fails, until the end of a batch; the first failure is
    /// given back.
    pub fn run(&mut self, requests: &[Request]) -> Result<Vec<Vec<u8>>, Failure> {
        let mut answers = Vec::with_capacity(requests.len());
        for batch in requests.chunks(BATCH) {
            let before = answers.len();
            answers.resize(before + batch.len(), Vec::new());
            self.run_batch(batch, &mut answers[before..])
                .map_err(|failure| Failure { index: failure.index + before, ..failure })?;
        }
        Ok(answers)
    }

    /// Carries out a request for all there are of a kind, and gives the content of each.
    pub fn dump(&mut self, request: Request) -> Result<Vec<Vec<u8>>, Failure> {
        let request = request.dump();
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        request.emit(sequence, &mut bytes);
        self.send(&bytes)?;
        let (mut all, mut done, mut failed) = (Vec::new(), false, None);
        let mut buffer = vec![0; 32 << 10];
        while !done {
            let length = self.receive(&mut buffer)?;
            for_each_message(&buffer[..length], |message| {
                if message.sequence_number() != sequence {
                    return;
                }
                match message.message_type() {
                    NLMSG_DONE => done = true,
                    NLMSG_ERROR => {
                        failed = read_error(message, 0, &request);
                        done = true;
                    }
                    _ => all.push(message.payload().to_vec()),
                }
            })
            .ok_or_else(malformed)?;
        }
        failed.map_or(Ok(all), Err)
    }

    fn send(&self, bytes: &[u8]) -> sys::Result<()> {
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::io::retry_on_intr(|| sendto(&self.socket, bytes, SendFlags::empty(), &kernel))
            .sys("sendto", || "rtnetlink")?;
        Ok(())
    }

    fn run_batch(&mut self, batch: &[Request], answers: &mut [Vec<u8>]) -> Result<(), Failure> {
        let first = self.sequence;
        let mut bytes = Vec::with_capacity(256 * batch.len());
        for request in batch {
            request.emit(self.sequence, &mut bytes);
            self.sequence = self.sequence.wrapping_add(1);
        }
        self.send(&bytes)?;
        let mut open = batch.len();
        let mut failures: Vec<Failure> = Vec::new();
        let mut buffer = vec![0; 32 << 10];
        while open > 0 {
            let length = self.receive(&mut buffer)?;
            for_each_message(&buffer[..length], |message| {
                let index = message.sequence_number().wrapping_sub(first) as usize;
                let Some(request) = batch.get(index) else { return };
                if message.message_type() != NLMSG_ERROR {
                    answers[index] = message.payload().to_vec();
                    return;
                }
                open = open.saturating_sub(1);
                failures.extend(read_error(message, index, request));
            })
            .ok_or_else(malformed)?;
        }
        match failures.into_iter().min_by_key(|failure| failure.index) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// One datagram from the kernel; what others send to our port is dropped.
    fn receive(&self, buffer: &mut [u8]) -> sys::Result<usize> {
        loop {
            let (_, length, from) = rustix::io::retry_on_intr(|| {
                recvfrom(&self.socket, &mut *buffer, RecvFlags::TRUNC)
            })
            .sys("recvfrom", || "rtnetlink")?;
            let from = from.and_then(|from| SocketAddrNetlink::try_from(from).ok());
            if from.is_none_or(|from| from.pid() != 0) {
                continue;
            }
            if length > buffer.len() {
                return Err(SysError::new("recvfrom", "rtnetlink", Errno::MSGSIZE));
            }
            return Ok(length);
        }
    }
}

fn malformed() -> SysError {
    SysError::new("recvfrom", "rtnetlink", Errno::BADMSG)
}

/// Calls `each` with the messages of a datagram; `None` where one is cut short.
fn for_each_message(
    mut datagram: &[u8],
    mut each: impl FnMut(&NetlinkBuffer<&[u8]>),
) -> Option<()> {
    while !datagram.is_empty() {
        let message = NetlinkBuffer::new_checked(datagram).ok()?;
        each(&message);
        datagram = datagram.get(aligned(message.length() as usize)..).unwrap_or_default();
    }
    Some(())
}

/// What an NLMSG_ERROR says: `None` for an acknowledgement.
///
/// It holds the negative errno, the header of the request, the request's content unless
/// NLM_F_CAPPED, and then attributes if NLM_F_ACK_TLVS.
fn read_error(message: &NetlinkBuffer<&[u8]>, index: usize, request: &Request) -> Option<Failure> {
    const NLMSGERR_ATTR_MSG: u16 = 1;
    let payload = message.payload();
    let (code, rest) = payload.split_first_chunk()?;
    let errno = match i32::from_ne_bytes(*code) {
        0 => return None,
        negative => Errno::from_raw_os_error(negative.saturating_neg()),
    };
    let mut words = None;
    if message.flags() & NLM_F_ACK_TLVS != 0 {
        let echoed = if message.flags() & NLM_F_CAPPED != 0 {
            HEADER
        } else {
            rest.first_chunk().map_or(0, |length| aligned(u32::from_ne_bytes(*length) as usize))
        };
        words = NlasIterator::new(rest.get(echoed..).unwrap_or_default())
            .flatten()
            .find(|attribute| attribute.kind() == NLMSGERR_ATTR_MSG)
            .map(|attribute| text(attribute.value()));
    }
    Some(Failure { index, error: request.error(errno), words })
}

/// A string attribute without its NUL.
pub fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.strip_suffix(&[0]).unwrap_or(value)).into_owned()
}

/// Messages and attributes begin at multiples of four bytes (NLMSG_ALIGN).
fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}
