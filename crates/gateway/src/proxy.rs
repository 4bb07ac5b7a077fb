//! The proxy: one request, from its header to its record. Each step is a phase that does the work.
//!
//! The library has a proxy object with hooks for each step of its own forwarding, its cache and its retries. All that was ever wanted
//! of it was the one that answers, and it kept 16 KiB for the others with each request that is under way. So requests are taken
//! where it takes them itself.

use std::sync::Arc;

use async_trait::async_trait;
use http::header::TRANSFER_ENCODING;
use http::{Method, StatusCode};
use log::{debug, warn};
use pingora::apps::{HttpPersistentSettings, HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora::protocols::http::ServerSession as Session;
use pingora::protocols::http::v2::server::H2Options;
use pingora::server::ShutdownWatch;
use pingora::time::timeout;
use pingora::{Error, ErrorType};

use crate::clock;
use crate::door;
use crate::ending::Ending;
use crate::gate::{Gate, Visit};
use crate::phase::meter;
use crate::phase::settle;
use crate::reply;

/// Takes requests from connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) gate: Gate,
    pub(crate) options: HttpServerOptions,
    pub(crate) http2: H2Options,
}

#[async_trait]
impl HttpServerApp for Proxy {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: Session,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let stopping = async {
            let _ = shutdown.clone().wait_for(|stopping| *stopping).await;
        };
        tokio::select! {
            biased;
            whole = has_header(&mut session) => if !whole { return None },
            // What was not asked for whole is not waited for.
            () = stopping => return None,
        }
        let began = door::begin(&session).unwrap_or_else(clock::now);
        let mut visit = Visit::new(&self.gate, began);
        let answered = self.answer(&mut session, &mut visit).await;
        door::end(&session);
        self.take_note(&mut visit, answered.as_ref().err().map(AsRef::as_ref)).await;
        if answered.is_err() {
            if !session.is_http2() {
                // The header of an answer whose body did not come is held still: the client hears as much as there is.
                let _ = timeout(reply::WRITE_TIMEOUT, session.shutdown()).await;
            }
            return None;
        }
        let settings = HttpPersistentSettings::for_session(&session);
        let reusable = session.finish().await.ok().flatten()?;
        Some(ReusedHttpStream::from_reusable_stream(reusable, settings))
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }

    fn h2_options(&self) -> Option<H2Options> {
        Some(self.http2.clone())
    }
}

/// Reads the header; false where there is none, or none that may go on. What cannot be parsed is answered by the door.
async fn has_header(session: &mut Session) -> bool {
    let no = match session.read_request().await {
        // Over HTTP/2 it is one request of many, and refused as any other.
        Ok(true) if session.req_header().method == Method::CONNECT && !session.is_http2() => {
            StatusCode::METHOD_NOT_ALLOWED
        }
        Ok(true) => return true,
        Ok(false) => {
            session.shutdown().await;
            return false;
        }
        Err(error) if *error.etype() == ErrorType::InvalidHTTPHeader => StatusCode::BAD_REQUEST,
        Err(error) => {
            debug!("no request: {error}");
            session.shutdown().await;
            return false;
        }
    };
    if let Err(error) = session.respond_error(no.as_u16()).await {
        debug!("a client that is gone was not answered: {error}");
    }
    session.shutdown().await;
    false
}

impl Proxy {
    /// Answers the request.
    ///
    /// # Errors
    /// When the client is gone.
    async fn answer(&self, session: &mut Session, visit: &mut Visit) -> pingora::Result<()> {
        let gate = &self.gate;
        if gate.life.is_draining() {
            session.set_keepalive(None);
        } else if session.get_keepalive().is_some() {
            // Only ever shortened: pingora has closed those connections already that must not be used again.
            session.set_keepalive(Some(gate.limits.keep_alive.as_secs()));
        }
        if session.req_header().headers.contains_key(TRANSFER_ENCODING) {
            // The parser of chunks is lenient: where it and a client disagree, nothing may follow.
            session.set_keepalive(None);
        }
        session.set_write_timeout(Some(reply::WRITE_TIMEOUT));
        // A second request may follow the first without waiting; the first is then still answered.
        session.set_pipelining_enabled(true);
        session.set_abort_on_close(false);
        match gate.pass(session, visit).await {
            Ok(()) => Ok(()),
            Err(Ending::Refused(no)) => gate.refuse(session, visit, no).await,
            Err(Ending::Broken(error)) => {
                // Nobody is there to answer, and upstream is not to blame: on HTTP/2 the error does not say whose it is.
                session.set_keepalive(None);
                Err(error.into_down())
            }
            Err(Ending::Torn(error)) => {
                session.set_keepalive(None);
                Err(error.into_up())
            }
        }
    }

    /// Takes note of what became of it.
    async fn take_note(&self, visit: &mut Visit, error: Option<&Error>) {
        drop(visit.in_flight.take());
        let (gate, record) = (&self.gate, &visit.record);
        if let Some(told) = visit.told.take() {
            settle::observe(&gate.money, record.route, &told, record.at).await;
        }
        if let Some(error) = error {
            warn!("request {}: {error}", record.request_id);
        }
        meter::meter(record, &gate.metrics, &gate.log);
    }
}
