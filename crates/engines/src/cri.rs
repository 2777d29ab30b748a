//! Kubernetes' container runtime interface, as far as a pod with a container needs it: gRPC's
//! unary calls by curl, and messages in protocol buffers' wire format, by hand.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Sandbox;

/// A message that is being written; fields are numbered as in the interface's `api.proto`.
#[derive(Debug, Clone, Default)]
pub struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// With a number.
    #[must_use]
    pub fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    /// With a text.
    #[must_use]
    pub fn text(mut self, field: u64, value: &str) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value.as_bytes());
        self
    }

    /// With texts of one field.
    #[must_use]
    pub fn texts(self, field: u64, values: &[&str]) -> Self {
        values.iter().fold(self, |message, value| message.text(field, value))
    }

    /// With a message.
    #[must_use]
    pub fn message(mut self, field: u64, value: &Message) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.0.len() as u64);
        self.0.extend_from_slice(&value.0);
        self
    }
}

/// What came back: the last value of each field.
#[derive(Debug, Default)]
pub struct Reply {
    numbers: BTreeMap<u64, u64>,
    bytes: BTreeMap<u64, Vec<u8>>,
}

impl Reply {
    fn parse(mut rest: &[u8]) -> Option<Self> {
        let mut reply = Self::default();
        while !rest.is_empty() {
            let key = varint(&mut rest)?;
            let value = varint(&mut rest)?;
            match key & 7 {
                0 => {
                    reply.numbers.insert(key >> 3, value);
                }
                2 => {
                    let (field, after) = rest.split_at_checked(usize::try_from(value).ok()?)?;
                    reply.bytes.insert(key >> 3, field.to_owned());
                    rest = after;
                }
                _ => return None,
            }
        }
        Some(reply)
    }

    /// A number; one that is not there is 0.
    pub fn number(&self, field: u64) -> u64 {
        self.numbers.get(&field).copied().unwrap_or(0)
    }

    /// A text; one that is not there is empty.
    pub fn text(&self, field: u64) -> String {
        let bytes = self.bytes.get(&field).map(Vec::as_slice).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// A message; one that is not there has no fields.
    pub fn message(&self, field: u64) -> Self {
        let bytes = self.bytes.get(&field).map(Vec::as_slice).unwrap_or_default();
        Self::parse(bytes).unwrap_or_default()
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Calls a method of the service at `socket`.
///
/// # Errors
/// What the service, or curl, says.
///
/// # Panics
/// If files in the sandbox cannot be written.
pub fn call(
    sandbox: &Sandbox,
    socket: &Path,
    method: &str,
    request: &Message,
) -> Result<Reply, String> {
    let place = sandbox.directory("call");
    // A frame: not compressed, its length, the message.
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(request.0.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&request.0);
    std::fs::write(place.join("request"), frame).unwrap();
    let script = "curl --silent --show-error --http2-prior-knowledge --unix-socket \"$1\" \
                  --header 'content-type: application/grpc' --header 'te: trailers' \
                  --data-binary @request --output reply --dump-header headers \
                  \"http://localhost/runtime.v1.RuntimeService/$2\"; cat headers";
    let script = format!("cd {}; {script}", place.display());
    let run = sandbox.command("sh", ["-euc", &script, "sh"]).args([socket]).args([method]).run();
    let told = || format!("{method}: {}{}", run.out, run.err);
    if !run.out.lines().any(|line| line.trim() == "grpc-status: 0") {
        return Err(told());
    }
    let reply = std::fs::read(place.join("reply")).map_err(|_| told())?;
    Reply::parse(reply.get(5..).unwrap_or_default()).ok_or_else(told)
}
