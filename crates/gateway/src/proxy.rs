//! The proxy: a table of contents. Each hook of pingora's calls the phase that does the work.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{AUTHORIZATION, TRANSFER_ENCODING};
use http::{HeaderValue, StatusCode};
use log::warn;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType};

use crate::access_log::AccessLog;
use crate::capacity::Share;
use crate::clock;
use crate::config::Limits;
use crate::courier::{Courier, Failure};
use crate::door;
use crate::identity::{Identity, Principal};
use crate::life::Life;
use crate::metrics::Metrics;
use crate::money::{Hold, Money};
use crate::outcome::Decision;
use crate::own_api;
use crate::phase::admit::{self, Desk, Judged, Permit};
use crate::phase::collect::{self, Collected, Uncollected};
use crate::phase::head::{self, HeadLimits};
use crate::phase::meter::{self, Record};
use crate::phase::route::{self, Handling, Route};
use crate::phase::stream::Streamed;
use crate::phase::{forward, settle};
use crate::rates::{Rates, Subject};
use crate::rejection::{Fault, Rejection, Sending};
use crate::reply::{self, Reply};
use crate::request_id;
use crate::upstream::Upstream;

/// How long a client may take for one piece of an answer before its connection is closed. A short answer is one piece.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything that requests share.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) limits: Limits,
    pub(crate) identity: Identity,
    pub(crate) rates: Rates,
    pub(crate) money: Arc<Money>,
    pub(crate) desk: Desk,
    /// The desk of the estimate operation: workspace and inputs may be missing.
    pub(crate) estimate_desk: Desk,
    pub(crate) courier: Arc<Courier>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) log: Arc<AccessLog>,
    pub(crate) life: Arc<Life>,
}

/// One request.
#[derive(Debug)]
pub(crate) struct Visit {
    record: Record,
    in_flight: Option<Share>,
    streamed: Option<Streamed>,
}

/// What is left to do after the filter.
enum Next {
    /// Nothing: the client has its answer.
    Done,
    /// The proxy streams the request to upstream and the answer back.
    Stream,
}

/// Why a request ends early.
enum Ending {
    /// With a no.
    Refused(Rejection),
    /// Without an answer: the client is gone.
    Broken(Box<Error>),
}

impl From<Rejection> for Ending {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

impl From<Box<Error>> for Ending {
    fn from(error: Box<Error>) -> Self {
        Self::Broken(error)
    }
}

impl From<Uncollected> for Ending {
    fn from(why: Uncollected) -> Self {
        match why {
            Uncollected::Refused(rejection) => Self::Refused(rejection),
            Uncollected::Gone(error) => Self::Broken(error),
        }
    }
}

impl Gate {
    /// One request, step by step.
    async fn pass(&self, session: &mut Session, visit: &mut Visit) -> Result<Next, Ending> {
        let route = self.head(session, visit)?;
        match route.handling() {
            Handling::Observed | Handling::Bypassed => return Ok(Next::Stream),
            Handling::Own if !route.has_body() => {
                let reply = own_api::read(route, &self.desk, visit.record.date);
                return self.answer(session, visit, &reply).await;
            }
            Handling::Own | Handling::Gated(_) | Handling::Carried => {}
        }
        let began = clock::now();
        let body = collect::collect(session, &self.limits, &self.life.buffered).await?;
        visit.record.seconds.body = Some(clock::now().saturating_duration_since(began));
        visit.record.body_bytes = Some(body.bytes.len());
        if route == Route::Estimate {
            let (desk, money) = (&self.estimate_desk, &*self.money);
            let who = visit.record.principal.as_ref().map_or("", Principal::as_str);
            let reply = own_api::estimate(&body.bytes, desk, money, who, visit.record.date).await;
            return self.answer(session, visit, &reply).await;
        }
        let permit = self.admit(route, &body, &mut visit.record)?;
        if let Some(workspace) = permit.judged().and_then(Judged::workspace) {
            self.rates.admit(Subject::Workspace(workspace), &self.metrics)?;
        }
        let hold = self.hold(&permit, &mut visit.record).await?;
        self.forward(session, visit, permit, hold, body).await
    }

    /// Who asks for what: route, then the fields of the header.
    fn head(&self, session: &mut Session, visit: &mut Visit) -> Result<Route, Rejection> {
        let record = &mut visit.record;
        let request = session.req_header();
        record.method = Some(request.method.clone());
        record.request_id = request_id::of(&request.headers);
        let limits = HeadLimits {
            bytes: self.limits.head_bytes,
            fields: self.limits.head_fields,
            target: self.limits.target_bytes,
        };
        match session.as_http1() {
            Some(h1) => {
                head::scan_head(&h1.get_headers_raw_bytes(), &limits)?;
                // Of a body in chunks that is told later: it counts only for whoever may send one.
                if door::is_misframed(session) && !request.headers.contains_key(TRANSFER_ENCODING) {
                    let why = "the request line or the length of the body cannot be read";
                    return Err(Rejection::BadRequest(Fault::Framing(why)));
                }
            }
            None => head::measure_head(request.raw_path(), &request.headers, &limits)?,
        }
        let target = std::str::from_utf8(request.raw_path()).map_err(|_| Rejection::NotFound)?;
        let route = route::route(&request.method, target)?;
        record.route = Some(route);
        record.settlement.job = route::job_in(target);
        head::check_authorization(&request.headers)?;
        record.principal = self.identity.principal(&request.headers, record.date)?;
        head::check_content(route, &request.headers, self.limits.body_bytes)?;
        let token = request.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let address =
            session.client_addr().and_then(|address| address.as_inet()).map(std::net::SocketAddr::ip);
        let principal = record.principal.as_ref();
        self.rates.admit(Subject::Sender { token, address, principal }, &self.metrics)?;
        visit.in_flight = Some(self.life.in_flight.take(1).ok_or(Rejection::Overloaded)?);
        record.decision = match route.handling() {
            Handling::Observed => Some(Decision::Observed),
            Handling::Bypassed => Some(Decision::Bypassed),
            Handling::Own => Some(Decision::Answered),
            // Decided when the body is here.
            Handling::Gated(_) | Handling::Carried => None,
        };
        Ok(route)
    }

