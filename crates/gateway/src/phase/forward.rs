//! Forwards what has a permit: writes upstream's request from a list of allowed fields, and tells what its answer means.

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, IF_MATCH,
    IF_NONE_MATCH, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ledger::HoldId;
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession as Session;
use pingora::{Error, ErrorType};

use crate::courier::{Answer, Failure, Fate, Outcome, Parcel, Sent};
use crate::phase::admit::{Judged, Permit};
use crate::phase::meter::Record;
use crate::phase::route::{Handling, Route};
use crate::rejection::{Rejection, Sending};
use crate::reply;
use crate::request_id;

/// What upstream may see of a client's header. Host, framing and media type are ours.
static PASSED_ON: [HeaderName; 9] = [
    AUTHORIZATION,
    ACCEPT,
    USER_AGENT,
    ACCEPT_LANGUAGE,
    IF_MATCH,
    IF_NONE_MATCH,
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// A request as upstream will get it, with its body where it has one.
pub(crate) fn parcel(
    _permit: &Permit,
    session: &Session,
    route: Route,
    target: &str,
    authority: &str,
    request_id: &str,
    body: Option<Bytes>,
) -> Parcel {
    let client = session.req_header();
    let mut head = Vec::with_capacity(1024);
    let mut line = |name: &str, value: &[u8]| {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    };
    line(HOST.as_str(), authority.as_bytes());
    for (name, value) in allowed(&client.headers) {
        line(name.as_str(), value.as_bytes());
    }
    line(request_id::HEADER.as_str(), request_id.as_bytes());
    // What is read here is read as it is.
    let is_read = route.handling() != Handling::Bypassed;
    let encoding = client.headers.get(ACCEPT_ENCODING).map(HeaderValue::as_bytes);
    if let Some(encoding) = if is_read { Some(&b"identity"[..]) } else { encoding } {
        line(ACCEPT_ENCODING.as_str(), encoding);
    }
    if let Some(body) = &body {
        line(CONTENT_TYPE.as_str(), b"application/json");
        line(CONTENT_LENGTH.as_str(), body.len().to_string().as_bytes());
    }
    let body = body.unwrap_or_default();
    head.extend_from_slice(b"\r\n");
    let mut wire = Vec::with_capacity(head.len().saturating_add(body.len()).saturating_add(96));
    // INVARIANT: the route was matched byte by byte, so neither word has a blank or a control character.
    wire.extend_from_slice(client.method.as_str().as_bytes());
    wire.push(b' ');
    wire.extend_from_slice(target.as_bytes());
    wire.extend_from_slice(b" HTTP/1.1\r\n");
    wire.append(&mut head);
    Parcel { head: wire, body }
}

/// A question of our own about a job, asked with the client's token and nothing else of the client's.
pub(crate) fn question(session: &Session, target: &str, authority: &str, request_id: &str) -> Parcel {
    let mut head = format!(
        "GET {target} HTTP/1.1\r\nHost: {authority}\r\nAccept: application/vnd.bentley.v1+json\r\nAccept-Encoding: identity\r\n"
    )
    .into_bytes();
    let name = request_id::HEADER;
    let fields =
        session.req_header().headers.get(AUTHORIZATION).map(|token| (AUTHORIZATION, token.as_bytes()));
    for (name, value) in fields.into_iter().chain([(name, request_id.as_bytes())]) {
        for part in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n");
    Parcel { head, body: Bytes::new() }
}

fn allowed(client: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    PASSED_ON.iter().flat_map(|name| client.get_all(name).iter().map(move |value| (name, value)))
}

/// What upstream answered.
///
/// # Errors
/// `UpstreamTimeout` or `UpstreamUnavailable`, with what is known of the request; `AnswerCutOff` where it was refused.
pub(crate) fn judge(outcome: Outcome, hold: Option<HoldId>) -> Result<Answer, Rejection> {
    // A part is not nothing: no correct server acts on half a request, but its hold stays in doubt as long as a byte may have left.
    let sending = if outcome.sent == Sent::Nothing { Sending::NotSent } else { Sending::Unknown };
    match outcome.fate {
        Fate::Answered(answer) => Ok(answer),
        Fate::Torn(torn) if outcome.refused => Err(Rejection::AnswerCutOff(torn.status)),
        Fate::Torn(_) => Err(Rejection::UpstreamUnavailable(Sending::Unknown, hold)),
        Fate::Failed(Failure::Timeout) => Err(Rejection::UpstreamTimeout(sending, hold)),
        Fate::Failed(
            Failure::Unresolved
            | Failure::Connect
            | Failure::Tls
            | Failure::Broken
            | Failure::Garbage
            | Failure::Abandoned,
        ) => Err(Rejection::UpstreamUnavailable(sending, hold)),
    }
}

/// Nobody has answered a request for which nothing is held.
pub(crate) fn unanswered(error: &Error) -> Rejection {
    let failure = Failure::of(error);
    // Nothing is written before there is a connection, and TLS on it.
    let is_unsent = matches!(failure, Failure::Unresolved | Failure::Connect | Failure::Tls)
        || matches!(error.etype(), ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout);
    let sending = if is_unsent { Sending::NotSent } else { Sending::Unknown };
    match failure {
        Failure::Timeout => Rejection::UpstreamTimeout(sending, None),
        Failure::Unresolved
        | Failure::Connect
        | Failure::Tls
        | Failure::Broken
        | Failure::Garbage
        | Failure::Abandoned => Rejection::UpstreamUnavailable(sending, None),
    }
}

/// The header of an answer that is passed on.
pub(crate) fn header(
    status: StatusCode,
    fields: Vec<(HeaderName, HeaderValue)>,
) -> pingora::Result<ResponseHeader> {
    let mut header = ResponseHeader::build_no_case(status, Some(fields.len().saturating_add(6)))?;
    for (name, value) in fields {
        header.append_header(name, value)?;
    }
    Ok(header)
}

/// Gives upstream's answer to the client.
///
/// # Errors
/// When the client is gone.
pub(crate) async fn relay(session: &mut Session, answer: Answer, record: &mut Record) -> pingora::Result<()> {
    record.status = answer.status.as_u16();
    let bare = matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let mut header = header(answer.status, answer.headers)?;
    if !bare {
        header.insert_header(CONTENT_LENGTH, answer.body.len())?;
    }
    for (name, value) in record.judged.iter().flat_map(notes) {
        header.insert_header(name, value)?;
    }
    if !record.near.is_empty() {
        header.insert_header(reply::NEAR, record.near.join(", "))?;
    }
    reply::sign(&mut header, record)?;
    reply::taken(session.write_response_header(Box::new(header))).await?;
    if !bare {
        reply::taken(session.write_response_body(answer.body, true)).await?;
    }
    Ok(())
}

/// What we say of a job beside upstream's answer: its price, and what was warned of.
pub(crate) fn notes(judged: &Judged) -> Vec<(HeaderName, HeaderValue)> {
    let warnings = judged.report().warnings().take(16).map(job_model::Rule::id).collect::<Vec<_>>();
    let warnings = Some(warnings.join(", ")).filter(|warnings| !warnings.is_empty());
    let held = judged.held().map(|(held, currency)| format!("{held} {currency}"));
    let estimate = held.or_else(|| judged.quote().map(estimate));
    let notes = [(reply::ESTIMATE, estimate), (reply::WARNINGS, warnings)];
    notes.into_iter().filter_map(|(name, text)| Some((name, text?.parse().ok()?))).collect()
}

/// The value of `x-jobgate-estimate`.
fn estimate(quote: &job_model::Quote) -> String {
    match quote {
        job_model::Quote::Priced(estimate) => format!("{} {}", estimate.amount(), estimate.currency()),
        job_model::Quote::Unpriced(reason) => format!("unpriced; {reason}"),
    }
}
