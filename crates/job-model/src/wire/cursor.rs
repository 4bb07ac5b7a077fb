//! Tokens of JSON, read strictly and without copying: strings, numbers, literals. It knows nothing of jobs.

use std::num::NonZeroU64;

use super::scan::{after_space, plain_run};
use super::text::Text;
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
    /// The body, as far as it is valid UTF-8.
    text: &'a str,
    /// Whether all of the body is valid UTF-8.
    whole: bool,
    string_bytes: usize,
}

impl<'a> Cursor<'a> {
    /// Begins at the first byte. Bytes from the first invalid UTF-8 on are treated as the end of the body, which is
    /// where the fault is then found.
    pub(super) fn new(body: &'a [u8], string_bytes: usize) -> Self {
        let (text, whole) = match str::from_utf8(body) {
            Ok(text) => (text, true),
            Err(error) => {
                let valid = body.get(..error.valid_up_to()).unwrap_or_default();
                (str::from_utf8(valid).unwrap_or_default(), false)
            }
        };
        Self { rest: text.as_bytes(), text, whole, string_bytes }
    }

    /// The body, as far as it is valid UTF-8.
    pub(super) const fn text(&self) -> &'a str {
        self.text
    }

    /// Whether the body ends here.
    pub(super) const fn at_end(&self) -> bool {
        self.rest.is_empty() && self.whole
    }

    /// How many bytes are left.
    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    #[inline]
    pub(super) fn offset(&self) -> usize {
        self.text.len().saturating_sub(self.rest.len())
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
        // Nothing that a token begins with is below a blank.
        if let [(..=b' '), ..] = self.rest {
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
        let [b'"', run @ ..] = self.rest else { return Err(self.syntax()) };
        let [b'"', rest @ ..] = plain_run(run) else { return self.escaped_string() };
        let text = self.text_until(rest, 0);
        if text.length() > self.string_bytes {
            return self.escaped_string();
        }
        self.rest = rest;
        Ok(text)
    }

    /// The string that begins here and ends where the rest begins.
    #[inline]
    fn text_until(&self, rest: &[u8], escapes: usize) -> Text<'a> {
        let start = self.offset();
        let end = self.text.len().saturating_sub(rest.len()).saturating_sub(1);
        let raw = self.text.get(start.saturating_add(1)..end).unwrap_or_default();
        Text::new(raw, escapes, start)
    }

    /// A string with escapes, or a long one, or one that does not end.
    #[inline(never)]
    fn escaped_string(&mut self) -> Step<Text<'a>> {
        let mut ahead = Self { ..*self };
        ahead.expect(b'"')?;
        let mut escapes = 0_usize;
        loop {
            ahead.rest = plain_run(ahead.rest);
            match ahead.rest {
                [b'"', rest @ ..] => {
                    ahead.rest = rest;
                    break;
                }
                [b'\\', rest @ ..] => {
                    ahead.rest = rest;
                    ahead.escape()?;
                    escapes = escapes.saturating_add(1);
                }
                _ => return Err(ahead.syntax()),
            }
        }
        let text = self.text_until(ahead.rest, escapes);
        // Decoding never makes a string longer, so only a long token needs a closer look.
        if text.length() > self.string_bytes && text.bytes().len() > self.string_bytes {
            return Err(Fault::new(text.start, Rule::BodyLimits));
        }
        self.rest = ahead.rest;
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
        while let [(b'0'..=b'9'), rest @ ..] = self.rest {
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
