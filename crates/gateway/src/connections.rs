//! How long connections of clients last, and what one of HTTP/2 may make us keep. What passes over them is judged elsewhere.

use pingora::apps::HttpServerOptions;
use pingora::listeners::tls::TlsSettings;
use pingora::listeners::{L4BufferSettings, ListenerConfig};
use pingora::protocols::http::v2::server::H2Options;

use crate::config::Limits;

/// Requests at one time on a connection of HTTP/2.
const STREAMS: u32 = 100;
/// Streams that the client has reset and that still take room. One more, and the connection ends.
const RESET_STREAMS: usize = 20;
/// Streams that we had to reset for the client's faults. One more, and the connection ends.
const FAULTY_STREAMS: usize = 128;
/// Bytes of an answer that wait for one stream's client.
const SEND_BUFFER: usize = 64 << 10;
/// Method, scheme, authority and path, which are fields in HTTP/2.
const PSEUDO_FIELDS: usize = 4;

/// A listener whose connections keep no buffers of their own. By default each has 64 KiB for reading, which is most of what an
/// idle connection takes; what reads from them brings its own. What is written is put together by the door.
pub(crate) fn listener(address: &str, tls: Option<TlsSettings>) -> ListenerConfig {
    let listener = ListenerConfig::tcp(address).l4_buffer(L4BufferSettings::unbuffered());
    match tls {
        Some(settings) => listener.tls(settings),
        None => listener,
    }
}

/// When connections of clients end that are in order.
pub(crate) fn options(h2c: bool, limits: &Limits) -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.h2c = h2c;
    // It counts how often a connection is used *again*.
    let again = limits.requests_per_connection.saturating_sub(1);
    options.keepalive_request_limit = u32::try_from(again).ok();
    options.h2_idle_timeout = Some(limits.keep_alive);
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
