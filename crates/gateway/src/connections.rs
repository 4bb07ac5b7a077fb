//! How long connections of clients last, and what one of HTTP/2 may make us keep. What passes over them is judged elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pingora::apps::HttpServerOptions;
use pingora::listeners::{L4BufferSettings, ListenerConfig};
use pingora::protocols::http::v2::server::H2Options;
use pingora::server::ShutdownWatch;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::config::Limits;

/// Requests at one time on a connection of HTTP/2.
const STREAMS: u32 = 100;
/// As many, to count with.
const AT_ONCE: usize = 100;
/// Streams that the client has reset and that still take room. One more, and the connection ends.
const RESET_STREAMS: usize = 20;
/// Streams that we had to reset for the client's faults. One more, and the connection ends.
const FAULTY_STREAMS: usize = 128;
/// Bytes of an answer that wait for one stream's client.
const SEND_BUFFER: usize = 64 << 10;
/// How long nothing happens on a connection until it is cut off while the server stops: the rest of an answer needs time to be taken.
const STANDS_STILL: Duration = Duration::from_secs(5);
/// Method, scheme, authority and path, which are fields in HTTP/2.
const PSEUDO_FIELDS: usize = 4;

/// A listener whose connections keep no buffers of their own. By default each has 64 KiB for reading, which is most of what an
/// idle connection takes; what reads from them brings its own. What is written is put together by the door.
/// So is TLS: until it is there a connection would be nobody's.
pub(crate) fn listener(address: &str) -> ListenerConfig {
    ListenerConfig::tcp(address).l4_buffer(L4BufferSettings::unbuffered())
}

/// When connections of clients end that are in order.
pub(crate) fn options(h2c: bool, limits: &Limits) -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.h2c = h2c;
    // It counts how often a connection is used *again*.
    let again = limits.requests_per_connection.saturating_sub(1);
    options.keepalive_request_limit = u32::try_from(again).ok();
    options
}

/// What one connection of HTTP/2 may make us keep. The library's own bounds are for anybody: a header list of 16 MiB, and as
/// many streams as fit into a number.
pub(crate) fn http2(limits: &Limits) -> H2Options {
    // A field is counted as its bytes and 32 more. What fits here is measured once more, as the text that it would be.
    let fields = limits.head_fields.saturating_add(PSEUDO_FIELDS).saturating_mul(32);
    let list = u32::try_from(limits.head_bytes.saturating_add(fields)).unwrap_or(u32::MAX);
    let mut options = H2Options::new();
    options
        .max_header_list_size(list)
        .max_concurrent_streams(STREAMS)
        .max_concurrent_reset_streams(RESET_STREAMS)
        .max_pending_accept_reset_streams(RESET_STREAMS)
        .max_local_error_reset_streams(Some(FAULTY_STREAMS))
        .max_send_buffer_size(SEND_BUFFER);
    options
}

/// The requests of one connection of HTTP/2. Of HTTP/1 the proxy counts them itself.
#[derive(Debug)]
pub(crate) struct Requests {
    limit: usize,
    begun: AtomicUsize,
    done: AtomicUsize,
    last: Notify,
    beyond: Notify,
}

impl Requests {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limit: limits.requests_per_http2_connection,
            begun: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            last: Notify::new(),
            beyond: Notify::new(),
        }
    }

    /// One begins.
    pub(crate) fn begin(&self) {
        let number = self.begun.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        // There was never a moment without a request.
        if number == self.limit.saturating_add(AT_ONCE) {
            self.last.notify_one();
        }
        if number > self.limit.saturating_add(AT_ONCE).saturating_add(AT_ONCE) {
            self.beyond.notify_one();
        }
    }

    /// One is over. Behind the last of a connection, and not before it: there are clients that take nothing any more behind a goodbye.
    pub(crate) fn end(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if done >= self.limit && done >= self.begun.load(Ordering::Relaxed) {
            self.last.notify_one();
        }
    }

    /// Tells the connection to end in good order when it has had its requests, or the server stops. Returns when it must be cut off:
    /// it goes on beyond what can have been on its way, or stands still instead of leaving. Underneath nobody keeps time any more.
    pub(crate) async fn over(&self, end: watch::Sender<bool>, mut stop: ShutdownWatch, keep_alive: Duration) {
        let is_stop = tokio::select! {
            _ = stop.wait_for(|stopped| *stopped) => true,
            () = self.last.notified() => false,
        };
        end.send_replace(true);
        if is_stop {
            // Underneath it waits for whether all that was on its way is here, which a client need not say.
            return self.stand_still(keep_alive.min(STANDS_STILL)).await;
        }
        tokio::select! {
            () = self.beyond.notified() => {}
            () = self.stand_still(keep_alive) => {}
        }
    }

    async fn stand_still(&self, patience: Duration) {
        loop {
            let begun = self.begun.load(Ordering::Relaxed);
            sleep(patience).await;
            let none_begun = self.begun.load(Ordering::Relaxed) == begun;
            if none_begun && self.done.load(Ordering::Relaxed) >= begun {
                return;
            }
        }
    }
}