    /// Judges and prices the body.
    fn admit(&self, route: Route, body: &Collected, record: &mut Record) -> Result<Permit, Rejection> {
        let Handling::Gated(operation) = route.handling() else { return Ok(Permit::for_what_is_no_job()) };
        let began = clock::now();
        let decided = admit::decide(&body.bytes, operation, &self.desk, record.date);
        record.seconds.validate = Some(clock::now().saturating_duration_since(began));
        decided
    }

    /// Reserves what the job costs; durable before a byte of it leaves.
    async fn hold(&self, permit: &Permit, record: &mut Record) -> Result<Option<Hold>, Rejection> {
        let Some(judged) = permit.judged() else { return Ok(None) };
        let began = clock::now();
        let held = match judged.patch() {
            Some(patch) => self.money.change(record.settlement.job, patch, record.date).await,
            None if record.route == Some(Route::CreateJob) => {
                let who = record.principal.as_ref().map_or("", Principal::as_str);
                self.money.open(judged, who, record.date).await
            }
            None => Ok(None),
        };
        record.seconds.reserve = Some(clock::now().saturating_duration_since(began));
        record.hold = held.as_ref().ok().and_then(|hold| hold.as_ref().map(|hold| hold.id));
        held
    }

    /// Carries the request to upstream and its answer back.
    async fn forward(
        &self,
        session: &mut Session,
        visit: &mut Visit,
        permit: Permit,
        hold: Option<Hold>,
        body: Collected,
    ) -> Result<Next, Ending> {
        let record = &mut visit.record;
        let target = String::from_utf8_lossy(session.req_header().raw_path()).into_owned();
        let authority = self.upstream.authority();
        let Collected { bytes, room } = body;
        let parcel = forward::parcel(&permit, session, &target, authority, &record.request_id, bytes);
        record.judged = permit.into_judged();
        record.decision = Some(if record.judged.is_some() { Decision::Admitted } else { Decision::Bypassed });
        let outcome = self.courier.deliver(parcel, hold).await;
        drop(room);
        record.seconds.upstream = Some(outcome.took);
        record.upstream_status = outcome.fate.status();
        let answer = forward::judge(outcome, record.hold)?;
        let settled = settle::settle(&answer);
        record.settlement.upstream_estimate = settled.upstream_estimate;
        record.settlement.job = settled.job.or(record.settlement.job);
        if self.life.is_draining() {
            // It was not yet when the request came.
            session.set_keepalive(None);
        }
        forward::relay(session, answer, record).await?;
        Ok(Next::Done)
    }

    async fn answer(&self, session: &mut Session, visit: &mut Visit, reply: &Reply) -> Result<Next, Ending> {
        reply::send(session, reply, &mut visit.record).await?;
        Ok(Next::Done)
    }

    /// Says no.
    async fn refuse(&self, session: &mut Session, visit: &mut Visit, no: Rejection) -> pingora::Result<()> {
        let reply = Reply::from(&no);
        visit.record.refuse(no);
        reply::send(session, &reply, &mut visit.record).await
    }
}

#[async_trait]
impl ProxyHttp for Gate {
    type CTX = Visit;

    fn new_ctx(&self) -> Visit {
        Visit { record: Record::new(), in_flight: None, streamed: None }
    }

    async fn early_request_filter(&self, session: &mut Session, _: &mut Visit) -> pingora::Result<()> {
        door::turn(session);
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
        _: &mut Session,
        answer: &mut ResponseHeader,
        visit: &mut Visit,
    ) -> pingora::Result<()> {
        if let Some(streamed) = &mut visit.streamed {
            streamed.header(answer, self.upstream.response_timeout())?;
        }
        reply::strip(answer);
        visit.record.upstream_status = Some(answer.status.as_u16());
        visit.record.status = answer.status.as_u16();
        match (visit.record.route, answer.status) {
            (Some(Route::DeleteJob), StatusCode::NO_CONTENT) => {
                if let Some(job) = visit.record.settlement.job {
                    self.money.deleted(job).await;
                }
            }
            (Some(Route::ReadJob | Route::ListJobs), StatusCode::OK) => {
                visit.streamed.iter_mut().for_each(Streamed::keep);
            }
            _ => {}
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
        door::turn(session);
        drop(visit.in_flight.take());
        if let Some(told) = visit.streamed.take().and_then(Streamed::into_told).filter(|_| error.is_none()) {
            settle::observe(&self.money, visit.record.route, &told).await;
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
