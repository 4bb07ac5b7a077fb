//! One request, step by step: each step is a phase that does the work, and says no or hands on.

mod reserve;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::TRANSFER_ENCODING;
use http::{Method, StatusCode};
use log::warn;
use pingora::protocols::http::ServerSession as Session;

use crate::access_log::AccessLog;
use crate::capacity::Share;
use crate::clock;
use crate::config::Limits;
use crate::courier::{Courier, Failure};
use crate::door;
use crate::ending::Ending;
use crate::identity::{Identity, Principal};
use crate::life::Life;
use crate::metrics::Metrics;
use crate::money::Money;
use crate::outcome::Decision;
use crate::own_api;
use crate::phase::admit::{self, Desk, Permit};
use crate::phase::collect::{self, Collected};
use crate::phase::forward;
use crate::phase::head::{self, HeadLimits};
use crate::phase::meter::Record;
use crate::phase::route::{self, Handling, Route};
use crate::phase::stream::{self, Cut};
use crate::rates::{Rates, Subject};
use crate::rejection::{Fault, Rejection};
use crate::repeat;
use crate::reply::{self, Reply};
use crate::request_id;
use crate::stake::Stake;
use crate::upstream::Upstream;

/// How long the answer to one request too many may wait for its client.
const NOT_WAITED_FOR: Duration = Duration::from_millis(250);

/// Everything that requests share.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) limits: Limits,
    pub(crate) identity: Arc<Identity>,
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
    pub(crate) record: Record,
    pub(crate) in_flight: Option<Share>,
    /// What an answer that was passed on tells of jobs.
    pub(crate) told: Option<Vec<u8>>,
}

impl Visit {
    /// One whose header began to come then.
    pub(crate) fn new(gate: &Gate, began: Instant) -> Self {
        Self { record: Record::new(began, gate.money.now()), in_flight: None, told: None }
    }
}

/// Whom a request is counted for, as its header says.
fn sender<'a>(session: &'a Session, principal: Option<&'a Principal>) -> Subject<'a> {
    let token = head::token(&session.req_header().headers);
    let address = session.client_addr().and_then(|address| address.as_inet()).map(std::net::SocketAddr::ip);
    Subject::Sender { token, address, principal }
}

impl Gate {
    /// One request, step by step, until the client has its answer.
    pub(crate) async fn pass(&self, session: &mut Session, visit: &mut Visit) -> Result<(), Ending> {
        let route = self.head(session, visit).await;
        let began = clock::now();
        visit.record.seconds.head = Some(began.saturating_duration_since(visit.record.began));
        let route = route?;
        if !route.has_body() {
            collect::nothing(session, &self.limits).await?;
        }
        match route.handling() {
            // On the heap: larger than all that is kept of a request that is judged.
            Handling::Observed | Handling::Bypassed => {
                return Box::pin(self.stream(session, visit, route)).await;
            }
            Handling::Own if !route.has_body() => {
                let reply = own_api::read(route, &self.desk, visit.record.at);
                return self.answer(session, visit, &reply).await;
            }
            Handling::Ending => {
                let stake = self.money.delete(visit.record.settlement.job).await;
                visit.record.hold = stake.as_ref().and_then(Stake::hold).map(|hold| hold.id);
                let permit = Permit::for_what_is_no_job();
                return self.forward(session, visit, route, permit, stake, None).await;
            }
            Handling::Carried if !route.has_body() => {
                let permit = Permit::for_what_is_no_job();
                return self.forward(session, visit, route, permit, None, None).await;
            }
            Handling::Own | Handling::Gated(_) | Handling::Carried => {}
        }
        let body = collect::collect(session, &self.limits, &self.life.buffered).await?;
        visit.record.seconds.body = Some(clock::now().saturating_duration_since(began));
        visit.record.at = self.money.now();
        visit.record.body_bytes = Some(body.bytes.len());
        if route == Route::Estimate {
            let (desk, money) = (&self.estimate_desk, &*self.money);
            let who = visit.record.principal.as_ref().map_or("", Principal::as_str);
            let reply = own_api::estimate(&body.bytes, desk, money, who, visit.record.at).await;
            return self.answer(session, visit, &reply).await;
        }
        let who = visit.record.principal.as_ref();
        let key = repeat::key(route, session.req_header(), who, &body.bytes)?;
        if let Some(again) = self.money.recall(key, visit.record.at).await? {
            visit.record.replay(again.hold);
            self.close_if_stopping(session);
            return Ok(forward::relay(session, again.said?, &mut visit.record).await?);
        }
        let mut permit = self.admit(route, &body, &mut visit.record)?;
        let stake = match self.stake(session, &mut permit, key, &mut visit.record).await {
            Ok(stake) => stake,
            Err(no) => {
                // It was judged all the same.
                visit.record.judged = permit.into_judged();
                return Err(no.into());
            }
        };
        self.forward(session, visit, route, permit, stake, Some(body)).await
    }

