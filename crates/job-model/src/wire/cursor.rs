//! Tokens of JSON, read strictly and without copying: strings, numbers, literals. It knows nothing of jobs.

use std::borrow::Cow;
use std::num::NonZeroU64;

use crate::rules::Rule;

/// The first thing wrong with a body, by byte offset; of two at one place, the rule that comes first.
///
/// One word, so that handing back "nothing wrong" costs a register: the offset above, the rule (plus one) in the low byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault(NonZeroU64);

impl Fault {
    #[cold]
    pub(super) fn new(offset: usize, rule: Rule) -> Self {
        let offset = u64::try_from(offset).unwrap_or(u64::MAX);
        let rule = u64::try_from(rule.index()).unwrap_or(0).saturating_add(1);
        Self(NonZeroU64::MIN.saturating_add((offset << 8 | rule).saturating_sub(1)))
    }

    pub(super) fn offset(self) -> usize {
        usize::try_from(self.0.get() >> 8).unwrap_or(usize::MAX)
    }

    pub(super) fn rule(self) -> Rule {
        let index = usize::try_from(self.0.get() & 0xff).unwrap_or(0).saturating_sub(1);
        Rule::ALL.get(index).copied().unwrap_or(Rule::BodySyntax)
    }
}

/// The rest of the reading, or the reason why there is none.
pub(super) type Step<T> = Result<T, Fault>;

/// A string token, quotes included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    token: &'a [u8],
    /// How many escapes are in it. A whole word, as the rest is: copying a lone byte with it is dear.
    escapes: usize,
    pub(super) start: usize,
}

impl<'a> Text<'a> {
    /// The token that was read between these two offsets.
    pub(super) fn again(body: &'a [u8], start: u32, end: u32) -> Self {
        let at = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
        let token = body.get(at(start)..at(end)).unwrap_or_default();
        Self { token, escapes: usize::from(token.contains(&b'\\')), start: at(start) }
    }

    /// What stands between the quotes, as written.
    fn raw(&self) -> &'a [u8] {
        match self.token {
            [b'"', raw @ .., b'"'] => raw,
            _ => &[],
        }
    }

    /// What the string says.
    pub(super) fn content(&self) -> Cow<'a, str> {
        if self.escapes > 0 {
            // INVARIANT: the token was read to its end, so it is one JSON string.
            Cow::Owned(serde_json::from_slice(self.token).unwrap_or_default())
        } else {
            Cow::Borrowed(str::from_utf8(self.raw()).unwrap_or_default())
        }
    }

    /// Hands what the string says, as bytes, to a reader; copied only where something is escaped.
    #[expect(clippy::inline_always, reason = "a text handed back through memory costs more than reading it")]
    #[inline(always)]
    pub(super) fn with_bytes<R>(&self, read: impl Fn(&[u8]) -> R) -> R {
        if self.escapes == 0 { read(self.raw()) } else { read(&self.bytes()) }
    }

    /// What the string says, as bytes; copied only where something is escaped.
    pub(super) fn bytes(&self) -> Cow<'a, [u8]> {
        if self.escapes > 0 {
            Cow::Owned(self.content().into_owned().into_bytes())
        } else {
            Cow::Borrowed(self.raw())
        }
    }

    pub(super) fn end(&self) -> usize {
        self.start.saturating_add(self.token.len())
    }
}

/// A number token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number<'a> {
    pub(super) text: &'a [u8],
    /// Neither a fraction nor an exponent.
    pub(super) whole: bool,
}

const MANTISSA_DIGITS: usize = 40;
const LARGEST_EXPONENT: u32 = 30;

/// A place in a body.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    length: usize,
    /// Whether all of the body is valid UTF-8.
    whole: bool,
    string_bytes: usize,
}

impl<'a> Cursor<'a> {
    /// Begins at the first byte. Bytes from the first invalid UTF-8 on are treated as the end of the body, which is
    /// where the fault is then found.
    pub(super) fn new(body: &'a [u8], string_bytes: usize) -> Self {
        let (rest, whole) = match if body.is_ascii() { Ok("") } else { str::from_utf8(body) } {
            Ok(_) => (body, true),
            Err(error) => (body.get(..error.valid_up_to()).unwrap_or_default(), false),
        };
        Self { rest, length: rest.len(), whole, string_bytes }
    }

    /// Whether the body ends here.
    pub(super) const fn at_end(&self) -> bool {
        self.rest.is_empty() && self.whole
    }

