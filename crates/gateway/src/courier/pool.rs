//! Connections to upstream that are open and not in use. What upstream has closed meanwhile, or has sent something on, is found out
//! before it is used again.
//!
//! The library's own pool has a task of its own watch each connection that rests, and whoever takes one waits until that task
//! has let go of it: with short exchanges that is more work than the rest of the exchange.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pingora::protocols::Stream;
use tokio::io::{AsyncRead, ReadBuf};

use crate::clock;

/// How often is looked for connections that have rested for too long or were closed.
const SWEEP: Duration = Duration::from_secs(1);

/// The connections that rest.
pub(super) struct Pool {
    size: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The one that rests the longest comes first.
    resting: VecDeque<Resting>,
    /// Somebody looks after them.
    swept: bool,
}

struct Resting {
    stream: Stream,
    to: SocketAddr,
    until: Instant,
}

impl Pool {
    /// Keeps as many as `size`.
    pub(super) fn new(size: usize) -> Arc<Self> {
        Arc::new(Self { size, state: Mutex::default() })
    }

    /// The one that was used last: it is the likeliest to be open still, and those that are too many grow old.
    pub(super) fn take(&self, to: SocketAddr) -> Option<Stream> {
        let now = clock::now();
        loop {
            let mut stream = {
                let resting = &mut self.state.lock().resting;
                let at = resting.iter().rposition(|one| one.to == to && one.until > now)?;
                resting.remove(at)?.stream
            };
            if is_quiet(&mut stream) {
                return Some(stream);
            }
        }
    }

    /// Keeps one for later, unless upstream has said more than it was asked.
    pub(super) fn put(self: &Arc<Self>, mut stream: Stream, to: SocketAddr, idle: Duration) {
        let Some(until) = clock::now().checked_add(idle) else { return };
        if !is_quiet(&mut stream) {
            return;
        }
        let mut state = self.state.lock();
        state.resting.push_back(Resting { stream, to, until });
        let first = if state.resting.len() > self.size { state.resting.pop_front() } else { None };
        if !std::mem::replace(&mut state.swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
        drop(state);
        // Closing it takes a while; nobody waits for the lock meanwhile.
        drop(first);
    }
}

/// Closes what has rested for too long, and what upstream has closed, as long as there is anything.
async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(pool) = pool.upgrade() else { return };
        let now = clock::now();
        let mut state = pool.state.lock();
        state.resting.retain_mut(|one| one.until > now && is_quiet(&mut one.stream));
        if state.resting.is_empty() {
            state.swept = false;
            return;
        }
    }
}

/// Whether nothing is to be read: neither bytes that nobody asked for nor an end.
fn is_quiet(stream: &mut Stream) -> bool {
    let mut byte = [0];
    let read = poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut ReadBuf::new(&mut byte)));
    // Without a budget: a task that has used its own up would be told that nothing is there.
    let mut read = pin!(tokio::task::unconstrained(read));
    read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[cfg(test)]
mod tests {
    use pingora::protocols::l4::stream::Stream as Tcp;
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    /// A connection, its other end, and where it leads.
    async fn connection() -> (Stream, TcpStream, SocketAddr) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let to = listener.local_addr().unwrap();
        let (ours, theirs) = tokio::join!(TcpStream::connect(to), listener.accept());
        (Box::new(Tcp::from(ours.unwrap())), theirs.unwrap().0, to)
    }

    /// Whether a connection is given, when what its other end did has arrived.
    async fn is_given_for_ever(pool: &Arc<Pool>, to: SocketAddr) -> bool {
        for _ in 0..1000 {
            let Some(stream) = pool.take(to) else { return false };
            pool.put(stream, to, LONG);
            tokio::task::yield_now().await;
        }
        true
    }

    #[tokio::test]
    async fn one_that_is_quiet_is_used_again_by_who_asks_for_its_address() {
        let pool = Pool::new(2);
        let (stream, _other, to) = connection().await;
        pool.put(stream, to, LONG);
        let elsewhere = SocketAddr::new(to.ip(), to.port().wrapping_add(1));
        assert!(pool.take(elsewhere).is_none());
        assert!(is_given_for_ever(&pool, to).await);
        let taken = pool.take(to);
        assert!(taken.is_some());
        assert!(pool.take(to).is_none(), "nobody else has it meanwhile");
    }

    #[tokio::test]
    async fn one_that_upstream_closed_or_wrote_to_is_not_given() {
        let pool = Pool::new(2);
        let (closed, other, to) = connection().await;
        pool.put(closed, to, LONG);
        drop(other);
        assert!(!is_given_for_ever(&pool, to).await);
        let (spoken, mut other, to) = connection().await;
        pool.put(spoken, to, LONG);
        other.write_all(b"x").await.unwrap();
        assert!(!is_given_for_ever(&pool, to).await);
    }

    #[tokio::test]
    async fn the_one_that_rests_the_longest_makes_room_and_old_ones_are_not_given() {
        let pool = Pool::new(1);
        let (first, _one, to_first) = connection().await;
        let (second, _two, to_second) = connection().await;
        pool.put(first, to_first, LONG);
        pool.put(second, to_second, LONG);
        assert!(pool.take(to_first).is_none());
        let second = pool.take(to_second).unwrap();
        pool.put(second, to_second, Duration::ZERO);
        assert!(pool.take(to_second).is_none());
    }
}