    /// Who asks for what: route, then the fields of the header.
    async fn head(&self, session: &mut Session, visit: &mut Visit) -> Result<Route, Rejection> {
        let record = &mut visit.record;
        let request = session.req_header();
        record.method = Some(request.method.clone());
        record.request_id = request_id::of(&request.headers);
        if request.method == Method::CONNECT {
            return Err(Rejection::MethodNotAllowed("GET, POST, PATCH, DELETE"));
        }
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
        // Whoever waits for the keys of tokens is under way, too.
        visit.in_flight = Some(self.life.in_flight.take(1).ok_or(Rejection::Overloaded)?);
        record.principal = match self.identity.principal(&request.headers, record.date).await {
            Ok(principal) => principal,
            Err(no) => {
                // Whoever tries tokens is counted as well: by what they send and where from, there is no principal.
                self.rates.admit(sender(session, None), &self.metrics)?;
                if matches!(no, Rejection::InvalidToken(_)) {
                    self.rates.unauthorized(sender(session, None));
                }
                return Err(no);
            }
        };
        head::check_content(route, &request.headers, self.limits.body_bytes)?;
        repeat::word(route, &request.headers)?;
        self.rates.admit(sender(session, record.principal.as_ref()), &self.metrics)?;
        record.decision = match route.handling() {
            Handling::Observed | Handling::Ending => Some(Decision::Observed),
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
        let decided = admit::decide(&body.bytes, operation, &self.desk, record.at);
        record.seconds.validate = Some(clock::now().saturating_duration_since(began));
        decided
    }

    /// Carries the request to upstream and its answer back.
    async fn forward(
        &self,
        session: &mut Session,
        visit: &mut Visit,
        route: Route,
        permit: Permit,
        stake: Option<Stake>,
        body: Option<Collected>,
    ) -> Result<(), Ending> {
        let record = &mut visit.record;
        let target = String::from_utf8_lossy(session.req_header().raw_path()).into_owned();
        let authority = self.upstream.authority();
        let (bytes, room) = body.map(|Collected { bytes, room }| (bytes, room)).unzip();
        let parcel = forward::parcel(&permit, session, route, &target, authority, &record.request_id, bytes);
        record.judged = permit.into_judged();
        let decision = if record.judged.is_some() { Decision::Admitted } else { Decision::Bypassed };
        record.decision.get_or_insert(decision);
        let outcome = self.courier.deliver(parcel, stake).await;
        if record.route == Some(Route::CreateJob) {
            self.rates.created(head::token(&session.req_header().headers), &outcome);
        }
        drop(room);
        record.seconds.upstream = Some(outcome.took);
        let said = outcome.fate.status();
        record.upstream_status = said.map(|status| status.as_u16());
        let settled = outcome.told;
        if let Some(status) = said {
            self.count(status, session, record);
        }
        let answer = forward::judge(outcome, record.hold)?;
        record.settlement.upstream_estimate = settled.upstream_estimate;
        record.settlement.job = settled.job.or(record.settlement.job);
        self.close_if_stopping(session);
        Ok(forward::relay(session, answer, record).await?)
    }

    /// Carries a question to upstream, and its answer back as it comes.
    async fn stream(&self, session: &mut Session, visit: &mut Visit, route: Route) -> Result<(), Ending> {
        let record = &mut visit.record;
        let target = String::from_utf8_lossy(session.req_header().raw_path()).into_owned();
        let (permit, authority) = (Permit::for_what_is_no_job(), self.upstream.authority());
        let parcel = forward::parcel(&permit, session, route, &target, authority, &record.request_id, None);
        let limit = self.upstream.response_timeout();
        let asked = clock::now();
        let begun = stream::ask(&self.courier, session, parcel, limit).await;
        record.seconds.upstream = Some(clock::now().saturating_duration_since(asked));
        let passed = match begun {
            Ok(begun) => {
                self.count(begun.status(), session, record);
                self.close_if_stopping(session);
                begun.pass_on(session, record).await
            }
            Err(cut) => Err(cut),
        };
        match passed {
            Ok(told) => visit.told = told,
            Err(Cut::Client(error)) => return Err(Ending::Broken(error)),
            Err(Cut::Upstream(error)) => {
                let failure = Failure::of(&error);
                self.metrics.upstream_error(failure.as_str());
                warn!("{authority}: {}: {error}", failure.as_str());
                if session.response_written().is_none() {
                    return Err(Ending::Refused(forward::unanswered(&error)));
                }
                // The answer has begun; all that can be done is not to end it as if it were whole.
                record.decision = Some(Decision::Failed);
                return Err(Ending::Torn(error));
            }
        }
        Ok(())
    }

    /// Says that nothing more is read, where the gateway has begun to stop since the request came.
    fn close_if_stopping(&self, session: &mut Session) {
        if self.life.is_draining() {
            session.set_keepalive(None);
        }
    }

    /// Counts who is not let in, before he hears of it.
    fn count(&self, status: StatusCode, session: &Session, record: &Record) {
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            self.rates.unauthorized(sender(session, record.principal.as_ref()));
        }
    }

    async fn answer(&self, session: &mut Session, visit: &mut Visit, reply: &Reply) -> Result<(), Ending> {
        self.close_if_stopping(session);
        Ok(reply::send(session, reply, &mut visit.record).await?)
    }

    /// Says no.
    pub(crate) async fn refuse(
        &self,
        session: &mut Session,
        visit: &mut Visit,
        no: Rejection,
    ) -> pingora::Result<()> {
        let reply = Reply::from(&no);
        if matches!(session.req_header().method, Method::TRACE | Method::CONNECT) {
            // Whatever follows was meant for somebody behind us.
            session.set_keepalive(None);
        }
        if matches!(no, Rejection::Overloaded) {
            // Whoever does not take this at once would be one more that room is kept for.
            session.set_write_timeout(Some(NOT_WAITED_FOR));
        }
        visit.record.refuse(no);
        self.close_if_stopping(session);
        reply::send(session, &reply, &mut visit.record).await
    }
}
