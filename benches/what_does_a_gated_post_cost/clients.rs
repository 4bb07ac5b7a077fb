//! Clients that send one request after the other, each when it has its answer; they count answers and judge only the status.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

/// Requests of one kind to one contestant.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) to: SocketAddr,
    pub(crate) body: String,
    /// What each has to be answered.
    pub(crate) status: u16,
}

impl Load {
    /// Sends for so long; how many were answered.
    ///
    /// # Errors
    /// When one is answered otherwise, or not.
    pub(crate) fn run(&self, clients: usize, time: Duration) -> io::Result<u64> {
        let stop = Arc::new(AtomicBool::new(false));
        let request: Arc<[u8]> = self.request().into_bytes().into();
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let mut tasks = JoinSet::new();
            for _ in 0..clients {
                tasks.spawn(client(self.to, self.status, Arc::clone(&request), Arc::clone(&stop)));
            }
            tokio::time::sleep(time).await;
            stop.store(true, Ordering::Relaxed);
            let mut answered = 0_u64;
            for of_one in tasks.join_all().await {
                answered = answered.saturating_add(of_one.map_err(|fault| io::Error::other(fault.0))?);
            }
            Ok(answered)
        })
    }

    fn request(&self) -> String {
        format!(
            "POST /contextcapture/jobs HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nAccept: application/vnd.bentley.itwin-platform.v1+json\r\nContent-Length: {}\r\n\r\n{}",
            self.to,
            "eyJhbGciOiJSUzI1NiJ9.eyJzY29wZSI6ImNvbnRleHRjYXB0dXJlOm1vZGlmeSJ9.c2lnbmF0dXJl",
            self.body.len(),
            self.body
        )
    }
}

async fn client(
    to: SocketAddr,
    status: u16,
    request: Arc<[u8]>,
    stop: Arc<AtomicBool>,
) -> Result<u64, NotHttp> {
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let mut answered = 0_u64;
    let mut buffer = Vec::with_capacity(4_096);
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(&request).await?;
        buffer.clear();
        let message = loop {
            if let Some(message) = Message::of(&buffer)? {
                break message;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(NotHttp("the connection was closed".to_owned()));
            }
        };
        if message.status != Some(status) {
            return Err(NotHttp(String::from_utf8_lossy(&buffer).into_owned()));
        }
        answered = answered.saturating_add(1);
    }
    Ok(answered)
}

/// A message that is here to its last byte.
#[derive(Debug)]
pub(crate) struct Message {
    /// Of an answer.
    pub(crate) status: Option<u16>,
    /// Header and body.
    pub(crate) length: usize,
}

/// Something that this little reader does not understand.
#[derive(Debug)]
pub(crate) struct NotHttp(pub(crate) String);

impl From<io::Error> for NotHttp {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl Message {
    /// None where more has to come.
    pub(crate) fn of(bytes: &[u8]) -> Result<Option<Self>, NotHttp> {
        let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let text = String::from_utf8_lossy(bytes.get(..head).unwrap_or_default());
        let field = text.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
        });
        let Some(body) = field else { return Err(NotHttp(text.into_owned())) };
        let length = head.saturating_add(4).saturating_add(body);
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((bytes.len() >= length).then_some(Self { status, length }))
    }
}
