//! What a connection and the sessions on it tell each other: whose turn it is, and whether a body is framed as none must be.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession as Session;
use pingora::protocols::raw_connect::ProxyDigest;

use crate::config::Limits;
use crate::connections::Requests;

/// Tells the connection of a session that a request's header is complete; hears since when the rest of it was waited for, where it
/// did not come in one piece. Requests of HTTP/2 overlap: they are only counted.
pub(crate) fn begin(session: &Session) -> Option<Instant> {
    let told = told(session)?;
    if session.is_http2() {
        told.requests.begin();
        return None;
    }
    told.turns.fetch_add(1, Ordering::Relaxed);
    told.waited()
}

/// Tells it that the request is over, and that another header may come.
pub(crate) fn end(session: &Session) {
    let Some(told) = told(session) else { return };
    if session.is_http2() {
        told.requests.end();
    } else {
        told.turns.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether the framing of this request's body is not strictly what it must be, as far as it was read.
pub(crate) fn is_misframed(session: &Session) -> bool {
    let told = told(session).filter(|_| !session.is_http2());
    told.is_some_and(|told| told.is_misframed(told.turn()))
}

fn told(session: &Session) -> Option<&Told> {
    let digest = session.digest()?.proxy_digest.as_ref()?;
    digest.user_data.as_ref()?.downcast_ref::<Arc<Told>>().map(Arc::as_ref)
}

/// What they tell each other.
#[derive(Debug)]
pub(super) struct Told {
    /// Counts headers' and requests' ends. Even: a header is awaited; odd: a request is under way.
    turns: AtomicU32,
    /// The turn of the request that is framed as none must be; 0 while there is none. Several may come in one piece: those
    /// before it are good, and behind it nothing is.
    misframed: AtomicU32,
    /// Since when the rest of a header is waited for.
    waited: Mutex<Option<Instant>>,
    /// Those of HTTP/2.
    pub(super) requests: Requests,
}

impl Told {
    /// The turn of a connection of HTTP/2 never changes.
    pub(super) fn new(is_http2: bool, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            turns: AtomicU32::new(u32::from(is_http2)),
            misframed: AtomicU32::new(0),
            waited: Mutex::new(None),
            requests: Requests::new(limits),
        })
    }

    pub(super) fn turn(&self) -> u32 {
        self.turns.load(Ordering::Relaxed)
    }

    /// It is HTTP/2 after all.
    pub(super) fn is_http2(&self) {
        self.turns.store(1, Ordering::Relaxed);
    }

    /// The header that is awaited has begun, and the rest of it is not here.
    pub(super) fn waits(&self, since: Instant) {
        *self.waited.lock() = Some(since);
    }

    /// Since when the header was waited for that is here now, or that did not come.
    pub(super) fn waited(&self) -> Option<Instant> {
        self.waited.lock().take()
    }

    /// The request of that turn is framed as none must be.
    pub(super) fn misframe(&self, turn: u32) {
        self.misframed.store(turn, Ordering::Relaxed);
    }

    pub(super) fn is_misframed(&self, turn: u32) -> bool {
        let from = self.misframed.load(Ordering::Relaxed);
        from != 0 && from <= turn
    }

    /// The one field of a connection's record that takes data of ours: it carries this to the sessions.
    pub(super) fn digest(self: &Arc<Self>) -> Option<Arc<ProxyDigest>> {
        let told: Box<dyn Any + Send + Sync> = Box::new(Arc::clone(self));
        let header = ResponseHeader::build_no_case(200_u16, Some(0)).ok()?;
        Some(Arc::new(ProxyDigest::new(Box::new(header), Some(told))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// A header that comes in one piece after one that did not is not counted from the first one on.
    #[test]
    fn a_wait_is_of_one_header() {
        let config = Config::parse("upstream.url = 'http://127.0.0.1:1'", std::path::Path::new("."), []);
        let told = Told::new(false, &config.unwrap().limits);
        let since = crate::clock::now();
        assert_eq!(told.waited(), None);
        told.waits(since);
        assert_eq!((told.waited(), told.waited()), (Some(since), None));
    }
}
