//! Clients that send one request after the other, each when it has its answer; they count answers and judge only the status.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

/// Requests of one kind to one contestant.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) to: SocketAddr,
    pub(crate) body: String,
    /// What each has to be answered.
    pub(crate) status: u16,
}

/// How clients send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// How many there are.
    pub(crate) clients: usize,
    /// The next request follows at once, or so long after the last one began.
    pub(crate) every: Option<Duration>,
}

impl Load {
    /// Sends for so long, as fast as answers come; how many were answered.
    ///
    /// # Errors
    /// When one is answered otherwise, or not.
    pub(crate) fn run(&self, clients: usize, time: Duration) -> io::Result<u64> {
        Ok(self.paced(Pace { clients, every: None }, time)?.0)
    }

    /// Sends for so long; how many were answered and, where a pace is kept, after how long.
    ///
    /// # Errors
    /// As [`Load::run`].
    pub(crate) fn paced(&self, pace: Pace, time: Duration) -> io::Result<(u64, Vec<Duration>)> {
        let stop = Arc::new(AtomicBool::new(false));
        let request: Arc<[u8]> = self.request().into_bytes().into();
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let mut tasks = JoinSet::new();
            for number in 0..pace.clients {
                let client = Client::connect(self.to, self.status, Arc::clone(&request)).await?;
                let first = share(pace.every, number, pace.clients);
                tasks.spawn(client.send(first, pace.every, Arc::clone(&stop)));
            }
            sleep(time).await;
            stop.store(true, Ordering::Relaxed);
            let (mut answered, mut waits) = (0_u64, Vec::new());
            for of_one in tasks.join_all().await {
                let (count, took) = of_one?;
                answered = answered.saturating_add(count);
                waits.extend(took);
            }
            Ok((answered, waits))
        })
    }

    /// Sends so many on one connection.
    ///
    /// # Errors
    /// As [`Load::run`].
    pub(crate) fn send(&self, requests: u32) -> io::Result<()> {
        let request: Arc<[u8]> = self.request().into_bytes().into();
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let mut client = Client::connect(self.to, self.status, request).await?;
            for _ in 0..requests {
                client.ask().await?;
            }
            Ok(())
        })
    }

    /// Opens so many connections, has one request answered on each where `whole`, else sends one without its last byte; then looks
    /// at the contestant while all of them are open.
    ///
    /// # Errors
    /// As [`Load::run`].
    pub(crate) fn hold<T>(&self, count: usize, whole: bool, look: impl FnOnce() -> T) -> io::Result<T> {
        let request: Arc<[u8]> = self.request().into_bytes().into();
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let mut open = Vec::new();
            for _ in 0..count {
                let mut client = Client::connect(self.to, self.status, Arc::clone(&request)).await?;
                if whole {
                    client.ask().await?;
                } else {
                    let but_one = request.len().saturating_sub(1);
                    client.stream.write_all(request.get(..but_one).unwrap_or_default()).await?;
                }
                open.push(client);
            }
            sleep(Duration::from_secs(1)).await;
            Ok(look())
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

/// Clients that keep a pace begin one after the other.
fn share(every: Option<Duration>, number: usize, of: usize) -> Duration {
    let parts = (u32::try_from(number), u32::try_from(of));
    let (Some(every), (Ok(number), Ok(of))) = (every, parts) else { return Duration::ZERO };
    every.saturating_mul(number).checked_div(of).unwrap_or_default()
}

struct Client {
    stream: TcpStream,
    status: u16,
    request: Arc<[u8]>,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(to: SocketAddr, status: u16, request: Arc<[u8]>) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, status, request, buffer: Vec::with_capacity(4_096) })
    }

    async fn send(
        mut self,
        first: Duration,
        every: Option<Duration>,
        stop: Arc<AtomicBool>,
    ) -> io::Result<(u64, Vec<Duration>)> {
        sleep(first).await;
        let (mut answered, mut took) = (0_u64, Vec::new());
        let mut ticks = every.map(interval);
        while !stop.load(Ordering::Relaxed) {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            let begun = Instant::now();
            self.ask().await?;
            answered = answered.saturating_add(1);
            if ticks.is_some() {
                took.push(begun.elapsed());
            }
        }
        Ok((answered, took))
    }

    async fn ask(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.request).await?;
        self.buffer.clear();
        let message = loop {
            if let Some(message) = Message::of(&self.buffer)? {
                break message;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::other("the connection was closed"));
            }
        };
        if message.status == Some(self.status) {
            return Ok(());
        }
        Err(io::Error::other(String::from_utf8_lossy(&self.buffer).into_owned()))
    }
}

/// A message that is here to its last byte.
#[derive(Debug)]
pub(crate) struct Message {
    /// Of an answer.
    pub(crate) status: Option<u16>,
    /// Header and body.
    pub(crate) length: usize,
}

impl Message {
    /// None where more has to come; an error where this little reader does not understand it.
    pub(crate) fn of(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let text = String::from_utf8_lossy(bytes.get(..head).unwrap_or_default());
        let field = text.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
        });
        let Some(body) = field else { return Err(io::Error::other(text.into_owned())) };
        let length = head.saturating_add(4).saturating_add(body);
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((bytes.len() >= length).then_some(Self { status, length }))
    }
}
