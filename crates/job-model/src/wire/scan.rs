//! Runs of bytes that need no closer look, eight at a time: white space, and what means itself within a string.

/// Steps over white space.
#[inline]
pub(super) fn after_space(mut rest: &[u8]) -> &[u8] {
    while let [b' ' | b'\n' | b'\r' | b'\t', tail @ ..] = rest {
        rest = after_blanks(tail);
    }
    rest
}

/// Steps over blanks, which is what indentation is made of.
#[inline]
fn after_blanks(mut rest: &[u8]) -> &[u8] {
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let other = u64::from_le_bytes(*chunk) ^ BLANKS;
        if other != 0 {
            return after_equal(rest, other);
        }
        rest = tail;
    }
    while let [b' ', tail @ ..] = rest {
        rest = tail;
    }
    rest
}

/// Steps over the bytes that mean themselves within a string.
#[inline]
pub(crate) fn plain_run(mut rest: &[u8]) -> &[u8] {
    let mut words = 0;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let stops = stops(u64::from_le_bytes(*chunk));
        if stops != 0 {
            return after_equal(rest, stops);
        }
        if words == SHORT_WORDS {
            return long_run(tail);
        }
        words = words.saturating_add(1);
        rest = tail;
    }
    while let [byte, tail @ ..] = rest {
        if matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            break;
        }
        rest = tail;
    }
    rest
}

/// The same for a text: blocks first. Each byte of a block is looked at in the same way and its stops are counted in bytes, which
/// the compiler makes vectors of; of a look that may end early, or of truths, it does not.
#[inline(never)]
fn long_run(mut rest: &[u8]) -> &[u8] {
    while let Some((block, tail)) = rest.split_first_chunk::<BLOCK>() {
        let stops = block.iter().fold(0, |stops, byte| {
            stops | u8::from(*byte < b' ') | u8::from(*byte == b'"') | u8::from(*byte == b'\\')
        });
        if stops != 0 {
            break;
        }
        rest = tail;
    }
    plain_run(rest)
}

/// Steps over as many bytes as the word has zeros at its end.
#[inline]
fn after_equal(rest: &[u8], word: u64) -> &[u8] {
    let equal = usize::try_from(word.trailing_zeros() >> 3).unwrap_or(0);
    rest.get(equal..).unwrap_or_default()
}

/// Names, words and ids are over within these and one more.
const SHORT_WORDS: u8 = 3;
const BLOCK: usize = 32;
const BLANKS: u64 = 0x2020_2020_2020_2020;

/// Sets the high bit of the first byte that is a quote, a backslash or a control character; bits above it may be wrong.
#[inline]
const fn stops(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let control = word.wrapping_sub(BLANKS) & !word;
    let quote = word ^ 0x2222_2222_2222_2222;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = word ^ 0x5c5c_5c5c_5c5c_5c5c;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGHS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{after_space, plain_run};

    proptest! {
        #[test]
        fn runs_end_where_a_look_at_each_byte_ends(bytes in proptest::collection::vec(
            prop_oneof![4 => Just(b' '), 1 => prop::sample::select(&b"\n\r\tax\"\\\x1f\x7f\x80\xff"[..]), 1 => any::<u8>()], 0..140,
        )) {
            let space = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
            prop_assert_eq!(after_space(&bytes), &bytes[space..]);
            let plain = bytes.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count();
            prop_assert_eq!(plain_run(&bytes), &bytes[plain..]);
        }
    }
}
