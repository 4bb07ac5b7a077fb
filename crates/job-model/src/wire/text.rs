//! A string as it stands in a body, and what it says; it finds no strings.

use std::borrow::Cow;

/// A string token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    /// What stands between the quotes, as written.
    raw: &'a str,
    /// How many escapes are in it. A whole word, as the rest is: copying a lone byte with it is dear.
    escapes: usize,
    /// Where its opening quote stands.
    pub(super) start: usize,
}

impl<'a> Text<'a> {
    #[inline]
    pub(super) const fn new(raw: &'a str, escapes: usize, start: usize) -> Self {
        Self { raw, escapes, start }
    }

    /// The token that was read between these two offsets.
    pub(super) fn again(body: &'a str, start: u32, end: u32) -> Self {
        let at = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
        let inner = at(start).saturating_add(1)..at(end).saturating_sub(1);
        let raw = body.get(inner).unwrap_or_default();
        Self { raw, escapes: usize::from(raw.contains('\\')), start: at(start) }
    }

    /// The bytes between the quotes, as written.
    #[inline]
    pub(super) const fn length(&self) -> usize {
        self.raw.len()
    }

    /// What the string says.
    #[inline]
    pub(super) fn content(&self) -> Cow<'a, str> {
        if self.escapes == 0 { Cow::Borrowed(self.raw) } else { Cow::Owned(decode(self.raw)) }
    }

    /// Hands what the string says, as bytes, to a reader; copied only where something is escaped.
    #[expect(clippy::inline_always, reason = "a text handed back through memory costs more than reading it")]
    #[inline(always)]
    pub(super) fn with_bytes<R>(&self, read: impl Fn(&[u8]) -> R) -> R {
        if self.escapes == 0 { read(self.raw.as_bytes()) } else { read(&self.bytes()) }
    }

    /// What the string says, as bytes; copied only where something is escaped.
    pub(super) fn bytes(&self) -> Cow<'a, [u8]> {
        match self.content() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }
    }

    #[inline]
    pub(super) const fn end(&self) -> usize {
        self.start.saturating_add(self.raw.len()).saturating_add(2)
    }
}

/// INVARIANT: what is decoded was read to its end, so each backslash begins one of the escapes of JSON, and surrogates come
/// in pairs. One allocation: no escape is shorter than what it says.
#[cold]
fn decode(raw: &str) -> String {
    let mut said = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        said.push_str(plain);
        rest = decode_escape(escape, &mut said);
    }
    said.push_str(rest);
    said
}

/// Decodes what follows a backslash; hands back what follows that.
fn decode_escape<'a>(escape: &'a str, said: &mut String) -> &'a str {
    let mut rest = escape.chars();
    said.push(match rest.next() {
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => {
            let (unit, after) = hex(rest.as_str());
            let low = if (0xd800..0xdc00).contains(&unit) { after.strip_prefix("\\u") } else { None };
            let (scalar, after) = match low.map(hex) {
                Some((low, after)) => {
                    (((unit & 0x3ff) << 10 | (low & 0x3ff)).saturating_add(0x1_0000), after)
                }
                None => (unit, after),
            };
            said.push(char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER));
            return after;
        }
        Some(itself) => itself,
        None => return "",
    });
    rest.as_str()
}

/// Four hexadecimal digits, and what follows them.
fn hex(text: &str) -> (u32, &str) {
    let (digits, rest) = text.split_at_checked(4).unwrap_or_default();
    (u32::from_str_radix(digits, 16).unwrap_or(0), rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Text;

    #[test]
    fn every_escape_says_what_serde_json_says() {
        for raw in [
            r#"\"\\\/\b\f\n\r\t"#,
            r"\u0000\u001f\u007f\u00e9\u20ac\uffff",
            r"\uD83D\uDE00x\ud83d\ude00\udbff\udfff\ud800\udc00",
            r"\u005cu0041\\u0041",
            "",
            "é\\u0065\u{301}",
        ] {
            let want: String = serde_json::from_str(&format!("\"{raw}\"")).unwrap();
            assert_eq!(Text::new(raw, 1, 0).content(), want, "{raw}");
        }
    }

    fn escape(unit: u16) -> Vec<char> {
        format!("\\u{unit:04X}").chars().collect()
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_read_back(text in ".*", escaped in proptest::collection::vec(any::<bool>(), 1..8)) {
            let mut raw = String::new();
            for (c, escaped) in text.chars().zip(escaped.into_iter().cycle()) {
                if escaped || matches!(c, '"' | '\\' | '\0'..='\u{1f}') {
                    raw.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| escape(*unit)));
                } else {
                    raw.push(c);
                }
            }
            let read = Text::new(&raw, 1, 0).content().into_owned();
            prop_assert_eq!(&read, &text);
            prop_assert_eq!(read, serde_json::from_str::<String>(&format!("\"{raw}\"")).unwrap());
        }
    }
}
