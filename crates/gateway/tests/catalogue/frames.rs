//! Frames of HTTP/2 as somebody writes them who keeps to no rule. Fields are written without compression.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::support::PATIENCE;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// One frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn text(bytes: &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    if bytes.len() < 127 {
        written.push(u8::try_from(bytes.len()).unwrap());
    } else {
        written.push(127);
        let mut rest = bytes.len() - 127;
        while rest >= 128 {
            written.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        written.push(u8::try_from(rest).unwrap());
    }
    written.extend_from_slice(bytes);
    written
}

/// A field that is not put into the table.
pub(crate) fn field(name: &str, value: &[u8]) -> Vec<u8> {
    [vec![0], text(name.as_bytes()), text(value)].concat()
}

/// A field that is put into the table.
pub(crate) fn kept(name: &str, value: &[u8]) -> Vec<u8> {
    [vec![0x40], text(name.as_bytes()), text(value)].concat()
}

/// The fields of a request.
pub(crate) fn request(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    let fixed = [
        (":method", method),
        (":scheme", "http"),
        (":authority", "gate"),
        (":path", path),
        ("authorization", "Bearer t0k-en"),
    ];
    for (name, value) in fixed.iter().chain(more) {
        block.extend(field(name, value.as_bytes()));
    }
    block
}

/// A connection.
pub(crate) struct Frames {
    pub(crate) stream: TcpStream,
}

/// A frame that was read.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frames {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut frames = Self { stream };
        frames.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        frames.write(&frame(SETTINGS, 0, 0, &[]));
        frames
    }

    /// Writes, as far as somebody reads; tells whether all was taken.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    pub(crate) fn next(&mut self) -> Option<Got> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Got { kind: head[3], flags: head[4], stream, payload })
    }

    /// All that is answered until a stream has ended, or the connection.
    pub(crate) fn until_end_of(&mut self, stream: u32) -> Vec<Got> {
        let mut got = Vec::new();
        while let Some(one) = self.next() {
            let over = one.kind == GOAWAY
                || (one.stream == stream
                    && (one.kind == RESET || (one.kind <= HEADERS && one.flags & END_STREAM != 0)));
            got.push(one);
            if over {
                break;
            }
        }
        got
    }

    /// The same of a client that does not heed being asked to leave.
    pub(crate) fn until_end_or_close(&mut self, stream: u32) -> Vec<Got> {
        let mut got = Vec::new();
        while let Some(one) = self.next() {
            let over = one.stream == stream
                && one.kind <= RESET
                && (one.kind == RESET || one.flags & END_STREAM != 0);
            got.push(one);
            if over {
                break;
            }
        }
        got
    }

    /// Reads until the other side closes; false where it never does.
    pub(crate) fn is_closed_in_the_end(&mut self) -> bool {
        let mut sink = vec![0; 65536];
        loop {
            match self.stream.read(&mut sink) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(fault) => {
                    return !matches!(
                        fault.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    );
                }
            }
        }
    }

    pub(crate) fn leave(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// The body that was answered on a stream.
pub(crate) fn body(got: &[Got], stream: u32) -> String {
    let data: Vec<u8> = got
        .iter()
        .filter(|one| one.kind == DATA && one.stream == stream)
        .flat_map(|one| one.payload.clone())
        .collect();
    String::from_utf8_lossy(&data).into_owned()
}
