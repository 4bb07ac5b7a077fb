//! An answer that is passed on as it comes.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use pingora::protocols::Stream;
use pingora::protocols::http::v1::client::HttpSession;
use pingora::upstreams::peer::HttpPeer;

use super::receive::{Head, head};
use super::{Courier, Failure, Parcel, write};

/// An answer whose header is here, and whose body is not.
pub(crate) struct Coming {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// How long its body is, where upstream says so.
    pub(crate) length: Option<HeaderValue>,
    session: HttpSession,
    peer: Arc<HttpPeer>,
}

impl fmt::Debug for Coming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coming").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Courier {
    /// Asks, and waits for the header of the answer. Where `again`, it asks a second time if a connection that had rested turns out
    /// to be closed: nobody has answered, and it only asks.
    ///
    /// # Errors
    /// Where there is no answer, or none that can be passed on.
    pub(crate) async fn open(&self, parcel: Parcel, again: bool) -> pingora::Result<Coming> {
        if let Some((stream, peer)) = self.rested() {
            let parcel = if again { parcel.clone() } else { return opened(stream, peer, parcel).await };
            match opened(stream, peer, parcel).await {
                Err(error) if Failure::of(&error) == Failure::Broken => {}
                done => return done,
            }
        }
        let (stream, peer) = Box::pin(self.reach()).await?;
        opened(stream, peer, parcel).await
    }

    /// Keeps the connection of an answer that was read to its end.
    pub(crate) async fn close(&self, coming: Coming) {
        self.keep(coming.session, &coming.peer).await;
    }
}

async fn opened(mut stream: Stream, peer: Arc<HttpPeer>, parcel: Parcel) -> pingora::Result<Coming> {
    write(&mut stream, parcel).await?;
    let mut session = HttpSession::new_with_options(stream, &*peer);
    let Head { status, headers, length } = head(&mut session, &mut None).await?;
    Ok(Coming { status, headers, length, session, peer })
}

impl Coming {
    /// The next piece of its body; none at its end.
    ///
    /// # Errors
    /// Where it is cut off.
    pub(crate) async fn next(&mut self) -> pingora::Result<Option<Bytes>> {
        self.session.read_body_bytes().await
    }
}