    #[inline]
    pub(super) fn offset(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Steps over one byte.
    #[inline]
    pub(super) fn bump(&mut self) {
        if let [_, rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Steps over white space.
    #[inline]
    pub(super) fn space(&mut self) {
        if let [b' ' | b'\n' | b'\r' | b'\t', ..] = self.rest {
            self.rest = after_space(self.rest);
        }
    }

    /// Steps over one byte that has to be there.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Step<()> {
        if self.peek() == Some(byte) {
            self.bump();
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    /// The fault that no JSON text goes on as this one does here.
    #[cold]
    pub(super) fn syntax(&self) -> Fault {
        Fault::new(self.offset(), Rule::BodySyntax)
    }

    /// A string, from its opening quote.
    #[expect(clippy::inline_always, reason = "a text handed back through memory costs more than reading it")]
    #[inline(always)]
    pub(super) fn string(&mut self) -> Step<Text<'a>> {
        let from = self.rest;
        let [b'"', run @ ..] = from else { return Err(self.syntax()) };
        let [b'"', rest @ ..] = plain_run(run) else { return self.escaped_string() };
        let token = from.get(..from.len().saturating_sub(rest.len())).unwrap_or_default();
        if token.len() > self.string_bytes {
            return self.escaped_string();
        }
        let start = self.offset();
        self.rest = rest;
        Ok(Text { token, escapes: 0, start })
    }

    /// A string with escapes, or a long one, or one that does not end.
    #[inline(never)]
    fn escaped_string(&mut self) -> Step<Text<'a>> {
        let start = self.offset();
        let from = self.rest;
        self.expect(b'"')?;
        let mut escapes = 0_usize;
        loop {
            self.rest = plain_run(self.rest);
            match self.rest {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    break;
                }
                [b'\\', rest @ ..] => {
                    self.rest = rest;
                    self.escape()?;
                    escapes = escapes.saturating_add(1);
                }
                _ => return Err(self.syntax()),
            }
        }
        let token = from.get(..from.len().saturating_sub(self.rest.len())).unwrap_or_default();
        let text = Text { token, escapes, start };
        // Decoding never makes a string longer, so only a long token needs a closer look.
        if text.raw().len() > self.string_bytes && text.bytes().len() > self.string_bytes {
            return Err(Fault::new(start, Rule::BodyLimits));
        }
        Ok(text)
    }

    /// A string of this many bytes without escapes, if that is what stands here; nothing is read where it is not.
    #[inline]
    pub(super) fn plain_string<const LENGTH: usize, T>(
        &mut self,
        read: impl FnOnce(&[u8; LENGTH]) -> Option<T>,
    ) -> Option<T> {
        let (text, [b'"', rest @ ..]) = self.rest.strip_prefix(b"\"")?.split_first_chunk::<LENGTH>()? else {
            return None;
        };
        let value = read(text)?;
        self.rest = rest;
        Some(value)
    }

    /// What follows a backslash. Surrogates come in pairs, high then low.
    fn escape(&mut self) -> Step<()> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.bump();
                return Ok(());
            }
            Some(b'u') => self.bump(),
            _ => return Err(self.syntax()),
        }
        let first = self.hex(0..=15)?;
        let second = self.hex(if first == 13 { 0..=11 } else { 0..=15 })?;
        self.hex(0..=15)?;
        self.hex(0..=15)?;
        if first == 13 && second >= 8 {
            self.expect(b'\\')?;
            self.expect(b'u')?;
            self.hex(13..=13)?;
            self.hex(12..=15)?;
            self.hex(0..=15)?;
            self.hex(0..=15)?;
        }
        Ok(())
    }

    fn hex(&mut self, allowed: std::ops::RangeInclusive<u32>) -> Step<u32> {
        match self.peek().and_then(|byte| char::from(byte).to_digit(16)) {
            Some(digit) if allowed.contains(&digit) => {
                self.bump();
                Ok(digit)
            }
            _ => Err(self.syntax()),
        }
    }

    /// A number, from its minus sign or first digit.
    pub(super) fn number(&mut self) -> Step<Number<'a>> {
        let start = self.offset();
        let from = self.rest;
        if self.peek() == Some(b'-') {
            self.bump();
        }
        let mut digits = match self.peek() {
            Some(b'0') => {
                self.bump();
                1
            }
            _ => self.digits()?,
        };
        let mut whole = true;
        if self.peek() == Some(b'.') {
            self.bump();
            whole = false;
            digits = digits.saturating_add(self.digits()?);
        }
        let mut exponent = 0;
        if let Some(b'e' | b'E') = self.peek() {
            self.bump();
            whole = false;
            if let Some(b'+' | b'-') = self.peek() {
                self.bump();
            }
            let before = self.rest;
            let length = self.digits()?;
            for digit in before.get(..length).unwrap_or_default() {
                exponent = u32::saturating_mul(exponent, 10).saturating_add(u32::from(digit & 0x0f));
            }
        }
        if digits > MANTISSA_DIGITS || exponent > LARGEST_EXPONENT {
            return Err(Fault::new(start, Rule::BodyNumber));
        }
        let text = from.get(..from.len().saturating_sub(self.rest.len())).unwrap_or_default();
        Ok(Number { text, whole })
    }

    /// At least one digit; how many.
    fn digits(&mut self) -> Step<usize> {
        let before = self.rest.len();
        while let [b'0'..=b'9', rest @ ..] = self.rest {
            self.rest = rest;
        }
        let count = before.saturating_sub(self.rest.len());
        if count == 0 { Err(self.syntax()) } else { Ok(count) }
    }

    /// `true`, `false` or `null`.
    pub(super) fn literal(&mut self, text: &[u8]) -> Step<()> {
        text.iter().try_for_each(|byte| self.expect(*byte))
    }

    /// Any value that is neither object nor array.
    pub(super) fn scalar(&mut self) -> Step<()> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => Err(self.syntax()),
        }
    }
}

/// Steps over white space; indentation, eight blanks at a time.
fn after_space(mut rest: &[u8]) -> &[u8] {
    loop {
        match rest {
            [b' ', b' ', b' ', b' ', b' ', b' ', b' ', b' ', tail @ ..]
            | [b' ' | b'\n' | b'\r' | b'\t', tail @ ..] => rest = tail,
            _ => return rest,
        }
    }
}

/// Steps over the bytes that mean themselves within a string, eight at a time.
#[inline]
fn plain_run(mut rest: &[u8]) -> &[u8] {
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let stops = stops(u64::from_le_bytes(*chunk));
        if stops != 0 {
            let plain = usize::try_from(stops.trailing_zeros() >> 3).unwrap_or(0);
            return rest.get(plain..).unwrap_or_default();
        }
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

/// Sets the high bit of the first byte that is a quote, a backslash or a control character; bits above it may be wrong.
#[inline]
const fn stops(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let control = word.wrapping_sub(0x2020_2020_2020_2020) & !word;
    let quote = word ^ 0x2222_2222_2222_2222;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = word ^ 0x5c5c_5c5c_5c5c_5c5c;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGHS
}
