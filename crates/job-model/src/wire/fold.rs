//! Unicode simple case folding, as far as two names being alike is concerned.

use std::borrow::Cow;

/// A form that two names share exactly when they are equal under simple case folding.
pub(super) fn fold(name: &str) -> Cow<'_, str> {
    if name.chars().all(|c| fold_char(c) == c) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.chars().map(fold_char).collect())
    }
}

/// Upper case, then lower case, where each is one character: that merges the same characters as the published folding
/// does, apart from the few that are named here.
fn fold_char(c: char) -> char {
    match c {
        'A'..='Z' => c.to_ascii_lowercase(),
        // The last one folds to nothing but itself, though its upper case is that of another letter.
        'a'..='z' | '\0'..='@' | '\u{131}' => c,
        // Pairs that the published table folds although neither has a case of one character.
        '\u{1fd3}' => '\u{390}',
        '\u{1fe3}' => '\u{3b0}',
        '\u{fb05}' => '\u{fb06}',
        _ => single(single(c, char::to_uppercase), char::to_lowercase),
    }
}

fn single<I: Iterator<Item = char>>(c: char, case: fn(char) -> I) -> char {
    let mut mapped = case(c);
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}
