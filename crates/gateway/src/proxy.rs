//! The proxy: a table of contents. Each hook of pingora's calls the phase that does the work.

use async_trait::async_trait;
use http::header::TRANSFER_ENCODING;
use log::warn;
use pingora::modules::http::HttpModules;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType};

use crate::door;
use crate::gate::{Ending, Gate, Visit};
use crate::phase::meter::{self, Record};
use crate::phase::settle;
use crate::reply;

#[async_trait]
impl ProxyHttp for Gate {
    type CTX = Visit;

    fn new_ctx(&self) -> Visit {
        Visit { record: Record::new(self.money.now()), in_flight: None, told: None }
    }

    /// None: the library's own would look at each header for what could be compressed, and compress nothing.
    fn init_downstream_modules(&self, _: &mut HttpModules) {}

    async fn early_request_filter(&self, session: &mut Session, _: &mut Visit) -> pingora::Result<()> {
        door::begin(session);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, visit: &mut Visit) -> pingora::Result<bool> {
        if self.life.is_draining() {
            session.set_keepalive(None);
        } else if session.get_keepalive().is_some() {
            // Only ever shortened: pingora has closed those connections already that must not be used again.
            session.set_keepalive(Some(self.limits.keep_alive.as_secs()));
        }
        if session.req_header().headers.contains_key(TRANSFER_ENCODING) {
            // The parser of chunks is lenient: where it and a client disagree, nothing may follow.
            session.set_keepalive(None);
        }
        session.set_write_timeout(Some(reply::WRITE_TIMEOUT));
        // A second request may follow the first without waiting; the first is then still answered.
        session.set_pipelining_enabled(true);
        session.set_abort_on_close(false);
        match self.pass(session, visit).await {
            Ok(()) => Ok(true),
            Err(Ending::Refused(no)) => self.refuse(session, visit, no).await.map(|()| true),
            Err(Ending::Broken(error)) => {
                // Nobody is there to answer, and upstream is not to blame: on HTTP/2 the error does not say whose it is.
                session.set_keepalive(None);
                Err(error.into_down())
            }
        }
    }

    /// Nothing is left for the library to forward.
    async fn upstream_peer(&self, _: &mut Session, _: &mut Visit) -> pingora::Result<Box<HttpPeer>> {
        Error::e_explain(ErrorType::InternalError, "every request is answered by its filter")
    }

    /// Whoever would be answered is gone, or has half an answer.
    async fn fail_to_proxy(&self, _: &mut Session, _: &Error, _: &mut Visit) -> FailToProxy {
        FailToProxy { error_code: 0, can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, visit: &mut Visit) {
        door::end(session);
        drop(visit.in_flight.take());
        if let Some(told) = visit.told.take() {
            settle::observe(&self.money, visit.record.route, &told, visit.record.at).await;
        }
        if let Some(error) = error {
            warn!("request {}: {error}", visit.record.request_id);
        }
        meter::meter(&visit.record, &self.metrics, &self.log);
    }

    /// Pingora's own has the target with its query, which may name people.
    fn request_summary(&self, _: &Session, visit: &Visit) -> String {
        format!("request {}", visit.record.request_id)
    }
}
