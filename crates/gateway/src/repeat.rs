//! Requests with an Idempotency-Key: who asks, under which word, for what; and what is kept of an answer. Upstream knows no such
//! key, and never sees it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ledger::{Kept, Key};
use pingora::http::RequestHeader;
use ring::digest::{Context, SHA256};

use crate::courier::{Answer, Fate, Outcome, Sent};
use crate::identity::Principal;
use crate::phase::head;
use crate::phase::route::{Handling, Route};
use crate::rejection::{Fault, Rejection};

/// What a client names its request by.
pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The longest key.
const LONGEST: usize = 255;

/// A key that a request takes, and what of ours is kept with its answer.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) key: Key,
    pub(crate) notes: Vec<(HeaderName, HeaderValue)>,
}

/// The key that a request carries: 1 to 255 visible ASCII characters, on what creates or changes a job.
///
/// # Errors
/// `BadRequest` for one that is none, or more than one.
pub(crate) fn word(route: Route, headers: &HeaderMap) -> Result<Option<&HeaderValue>, Rejection> {
    let mut values = headers.get_all(KEY).iter().filter(|_| matches!(route.handling(), Handling::Gated(_)));
    let Some(word) = values.next() else { return Ok(None) };
    let good = (1..=LONGEST).contains(&word.len()) && word.as_bytes().iter().all(u8::is_ascii_graphic);
    if good && values.next().is_none() { Ok(Some(word)) } else { Err(Rejection::BadRequest(Fault::Key)) }
}

/// The fingerprints of a request with a key. Where nobody is verified the token stands for who asks: else a stranger could be
/// told another's answer.
///
/// # Errors
/// As [`word`].
pub(crate) fn key(
    route: Route,
    request: &RequestHeader,
    principal: Option<&Principal>,
    body: &[u8],
) -> Result<Option<Key>, Rejection> {
    let Some(word) = word(route, &request.headers)? else { return Ok(None) };
    // However its scheme is written, and how many blanks are in between.
    let token = [b"Bearer ", head::token(&request.headers)].concat();
    let (kind, who): (&[u8], _) = match principal {
        Some(principal) => (b"principal", principal.as_str().as_bytes()),
        None => (b"token", token.as_slice()),
    };
    Ok(Some(Key {
        name: fingerprint(&[kind, who, word.as_bytes()]),
        request: fingerprint(&[request.method.as_str().as_bytes(), request.raw_path(), body]),
    }))
}

fn fingerprint(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        // With its length, no part can run over into the next.
        hash.update(&part.len().to_be_bytes());
        hash.update(part);
    }
    // INVARIANT: SHA-256 has 32 bytes.
    hash.finish().as_ref().try_into().unwrap_or_default()
}

/// What is kept of an exchange. An answer that speaks of the moment and not of the request leaves the key free, and so does a
/// request of which no byte was sent: to ask again is then what helps.
pub(crate) fn kept(outcome: &Outcome, notes: &[(HeaderName, HeaderValue)]) -> Kept {
    match &outcome.fate {
        // Nothing was done, and what exactly was said is not known.
        Fate::Torn(_) if outcome.refused => Kept::Nothing,
        Fate::Answered(answer) => match answer.status.as_u16() {
            401 | 408 | 425 | 429 => Kept::Nothing,
            500.. if outcome.refused => Kept::Nothing,
            status => Kept::Answer {
                status,
                headers: written(answer.headers.iter().chain(notes)),
                body: answer.body.to_vec(),
            },
        },
        Fate::Torn(_) | Fate::Failed(_) if outcome.sent == Sent::Nothing => Kept::Nothing,
        Fate::Failed(crate::courier::Failure::Timeout) => Kept::Unknown(504),
        Fate::Torn(_) | Fate::Failed(_) => Kept::Unknown(502),
    }
}

/// An answer as it was; none where it cannot be read any more.
pub(crate) fn answer(status: u16, headers: &str, body: Vec<u8>) -> Option<Answer> {
    let fields: Vec<(String, String)> = serde_json::from_str(headers).ok()?;
    let field = |(name, value): (String, String)| {
        let bytes: Option<Vec<u8>> = value.chars().map(|char| u8::try_from(char).ok()).collect();
        Some((name.parse().ok()?, HeaderValue::from_bytes(&bytes?).ok()?))
    };
    Some(Answer {
        status: StatusCode::from_u16(status).ok()?,
        headers: fields.into_iter().map(field).collect::<Option<_>>()?,
        body: Bytes::from(body),
    })
}

/// A value may have any bytes: each becomes the character of its number.
fn written<'a>(headers: impl Iterator<Item = &'a (HeaderName, HeaderValue)>) -> String {
    let text = |value: &HeaderValue| value.as_bytes().iter().copied().map(char::from).collect::<String>();
    let fields: Vec<_> = headers.map(|(name, value)| (name.as_str(), text(value))).collect();
    // INVARIANT: texts can always be written.
    serde_json::to_string(&fields).unwrap_or_default()
}
