//! What a request's header must be before its body is read. The proxy underneath is lenient in places where two
//! readers could differ, so the raw bytes are scanned again here.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderValue};
use memchr::memchr;

use crate::framing::{alphanumeric_and, is_token};
use crate::phase::route::Route;
use crate::rejection::{Fault, Rejection, TokenFault};

/// How large a header may be.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// All of it, in bytes.
    pub bytes: usize,
    /// Its fields.
    pub fields: usize,
    /// The request target, in bytes.
    pub target: usize,
}

/// Scans the bytes of an HTTP/1 header, request line and empty line included.
///
/// # Errors
/// `UriTooLong`, `HeadersTooLarge`, or `BadRequest` where the framing could be read in two ways.
pub fn scan_head(raw: &[u8], limits: &HeadLimits) -> Result<(), Rejection> {
    let framing = |why| Err(Rejection::BadRequest(Fault::Framing(why)));
    let too_large = || Err(Rejection::HeadersTooLarge(limits.bytes, limits.fields));
    let mut lines = Lines(raw);
    // A server should skip empty lines before a request.
    let request_line = loop {
        match lines.next() {
            Some(Ok([])) => {}
            Some(Ok(line)) => break line,
            Some(Err(why)) => return framing(why),
            None => return framing("the request line is missing"),
        }
    };
    let mut words = request_line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version @ (b"HTTP/1.0" | b"HTTP/1.1")), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return framing("the request line is not a method, a target and a version");
    };
    // Two spaces would be three empty words, and what follows them another reader's request.
    if method.is_empty() || !method.iter().copied().all(is_token) || target.is_empty() {
        return framing("the request line is not a method, a target and a version");
    }
    if target.contains(&b'#') {
        // The parser cuts it off without a word, and what is then judged is not what was sent.
        return framing("the request target has a fragment");
    }
    if target.len() > limits.target {
        return Err(Rejection::UriTooLong(limits.target));
    }
    if raw.len() > limits.bytes {
        return too_large();
    }
    let mut seen = Framing::default();
    for line in lines {
        let line = match line {
            Ok([]) => break,
            Ok(line) => line,
            Err(why) => return framing(why),
        };
        seen.fields = seen.fields.saturating_add(1);
        if seen.fields > limits.fields {
            return too_large();
        }
        if let Err(why) = seen.field(line) {
            return framing(why);
        }
    }
    seen.judge(version).map_or(Ok(()), framing)
}

/// The fields that decide where a request ends and whom it is for.
#[derive(Debug, Default)]
struct Framing {
    fields: usize,
    hosts: usize,
    lengths: usize,
    codings: usize,
}

impl Framing {
    fn field(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let colon = line.iter().position(|byte| *byte == b':').ok_or("a header line has no colon")?;
        let (name, value) = line.split_at_checked(colon).ok_or("a header line has no colon")?;
        if name.is_empty() || !name.iter().copied().all(is_token) {
            return Err("a header name is empty, folded or has characters that none may have");
        }
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if value.iter().fold(false, |any, byte| any | is_control(*byte)) {
            return Err("a header value has control characters");
        }
        if name.eq_ignore_ascii_case(HOST.as_str().as_bytes()) {
            self.hosts = self.hosts.saturating_add(1);
            if value.is_empty() || !value.iter().copied().all(is_of_a_host) {
                return Err("Host is not one name or address with at most a port");
            }
        } else if name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str().as_bytes()) {
            self.lengths = self.lengths.saturating_add(1);
            if !(1..=10).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
                return Err("Content-Length is not a number of 1 to 10 digits");
            }
        } else if name.eq_ignore_ascii_case(TRANSFER_ENCODING.as_str().as_bytes()) {
            self.codings = self.codings.saturating_add(1);
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err("Transfer-Encoding is not chunked");
            }
        } else if name.eq_ignore_ascii_case(CONNECTION.as_str().as_bytes()) && !is_of_the_connection(value) {
            return Err("Connection names a field that is not the connection's own");
        }
        Ok(())
    }

    fn judge(&self, version: &[u8]) -> Option<&'static str> {
        match (self.lengths, self.codings) {
            (2.., _) => Some("there is more than one Content-Length"),
            (_, 2..) => Some("there is more than one Transfer-Encoding"),
            (1, 1) => Some("there are both Content-Length and Transfer-Encoding"),
            (_, 1) if version == b"HTTP/1.0" => Some("HTTP/1.0 has no Transfer-Encoding"),
            _ if self.hosts > 1 => Some("there is more than one Host"),
            _ if self.hosts == 0 && version == b"HTTP/1.1" => Some("there is no Host"),
            _ => None,
        }
    }
}

/// What no header value may have.
const fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

/// A byte of a name, an address or a port; a path, a user or a list has others.
fn is_of_a_host(byte: u8) -> bool {
    static OF_A_HOST: [bool; 256] = alphanumeric_and(b"-._~%:[]");
    OF_A_HOST.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Whether a list has only words that concern the connection. Any other field that it named would be taken out underneath, behind
/// our back: a token, a length.
fn is_of_the_connection(list: &[u8]) -> bool {
    const OWN: [&[u8]; 8] =
        [b"", b"close", b"keep-alive", b"upgrade", b"http2-settings", b"te", b"trailer", b"proxy-connection"];
    let mut words = list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    words.all(|word| OWN.iter().any(|own| word.eq_ignore_ascii_case(own)))
}

/// Lines that end in CR LF and have neither inside.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a [u8], &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr(b'\n', self.0).map_or(self.0.len(), |at| at.saturating_add(1));
        let (line, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some(match line.strip_suffix(b"\r\n") {
            Some(line) if memchr(b'\r', line).is_none() => Ok(line),
            _ => Err("a header line does not end in CR LF"),
        })
    }
}

