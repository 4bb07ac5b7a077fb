//! TLS on a connection that is counted already and whose time runs. A listener of the library underneath would hold whoever does not
//! finish the handshake for a minute before anybody hears of the connection.

use std::time::Duration;

use log::debug;
use pingora::listeners::tls::Acceptor;
use pingora::protocols::l4::stream::Stream as Tcp;
use pingora::protocols::tls::server::handshake;
use pingora::protocols::{IO, Stream};
use pingora::time::timeout;

/// The connection under TLS; none where the client does not get that far in time.
pub(super) async fn secured(acceptor: &Acceptor, stream: Stream, within: Duration) -> Option<Stream> {
    // INVARIANT: the listener is a plain one, so what it gives is a connection of TCP.
    let tcp = IO::into_any(stream).downcast::<Tcp>().ok()?;
    match timeout(within, handshake(acceptor, *tcp)).await {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        Ok(Err(error)) => {
            debug!("a client's TLS: {error}");
            None
        }
        Err(_) => None,
    }
}
