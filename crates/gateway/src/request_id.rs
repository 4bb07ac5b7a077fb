//! The id that ties an answer, a log line and upstream's own records together.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

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
        _ => fresh(),
    }
}

/// A new one, in the form of a random UUID. Its bits are a count under two secret keys, so that no two are alike and nobody
/// can foretell one; asking the system for random bytes each time would cost a system call a request.
pub(crate) fn fresh() -> String {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let [high, low] = &*KEYS;
    let bits = (u128::from(high.hash_one(count)) << 64) | u128::from(low.hash_one(count));
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string()
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
    fn new_ones_are_all_different() {
        let ids: std::collections::HashSet<_> = (0..100_000).map(|_| fresh()).collect();
        assert_eq!(ids.len(), 100_000);
        assert!(ids.iter().all(|id| id.len() == 36 && id.as_bytes().get(14) == Some(&b'4')));
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
