//! The reader's own state and the JSON structure around members: objects, arrays, values nobody asked for.

use super::cursor::{Cursor, Fault, Step};
use super::names::{DEPTH, Names, first_case_variant};
use super::slot::{Slot, Span};
use super::suggest::suggest;
use super::text::Text;
use crate::policy::Policy;
use crate::report::Findings;
use crate::rules::Rule;
use crate::target::{Place, Target};

/// The most members and elements of a body.
const ITEMS: u32 = 10_000;
/// The longest name of an unknown member that is shown.
const SHOWN_NAME: usize = 64;

/// A member name: the place of a contract name in its list, or a name that the contract does not have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name<'a> {
    Known(usize),
    Unknown(Text<'a>),
}

/// The names that the contract has for the members of one object. A type, so that looking for one is compiled into the
/// reader of that object.
pub(super) trait Contract {
    const NAMES: &'static [&'static str];

    /// The place of a name among them.
    fn find(name: &[u8]) -> Option<usize>;
}

/// An object whose members nobody asked for.
struct Nothing;

impl Contract for Nothing {
    const NAMES: &'static [&'static str] = &[];

    fn find(_: &[u8]) -> Option<usize> {
        None
    }
}

/// Reads one body.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) policy: &'a Policy,
    /// Whether what is said of inputs is kept: each is an allocation of its own, and no rule looks at it.
    pub(super) keeps_descriptions: bool,
    /// Whether the body changes a job.
    pub(super) is_change: bool,
    pub(super) findings: Findings,
    /// What was found below `inputs`: forgotten when there are too many of them.
    pub(super) input_findings: Findings,
    pub(super) names: Names<'a>,
    /// The first member name that differs from another one only in letter case.
    pub(super) case_variant: Option<usize>,
    items: u32,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8], policy: &'a Policy) -> Self {
        let cursor = Cursor::new(body, policy.limits().string_bytes);
        Self {
            names: Names::new(cursor.text()),
            cursor,
            policy,
            keeps_descriptions: true,
            is_change: false,
            findings: Findings::default(),
            input_findings: Findings::default(),
            case_variant: None,
            items: 0,
        }
    }

    /// Reads an object whose members the contract names, from its opening brace; `member` reads each value.
    #[inline]
    pub(super) fn object<C: Contract>(
        &mut self,
        depth: usize,
        mut member: impl FnMut(&mut Self, Name<'a>) -> Step<()>,
    ) -> Step<()> {
        self.enter(depth)?;
        self.names.open();
        self.cursor.bump();
        self.cursor.space();
        if self.cursor.peek() == Some(b'}') {
            self.cursor.bump();
        } else {
            let mut seen = 0;
            loop {
                let name = self.name::<C>(&mut seen)?;
                member(self, name)?;
                if !self.more(b'}')? {
                    break;
                }
            }
        }
        if self.names.has_unknown() {
            return self.close_with_unknown(C::NAMES);
        }
        self.names.leave();
        Ok(())
    }

    /// An object closes that has members which the contract does not name.
    #[cold]
    fn close_with_unknown(&mut self, contract: &[&str]) -> Step<()> {
        if let Some(offset) = first_case_variant(self.names.innermost(), contract) {
            self.case_variant = Some(self.case_variant.map_or(offset, |first| first.min(offset)));
        }
        self.names.close()
    }

    /// Reads an array from its opening bracket; `element` reads each value.
    #[inline]
    pub(super) fn array(
        &mut self,
        depth: usize,
        mut element: impl FnMut(&mut Self, u32) -> Step<()>,
    ) -> Step<u32> {
        self.enter(depth)?;
        self.cursor.bump();
        self.cursor.space();
        if self.cursor.peek() == Some(b']') {
            self.cursor.bump();
            return Ok(0);
        }
        let mut index = 0_u32;
        loop {
            self.count_element(depth.saturating_add(1))?;
            element(self, index)?;
            index = index.saturating_add(1);
            if !self.more(b']')? {
                return Ok(index);
            }
        }
    }

    /// A container opens at this depth, the root's being 1.
    fn enter(&self, depth: usize) -> Step<()> {
        if depth > DEPTH {
            return Err(Fault::new(self.cursor.offset(), Rule::BodyDepth));
        }
        Ok(())
    }

    /// After a value: true if another one follows, false if the container closed.
    #[inline]
    fn more(&mut self, closing: u8) -> Step<bool> {
        self.cursor.space();
        match self.cursor.peek() {
            Some(b',') => {
                self.cursor.bump();
                self.cursor.space();
                Ok(true)
            }
            Some(byte) if byte == closing => {
                self.cursor.bump();
                Ok(false)
            }
            _ => Err(self.cursor.syntax()),
        }
    }

    /// A member name with its colon. `seen` has a bit for each contract name that was there before.
    #[inline]
    fn name<C: Contract>(&mut self, seen: &mut u32) -> Step<Name<'a>> {
        let start = self.cursor.offset();
        if self.cursor.peek() != Some(b'"') {
            return Err(self.cursor.syntax());
        }
        let over = self.count();
        let limit = || Fault::new(start, Rule::BodyLimits);
        let text = self.cursor.string().map_err(|fault| if over { limit() } else { fault })?;
        let name = if let Some(index) = text.with_bytes(C::find) {
            let bit = 1_u32.wrapping_shl(u32::try_from(index).unwrap_or(0));
            if *seen & bit != 0 {
                return Err(Fault::new(start, Rule::BodyDuplicateMember));
            }
            *seen |= bit;
            Name::Known(index)
        } else {
            self.names.push(text);
            if text.with_bytes(is_reserved) {
                return Err(Fault::new(start, Rule::BodyReservedMember));
            }
            Name::Unknown(text)
        };
        if over {
            return Err(limit());
        }
        self.cursor.space();
        self.cursor.expect(b':')?;
        self.cursor.space();
        Ok(name)
    }

    /// Counts a member or an element; true if it is one too many.
    fn count(&mut self) -> bool {
        self.items = self.items.saturating_add(1);
        self.items > ITEMS
    }

    /// Counts the element that begins here. One too many is refused, unless it is refused for more at the same place.
    #[inline]
    fn count_element(&mut self, depth: usize) -> Step<()> {
        if !self.count() {
            return Ok(());
        }
        let limit = Fault::new(self.cursor.offset(), Rule::BodyLimits);
        let own = match self.cursor.peek() {
            Some(b'{' | b'[') => self.enter(depth),
            Some(_) => self.cursor.scalar(),
            None => Err(self.cursor.syntax()),
        };
        Err(own.err().map_or(limit, |fault| fault.min(limit)))
    }

    /// Steps over any value, however nested, without recursion. `depth` is that of the value if it is a container.
    pub(super) fn skip(&mut self, depth: usize) -> Step<()> {
        // One bit a level, set for an object. INVARIANT: never more than DEPTH levels, so 64 bits are enough.
        let mut objects = 0_u64;
        let mut level = 0_usize;
        loop {
            let at = depth.saturating_add(level);
            let opened = match self.cursor.peek() {
                Some(b'{') => {
                    self.enter(at)?;
                    self.names.open();
                    Some(b'}')
                }
                Some(b'[') => {
                    self.enter(at)?;
                    Some(b']')
                }
                _ => {
                    self.cursor.scalar()?;
                    None
                }
            };
            let mut closed = opened.is_none();
            if let Some(closing) = opened {
                objects = (objects << 1) | u64::from(closing == b'}');
                level = level.saturating_add(1);
                self.cursor.bump();
                self.cursor.space();
                if self.cursor.peek() == Some(closing) {
                    self.cursor.bump();
                    closed = true;
                    objects = self.leave(objects)?;
                    level = level.saturating_sub(1);
                }
            }
            if closed {
                loop {
                    if level == 0 {
                        return Ok(());
                    }
                    if self.more(if objects & 1 == 1 { b'}' } else { b']' })? {
                        break;
                    }
                    objects = self.leave(objects)?;
                    level = level.saturating_sub(1);
                }
            }
            if objects & 1 == 1 {
                self.name::<Nothing>(&mut 0)?;
            } else {
                self.count_element(depth.saturating_add(level))?;
            }
        }
    }

    fn leave(&mut self, objects: u64) -> Step<u64> {
        if objects & 1 == 1 {
            self.names.close()?;
        }
        Ok(objects >> 1)
    }

    /// A member that the contract does not name.
    #[cold]
    pub(super) fn unknown(&mut self, place: Place, name: Text<'a>, depth: usize) -> Step<()> {
        let content = name.content();
        let shown = (1..=SHOWN_NAME).contains(&content.len())
            && content.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'.' | b'-'));
        let hint = match (place, &*content) {
            (Place::Settings, "meshQuality") | (Place::Root, "quality") => Some("settings.quality"),
            (Place::Root, "outputs") => Some("settings.outputs"),
            (Place::Root, "jobSettings") => Some("settings"),
            (Place::Root, "projectId") if !self.is_change => Some("workspaceId"),
            _ => None,
        };
        let target = Target::Unknown(place, shown.then(|| content.into()));
        let span = (offset(name.start), offset(name.end()));
        self.add_with(Rule::UnknownMember, target, span, hint, 0);
        self.skip(depth)
    }

    pub(super) fn add(&mut self, rule: Rule, target: Target, span: Span) -> bool {
        self.add_with(rule, target, span, None, 0)
    }

    pub(super) fn add_with(
        &mut self,
        rule: Rule,
        target: Target,
        span: Span,
        suggestion: Option<&'static str>,
        limit: u32,
    ) -> bool {
        let below_inputs = matches!(
            target,
            Target::Input(_)
                | Target::InputId(_)
                | Target::InputDescription(_)
                | Target::Unknown(Place::Input(_), _)
        );
        let findings = if below_inputs { &mut self.input_findings } else { &mut self.findings };
        findings.add(self.policy, rule, target, span, suggestion, limit)
    }

    /// The bytes from an offset to here.
    #[inline]
    pub(super) fn since(&self, start: usize) -> Span {
        (offset(start), offset(self.cursor.offset()))
    }

    /// A value of the wrong kind.
    #[cold]
    pub(super) fn wrong<T>(&mut self, rule: Rule, target: Target, depth: usize) -> Step<Slot<T>> {
        let start = self.cursor.offset();
        self.skip(depth)?;
        let span = self.since(start);
        self.add(rule, target, span);
        Ok(Slot::Unreadable)
    }

    /// A null for an optional member.
    #[cold]
    pub(super) fn null<T>(&mut self, target: Target) -> Step<Slot<T>> {
        let start = self.cursor.offset();
        self.cursor.literal(b"null")?;
        let span = self.since(start);
        Ok(Slot::nothing(self.add(Rule::NullMember, target, span)))
    }

    /// A null for a required member: missing, in the end.
    #[cold]
    pub(super) fn null_for_required<T>(&mut self) -> Step<Slot<T>> {
        let start = self.cursor.offset();
        self.cursor.literal(b"null")?;
        Ok(Slot::Null(self.since(start)))
    }

    /// A string that has to be one of a few words.
    #[inline]
    pub(super) fn word<T>(
        &mut self,
        from_bytes: fn(&[u8]) -> Option<T>,
        words: &'static [&'static str],
        rule: Rule,
        target: Target,
        depth: usize,
    ) -> Step<Slot<T>> {
        if self.cursor.peek() != Some(b'"') {
            return self.wrong(rule, target, depth);
        }
        let text = self.cursor.string()?;
        Ok(text.with_bytes(from_bytes).map_or_else(|| self.no_word(words, rule, target, text), Slot::Sound))
    }

    #[cold]
    fn no_word<T>(
        &mut self,
        words: &'static [&'static str],
        rule: Rule,
        target: Target,
        text: Text<'a>,
    ) -> Slot<T> {
        let span = (offset(text.start), offset(text.end()));
        self.add_with(rule, target, span, suggest(&text.content(), words), 0);
        Slot::Unreadable
    }
}

/// Offsets are kept in 32 bits: no gate reads bodies of 4 GiB.
#[inline]
pub(super) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Names that some readers act upon.
fn is_reserved(name: &[u8]) -> bool {
    matches!(name, b"$ref" | b"$id" | b"$type" | b"$values" | b"__proto__")
}