/// Judges the size of an HTTP/2 header, whose framing is its own.
///
/// # Errors
/// `UriTooLong`, `HeadersTooLarge`, or `BadRequest` for a length that is none.
pub(crate) fn measure_head(target: &[u8], headers: &HeaderMap, limits: &HeadLimits) -> Result<(), Rejection> {
    if target.len() > limits.target {
        return Err(Rejection::UriTooLong(limits.target));
    }
    // What the header would measure as text.
    let size = headers.iter().fold(target.len(), |sum, (name, value)| {
        sum.saturating_add(name.as_str().len()).saturating_add(value.len()).saturating_add(4)
    });
    if size > limits.bytes || headers.len() > limits.fields {
        return Err(Rejection::HeadersTooLarge(limits.bytes, limits.fields));
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(()),
        (Some(length), None) if length.as_bytes().iter().all(u8::is_ascii_digit) => Ok(()),
        _ => Err(Rejection::BadRequest(Fault::Framing("Content-Length is not one number"))),
    }
}

/// Judges the fields that a route depends on, behind authorization, in the documented order: content type, expectation,
/// length, body.
///
/// # Errors
/// The first that is not as it must be.
pub(crate) fn check_content(route: Route, headers: &HeaderMap, body_limit: usize) -> Result<(), Rejection> {
    let length = headers.get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
    if !route.has_body() {
        let none = length.is_none_or(|length| length.iter().all(|digit| *digit == b'0'));
        if !none || headers.contains_key(TRANSFER_ENCODING) {
            return Err(Rejection::BadRequest(Fault::Body));
        }
        return check_expectation(headers);
    }
    if !is_plain_json(headers) {
        return Err(Rejection::UnsupportedMediaType);
    }
    check_expectation(headers)?;
    let declared = length.and_then(|length| std::str::from_utf8(length).ok()?.parse::<u64>().ok());
    match declared {
        Some(length) if usize::try_from(length).is_ok_and(|length| length <= body_limit) => Ok(()),
        None if length.is_none() => Ok(()),
        _ => Err(Rejection::RequestTooLarge(body_limit)),
    }
}

/// At most one expectation, and that one is known.
fn check_expectation(headers: &HeaderMap) -> Result<(), Rejection> {
    let mut expected =
        headers.get_all(EXPECT).iter().map(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if !expected.next().unwrap_or(true) || expected.next().is_some() {
        return Err(Rejection::ExpectationFailed);
    }
    Ok(())
}

/// One bearer token, and nothing besides.
///
/// # Errors
/// `HeaderNotFound` or `InvalidToken`.
pub(crate) fn check_authorization(headers: &HeaderMap) -> Result<(), Rejection> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Rejection::HeaderNotFound)?;
    let token = value.as_bytes().split_at_checked(7).and_then(|(scheme, token)| {
        scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token.trim_ascii_start())
    });
    let characters = token.map(|token| match memchr(b'=', token) {
        // Padding stands at the end only.
        Some(end) if token.iter().skip(end).all(|byte| *byte == b'=') => token.get(..end).unwrap_or_default(),
        _ => token,
    });
    let good = characters
        .is_some_and(|characters| !characters.is_empty() && characters.iter().copied().all(is_b64token));
    if good && values.next().is_none() { Ok(()) } else { Err(Rejection::InvalidToken(TokenFault::Bearer)) }
}

/// The token that says who asks, however its scheme is written and how many blanks are in between; it is there, see
/// [`check_authorization`].
pub(crate) fn token(headers: &HeaderMap) -> &[u8] {
    let field = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    field.split_at_checked("Bearer ".len()).map(|(_, token)| token.trim_ascii()).unwrap_or_default()
}

fn is_b64token(byte: u8) -> bool {
    static B64TOKEN: [bool; 256] = alphanumeric_and(b"-._~+/");
    B64TOKEN.get(usize::from(byte)).copied().unwrap_or_default()
}

/// The published media type or the vendor's own, UTF-8, not encoded.
fn is_plain_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let one = match (types.next(), types.next()) {
        (Some(value), None) => value.to_str().unwrap_or_default(),
        _ => return false,
    };
    let mut parts = one.split(';').map(str::trim_ascii);
    let media_type = parts.next().unwrap_or_default();
    let known = media_type.eq_ignore_ascii_case("application/json")
        || media_type.eq_ignore_ascii_case("application/vnd.bentley.itwin-platform.v1+json")
        || media_type.eq_ignore_ascii_case("application/vnd.bentley.v1+json");
    let utf8 = parts.filter(|parameter| !parameter.is_empty()).all(|parameter| {
        parameter.eq_ignore_ascii_case("charset=utf-8") || parameter.eq_ignore_ascii_case("charset=\"utf-8\"")
    });
    let plain = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    known && utf8 && plain
}
