//! The id that ties an answer, a log line and upstream's own records together.

use http::{HeaderMap, HeaderName};

/// Where it travels.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The client's, if it is one short plain word; else a new one.
pub(crate) fn of(headers: &HeaderMap) -> String {
    let mut values = headers.get_all(HEADER).iter();
    let sane = |text: &str| {
        (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte))
    };
    match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
        (Some(text), None) if sane(text) => text.to_owned(),
        _ => uuid::Uuid::new_v4().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        of(&headers)
    }

    #[test]
    fn a_sane_one_is_kept_and_any_other_replaced() {
        assert_eq!(id(&["abc-123_4.5"]), "abc-123_4.5");
        let long = "x".repeat(129);
        for values in [&[][..], &[""], &["a b"], &["a\"b"], &["a", "b"], &["\u{e9}"], &[&long]] {
            assert_eq!(id(values).len(), 36, "{values:?}");
        }
    }
}
