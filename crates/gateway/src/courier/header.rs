//! What is looked at in the header of upstream's answer, and what of it is passed on.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use pingora::http::ResponseHeader;

use crate::{reply, request_id};

/// The most of a header that is taken.
const MOST: usize = 64 << 10;

/// Whether a header is more than any answer needs. The library underneath takes a megabyte.
pub(super) fn is_too_large(header: &ResponseHeader) -> bool {
    let size = |(name, value): (&HeaderName, &HeaderValue)| {
        name.as_str().len().saturating_add(value.len()).saturating_add(": \r\n".len())
    };
    header.headers.iter().map(size).fold(0, usize::saturating_add) > MOST
}

/// Whether a header as it came has a Content-Length. The parser drops one that stands beside a Transfer-Encoding, and reads on:
/// another reader would find the end of the answer elsewhere.
pub(super) fn has_a_length(raw: &[u8]) -> bool {
    let lines = raw.split(|byte| *byte == b'\n');
    let mut names = lines.filter_map(|line| line.split(|byte| *byte == b':').next()).map(<[u8]>::trim_ascii);
    names.any(|name| name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str().as_bytes()))
}

/// Whether an answer has no Transfer-Encoding, or one that is exactly `chunked`. The parser takes any that ends with it; what else it
/// names would be lost on the way, and its client would read a coded body as a plain one.
pub(super) fn is_coded_as_can_be_read(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    codings.next().is_none_or(|one| one.as_bytes().eq_ignore_ascii_case(b"chunked"))
        && codings.next().is_none()
}

/// Upstream's header without what concerns the connection and without what only the gateway may say.
pub(super) fn passed_on(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let nominated = reply::nominated_by_connection(headers);
    let keep = |name: &HeaderName| {
        !reply::is_of_the_connection(name)
            && *name != CONTENT_LENGTH
            && !name.as_str().starts_with("x-jobgate-")
            && *name != request_id::HEADER
            && !nominated.iter().any(|other| other == name)
    };
    headers.iter().filter(|(name, _)| keep(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
