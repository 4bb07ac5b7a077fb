//! The proxy: a table of contents. Each hook of pingora's calls the phase that does the work.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use http::header::TRANSFER_ENCODING;
use log::warn;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType};

use crate::courier::Failure;
use crate::door;
use crate::gate::{Ending, Gate, Next, Visit};
use crate::outcome::Decision;
use crate::phase::meter::{self, Record};
use crate::phase::route::Route;
use crate::phase::stream::Streamed;
use crate::phase::{forward, settle};
use crate::rejection::{Rejection, Sending};
use crate::reply;

/// How long a client may take for one piece of an answer before its connection is closed. A short answer is one piece.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

#[async_trait]
impl ProxyHttp for Gate {
    type CTX = Visit;

    fn new_ctx(&self) -> Visit {
        Visit { record: Record::new(self.money.now()), in_flight: None, streamed: None }
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
        session.set_write_timeout(Some(WRITE_TIMEOUT));
        // A second request may follow the first without waiting; the first is then still answered.
        session.set_pipelining_enabled(true);
        session.set_abort_on_close(false);
        match self.pass(session, visit).await {
            Ok(Next::Done) => Ok(true),
            Ok(Next::Stream) => Ok(false),
            Err(Ending::Refused(no)) => self.refuse(session, visit, no).await.map(|()| true),
            Err(Ending::Broken(error)) => {
                // Nobody is there to answer, and upstream is not to blame: on HTTP/2 the error does not say whose it is.
                session.set_keepalive(None);
                Err(error.into_down())
            }
        }
    }

    async fn upstream_peer(&self, _: &mut Session, _: &mut Visit) -> pingora::Result<Box<HttpPeer>> {
        match self.upstream.peer() {
            Some(peer) => Ok(Box::new(HttpPeer::clone(&peer))),
            None => Error::e_explain(ErrorType::ConnectNoRoute, "upstream's name leads to no address"),
        }
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        upstream: &mut RequestHeader,
        visit: &mut Visit,
    ) -> pingora::Result<()> {
        visit.streamed = Some(Streamed::sent());
        let record = &visit.record;
        match record.route {
            Some(route) => {
                let (client, authority) = (session.req_header(), self.upstream.authority());
                forward::rewrite(upstream, client, route, authority, &record.request_id)
            }
            None => Error::e_explain(ErrorType::InternalError, "a request without a route"),
        }
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        answer: &mut ResponseHeader,
        visit: &mut Visit,
    ) -> pingora::Result<()> {
        if let Some(streamed) = &mut visit.streamed {
            streamed.header(answer, self.upstream.response_timeout())?;
        }
        reply::strip(answer);
        visit.record.upstream_status = Some(answer.status.as_u16());
        visit.record.status = answer.status.as_u16();
        self.count(answer.status, session, &visit.record);
        if matches!(visit.record.route, Some(Route::ReadJob | Route::ListJobs))
            && answer.status == StatusCode::OK
        {
            visit.streamed.iter_mut().for_each(Streamed::keep);
        }
        reply::sign(answer, &visit.record)
    }

    fn response_body_filter(
        &self,
        _: &mut Session,
        body: &mut Option<Bytes>,
        _: bool,
        visit: &mut Visit,
    ) -> pingora::Result<Option<Duration>> {
        if let (Some(streamed), Some(piece)) = (&mut visit.streamed, body.as_ref()) {
            streamed.piece(piece, self.upstream.response_timeout())?;
        }
        Ok(None)
    }

    fn fail_to_connect(&self, _: &mut Session, _: &HttpPeer, _: &mut Visit, error: Box<Error>) -> Box<Error> {
        self.upstream.failed();
        error
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, visit: &mut Visit) -> FailToProxy {
        if *error.esource() == ErrorSource::Downstream {
            return FailToProxy { error_code: 0, can_reuse_downstream: false };
        }
        let failure = Failure::of(error);
        self.metrics.upstream_error(failure.as_str());
        if session.response_written().is_some() {
            // The answer has begun; all that can be done is not to end it as if it were whole.
            visit.record.decision = Some(Decision::Failed);
            return FailToProxy { error_code: 0, can_reuse_downstream: false };
        }
        let sending = match failure {
            Failure::Unresolved | Failure::Connect | Failure::Tls => Sending::NotSent,
            Failure::Broken | Failure::Garbage | Failure::Timeout | Failure::Abandoned => Sending::Unknown,
        };
        let no = match failure {
            Failure::Timeout => Rejection::UpstreamTimeout(sending, None),
            _ => Rejection::UpstreamUnavailable(sending, None),
        };
        let can_reuse_downstream = self.refuse(session, visit, no).await.is_ok();
        FailToProxy { error_code: visit.record.status, can_reuse_downstream }
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, visit: &mut Visit) {
        door::end(session);
        drop(visit.in_flight.take());
        if let Some(told) = visit.streamed.take().and_then(Streamed::into_told).filter(|_| error.is_none()) {
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
