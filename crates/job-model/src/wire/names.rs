//! The member names of the objects that are open, to find names that are there twice.

use std::borrow::Cow;

use super::cursor::Fault;
use super::fold::fold;
use super::reader::offset;
use super::text::Text;
use crate::rules::Rule;

/// The deepest nesting that is read.
pub(super) const DEPTH: usize = 32;
/// Up to so many names of one object are compared pair by pair.
const FEW: usize = 8;

/// Names of open objects: those of the outermost first. Names that the contract knows are not among them, they are
/// told apart by the reader; so a job without unknown members costs no memory here.
#[derive(Debug)]
pub(super) struct Names<'a> {
    body: &'a str,
    /// Where each name begins and ends: a body of nothing but short names must not grow tenfold in here.
    list: Vec<(u32, u32)>,
    /// Where the names of each open object begin.
    marks: [u32; DEPTH],
    open: usize,
}

impl<'a> Names<'a> {
    pub(super) const fn new(body: &'a str) -> Self {
        Self { body, list: Vec::new(), marks: [0; DEPTH], open: 0 }
    }

    /// An object opens.
    pub(super) fn open(&mut self) {
        if let Some(mark) = self.marks.get_mut(self.open) {
            *mark = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        }
        self.open = self.open.saturating_add(1);
    }

    /// A name of the innermost object.
    pub(super) fn push(&mut self, name: Text<'a>) {
        self.list.push((offset(name.start), offset(name.end())));
    }

    /// The names of the innermost object.
    pub(super) fn innermost(&self) -> impl ExactSizeIterator<Item = Text<'a>> + Clone {
        let mark = self.open.checked_sub(1).map_or(0, |at| self.mark(at));
        self.texts(mark, self.list.len())
    }

    fn texts(&self, from: usize, to: usize) -> impl ExactSizeIterator<Item = Text<'a>> + Clone {
        let body = self.body;
        let places = self.list.get(from..to).unwrap_or_default();
        places.iter().map(move |(start, end)| Text::again(body, *start, *end))
    }

    /// Whether the innermost object has any.
    #[inline]
    pub(super) fn has_unknown(&self) -> bool {
        self.list.len() > self.open.checked_sub(1).map_or(0, |at| self.mark(at))
    }

    /// The innermost object closes, and has none.
    #[inline]
    pub(super) const fn leave(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// The innermost object closes.
    pub(super) fn close(&mut self) -> Result<(), Fault> {
        if let Some(offset) = first_repeated(self.innermost()) {
            return Err(Fault::new(offset, Rule::BodyDuplicateMember));
        }
        self.open = self.open.saturating_sub(1);
        self.list.truncate(self.mark(self.open));
        Ok(())
    }

    /// Of a fault and the repeated names of the objects still open, the first one.
    pub(super) fn earliest(&self, fault: Fault) -> Fault {
        let mut end = self.list.len();
        let mut first = fault;
        for object in (0..self.open).rev() {
            let start = self.mark(object);
            if let Some(offset) = first_repeated(self.texts(start, end)) {
                first = first.min(Fault::new(offset, Rule::BodyDuplicateMember));
            }
            end = start;
        }
        first
    }

    fn mark(&self, object: usize) -> usize {
        self.marks.get(object).copied().and_then(|mark| usize::try_from(mark).ok()).unwrap_or(0)
    }
}

/// Where the first name stands that was there before.
fn first_repeated<'a>(names: impl ExactSizeIterator<Item = Text<'a>> + Clone) -> Option<usize> {
    if names.len() <= FEW {
        return names
            .clone()
            .enumerate()
            .find(|(at, name)| names.clone().take(*at).any(|earlier| earlier.bytes() == name.bytes()))
            .map(|(_, name)| name.start);
    }
    first_alike(names.map(|name| (name.bytes(), name.start)).collect())
}

/// Where the first name stands that differs from a name of the contract, or from an unknown one before it, only in
/// letter case.
pub(super) fn first_case_variant<'a>(
    names: impl ExactSizeIterator<Item = Text<'a>> + Clone,
    contract: &[&str],
) -> Option<usize> {
    if names.len() == 0 {
        return None;
    }
    let known = names
        .clone()
        .find(|name| {
            let folded = fold(&name.content()).into_owned();
            contract.iter().any(|word| folded.eq_ignore_ascii_case(word))
        })
        .map(|name| name.start);
    let folded = names.map(|name| (folded_bytes(&name), name.start)).collect();
    match (known, first_alike(folded)) {
        (Some(known), Some(unknown)) => Some(known.min(unknown)),
        (known, unknown) => known.or(unknown),
    }
}

fn folded_bytes<'a>(name: &Text<'a>) -> Cow<'a, [u8]> {
    match name.content() {
        Cow::Borrowed(text) => match fold(text) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        Cow::Owned(text) => Cow::Owned(fold(&text).into_owned().into_bytes()),
    }
}

/// The smallest offset at which a name stands that stands earlier, too.
fn first_alike(mut names: Vec<(Cow<'_, [u8]>, usize)>) -> Option<usize> {
    // Sorting needs no random hash and takes n log n whatever the names are.
    names.sort_unstable();
    names
        .windows(2)
        .filter_map(|pair| match pair {
            [(one, _), (other, offset)] if one == other => Some(*offset),
            _ => None,
        })
        .min()
}
