//! The documented word that a client probably meant.

/// Spellings that are in use elsewhere for the same format, in lower case.
const ALIASES: [(&str, &str); 8] = [
    ("cesium3dtiles", "Cesium 3D Tiles"),
    ("3dtiles", "Cesium 3D Tiles"),
    ("i3s", "ESRI i3s"),
    ("orthophotodsm", "Orthophoto/DSM"),
    ("orthophoto", "Orthophoto/DSM"),
    ("dsm", "Orthophoto/DSM"),
    ("webreadyscalablemesh", "WebReady ScalableMesh"),
    ("orientations", "CCOrientations"),
];
/// Longer values were not meant to be one of the words.
const LONGEST: usize = 32;

/// The word that a value resembles: an alias of it, the same but for letter case, or else the nearest by edit distance,
/// the first of several equally near ones; none that differs in more than a third of its letters.
pub(crate) fn suggest(value: &str, words: &'static [&'static str]) -> Option<&'static str> {
    if value.chars().count() > LONGEST {
        return None;
    }
    // The fault that is made most. No alias is one of the words.
    if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(value)) {
        return Some(word);
    }
    let value = value.to_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == value).map(|(_, word)| *word);
    if let Some(word) = alias.filter(|word| words.contains(word)) {
        return Some(word);
    }
    let length = value.chars().count();
    words
        .iter()
        // Words of so different a length are further apart than that; most need no closer look.
        .filter(|word| word.len().abs_diff(length) <= allowed(word.len()))
        .filter_map(|word| Some((distance(&value, word, allowed(word.len()))?, *word)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// In how many letters a value may differ from a word of so many.
const fn allowed(letters: usize) -> usize {
    let third = letters.div_euclid(3);
    if third == 0 { 1 } else { third }
}

/// Levenshtein's distance between a value and a word of ASCII in whatever letter case: how many characters to add, drop or replace;
/// none where it is more than a bound, which mostly the first letters tell.
fn distance(value: &str, word: &str, bound: usize) -> Option<usize> {
    // Of each beginning of the word; words longer than any there is are not told apart.
    let mut row: [u8; LONGEST.saturating_add(1)] =
        std::array::from_fn(|length| u8::try_from(length).unwrap_or(u8::MAX));
    for (i, a) in (1_u8..).zip(value.chars()) {
        let mut diagonal = i.saturating_sub(1);
        let (mut left, mut least) = (i, i);
        if let Some(first) = row.first_mut() {
            *first = i;
        }
        for (b, cell) in word.bytes().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal.saturating_add(u8::from(a != char::from(b.to_ascii_lowercase())));
            diagonal = *cell;
            left = replaced.min(left.saturating_add(1)).min(cell.saturating_add(1));
            *cell = left;
            least = least.min(left);
        }
        if usize::from(least) > bound {
            return None;
        }
    }
    row.get(word.len().min(LONGEST))
        .map(|distance| usize::from(*distance))
        .filter(|distance| *distance <= bound)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LONGEST, distance, suggest};
    use crate::{JobType, OutputFormat};

    #[test]
    fn resembles() {
        assert_eq!(distance("kitten", "sitting", 3), Some(3));
        assert_eq!(distance("kitten", "SITTING", 9), Some(3));
        assert_eq!(distance("kitten", "sitting", 2), None);
        assert_eq!(distance("", "OBJ", 3), Some(3));
        assert_eq!(suggest("full", &JobType::WORDS), Some("Full"));
        assert_eq!(suggest("3DTILES", &OutputFormat::WORDS), Some("Cesium 3D Tiles"));
        assert_eq!(suggest("Calibratoin", &JobType::WORDS), Some("Calibration"));
        assert_eq!(suggest("Unknown", &JobType::WORDS), None);
        assert_eq!(suggest("3", &OutputFormat::WORDS), None);
        assert_eq!(suggest("3M", &OutputFormat::WORDS), Some("3MX"));
        assert_eq!(suggest("DSM", &OutputFormat::WORDS), Some("Orthophoto/DSM"));
    }

    #[test]
    fn every_word_has_room() {
        for word in OutputFormat::WORDS {
            assert!(word.is_ascii() && word.len() <= LONGEST, "{word}");
            assert_eq!(distance(&word.to_ascii_lowercase(), word, 0), Some(0), "{word}");
        }
    }

    /// Those short enough for all ways of changing one into another to be tried.
    const SHORT: [&str; 10] = ["3MX", "3SM", "POD", "LAS", "FBX", "OBJ", "DGN", "PLY", "OPC", "OMR"];

    /// The same without a short cut.
    fn plainly(value: &str, words: &[&'static str]) -> Option<&'static str> {
        fn apart(one: &[char], other: &[char]) -> usize {
            let (Some((a, rest)), Some((b, others))) = (one.split_first(), other.split_first()) else {
                return one.len().max(other.len());
            };
            let kept = apart(rest, others).saturating_add(usize::from(a != b));
            let shorter = apart(rest, other).min(apart(one, others));
            if a == b { kept } else { kept.min(shorter.saturating_add(1)) }
        }
        let value: Vec<char> = value.to_lowercase().chars().collect();
        let near = words.iter().filter_map(|word| {
            let letters: Vec<char> = word.to_lowercase().chars().collect();
            let distance = apart(&value, &letters);
            (distance <= (letters.len() / 3).max(1)).then_some((distance, *word))
        });
        near.min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
    }

    proptest! {
        #[test]
        fn the_nearest_word_is_found(value in "[oObBjJ3mMxXsSpPlLyYfF\u{130}]{0,5}") {
            prop_assert_eq!(suggest(&value, &SHORT), plainly(&value, &SHORT));
        }
    }
}
