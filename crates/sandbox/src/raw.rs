//! What a fault does to the bare socket: which bytes still go out, how fast, and how the connection ends.

use std::time::Duration;

use axum::http::response::Parts;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What is left to be done on a connection that is no longer HTTP.
#[derive(Debug)]
pub(crate) struct Order {
    head: Vec<u8>,
    body: Vec<u8>,
    pace: Option<Duration>,
    end: End,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// In order: FIN.
    Close,
    /// At once: RST.
    Reset,
    /// Not until the other side ends it.
    Hold,
}

impl Order {
    pub(crate) const fn nothing(end: End) -> Self {
        Self { head: Vec::new(), body: Vec::new(), pace: None, end }
    }

    pub(crate) fn garbage() -> Self {
        // The beginning of a TLS record: what a plain port answers when the two sides disagree.
        let body = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76 this is no HTTP\r\n\x00\xff\r\n".to_vec();
        Self { head: Vec::new(), body, pace: None, end: End::Close }
    }

    pub(crate) fn answer(head: &Parts, body: &[u8]) -> Self {
        let status = head.status;
        let reason = status.canonical_reason().unwrap_or_default();
        let mut text = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
        for (name, value) in &head.headers {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                text.extend_from_slice(part);
            }
        }
        text.extend_from_slice(b"\r\n");
        Self { head: text, body: body.to_vec(), pace: None, end: End::Close }
    }

    /// The head and half the body; half the head where there is no body.
    pub(crate) fn half(mut self, end: End) -> Self {
        let part = if self.body.is_empty() { &mut self.head } else { &mut self.body };
        part.truncate(part.len() / 2);
        self.end = end;
        self
    }

    pub(crate) const fn dripping(mut self, pace: Duration) -> Self {
        self.pace = Some(pace);
        self
    }

    /// Carries it out. The other side may leave at any time; then there is nothing left to do.
    pub(crate) async fn carry_out(self, mut stream: TcpStream) {
        for part in [&self.head, &self.body] {
            if write(&mut stream, part, self.pace).await.is_err() {
                return;
            }
        }
        match self.end {
            End::Close => {
                let _ = stream.shutdown().await;
                // Until the other side has ended too: closing over unread bytes would turn the FIN into a reset.
                until_end(&mut stream).await;
            }
            End::Reset => reset(&stream),
            End::Hold => until_end(&mut stream).await,
        }
    }
}

/// Makes dropping the stream a reset.
pub(crate) fn reset(stream: &TcpStream) {
    // A socket that cannot be told is broken already.
    let _ = stream.set_zero_linger();
}

async fn write(stream: &mut TcpStream, bytes: &[u8], pace: Option<Duration>) -> std::io::Result<()> {
    let Some(pace) = pace else { return stream.write_all(bytes).await };
    for byte in bytes {
        stream.write_all(std::slice::from_ref(byte)).await?;
        tokio::time::sleep(pace).await;
    }
    Ok(())
}

async fn until_end(stream: &mut TcpStream) {
    let mut sink = [0; 1024];
    while let Ok(1..) = stream.read(&mut sink).await {}
}
