//! One broken rule: which, where, how grave, and what to write instead. It never repeats what the client sent.

use std::fmt;
use std::ops::Range;

use crate::rules::Rule;
use crate::severity::Severity;
use crate::target::Target;

/// Bytes of a sentence; few have more.
const USUAL: usize = 192;
/// Where a body that begins with a byte order mark is no JSON. No other fault of syntax has more than one byte.
pub(crate) const BYTE_ORDER_MARK: (u32, u32) = (0, 3);

/// A line and a column of the body, both counted from 1; a column counts characters.
///
/// ```
/// let place = job_model::Position::of("{\n \"\u{e9}\": }".as_bytes(), 8);
/// assert_eq!(place.to_string(), "line 2, column 6");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line; lines end at LF.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

impl Position {
    /// The position of a byte offset. Bytes that are no UTF-8 count as one character each.
    pub fn of(body: &[u8], offset: usize) -> Self {
        let before = body.get(..offset).unwrap_or(body);
        let line = before.split(|byte| *byte == b'\n').count();
        let characters = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        // A continuation byte of UTF-8 begins no character.
        let column = characters.iter().filter(|byte| **byte & 0xc0 != 0x80).count().saturating_add(1);
        Self { line, column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// One broken rule.
///
/// ```
/// use job_model::{JobRequest, Policy, Rule};
/// let refused = JobRequest::from_json(br#"{"type":"full"}"#, &Policy::default()).unwrap_err();
/// let first = refused.violations().next().unwrap();
/// assert_eq!(first.rule(), Rule::TypeInvalid);
/// assert_eq!(first.target().as_deref(), Some("type"));
/// assert_eq!(first.suggestion(), Some("Full"));
/// assert_eq!(first.span(), 8..14, "the bytes to underline");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub(crate) rule: Rule,
    pub(crate) severity: Severity,
    pub(crate) would_deny: bool,
    pub(crate) target: Target,
    pub(crate) span: (u32, u32),
    pub(crate) suggestion: Option<&'static str>,
    pub(crate) limit: u32,
    pub(crate) position: Option<Position>,
}

impl Violation {
    /// The rule that is broken.
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// What it leads to, the mode applied.
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// Whether it would refuse the request if the mode were not shadow.
    pub const fn would_deny(&self) -> bool {
        self.would_deny
    }

    /// The path of the member, as `settings.outputs[1]`; none for the body as a whole.
    pub fn target(&self) -> Option<String> {
        self.target.is_shown().then(|| self.target.to_string())
    }

    /// Where in the body the fault begins; for body rules only.
    pub const fn position(&self) -> Option<Position> {
        self.position
    }

    /// The bytes of the body to underline; for a missing member, the opening of the object that lacks it, and for what a change makes
    /// of its job, the opening of the body.
    pub fn span(&self) -> Range<usize> {
        let (start, end) = self.span;
        usize::try_from(start).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(usize::MAX)
    }

    /// The documented word that was probably meant.
    pub const fn suggestion(&self) -> Option<&'static str> {
        self.suggestion
    }

    /// The sentence a client reads.
    pub fn message(&self) -> String {
        self.sentence(self.target().as_deref())
    }

    /// The same, where the target is known as a text.
    fn sentence(&self, target: Option<&str>) -> String {
        let mut text = String::with_capacity(USUAL);
        if let Some(target) = target {
            text.extend(["Invalid '", target, "' parameter. "]);
        }
        let sentence = self.rule.sentence();
        // To look for a text is dear, and few have a limit.
        match sentence.contains('{').then(|| sentence.split_once("{limit}")).flatten() {
            Some((before, after)) => text.extend([before, &self.limit.to_string(), after]),
            None => text.push_str(sentence),
        }
        if let Some(position) = self.position {
            text.extend([", at ", &position.to_string()]);
        }
        match (self.rule, self.suggestion) {
            (Rule::UnknownMember, Some(place)) => text.extend(["; '", place, "' is where it belongs."]),
            (Rule::BodySyntax, _) if self.span == BYTE_ORDER_MARK => {
                text.push_str(": it begins with a byte order mark and has to be sent without one.");
            }
            (_, Some(word)) => text.extend(["; did you mean '", word, "'?"]),
            (_, None) => text.push('.'),
        }
        text
    }

    /// The `code` of the detail that reports it.
    pub const fn code(&self) -> &'static str {
        if self.rule.is_body() {
            "InvalidRequestBody"
        } else if matches!(self.rule, Rule::ChangeAfterSubmit) {
            "InvalidChange"
        } else {
            "InvalidParameter"
        }
    }

    /// Contract order: members as the contract lists them, then unknown members as they stand, then rules of meaning.
    pub(crate) fn order(&self) -> (u8, u8, (u8, u32, u8), u32) {
        let meaning = self.rule >= Rule::MeshQualityMismatch && self.rule < Rule::PatchEmpty;
        let rank = if meaning { u8::try_from(self.rule.index()).unwrap_or(u8::MAX) } else { 0 };
        let offset = if matches!(self.target, Target::Unknown(..)) { self.span.0 } else { 0 };
        (u8::from(meaning), rank, self.target.order(), offset)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl Violation {
    /// The entry of `error.details` that reports it.
    pub fn detail(&self) -> crate::response::ErrorDetail {
        let target = self.target();
        let message = self.sentence(target.as_deref());
        crate::response::ErrorDetail::new(self.code(), message).of_rule(self.rule.id(), target)
    }
}
