//! The documented word that a client probably meant.

/// Spellings that are in use elsewhere for the same format, in lower case.
const ALIASES: [(&str, &str); 7] = [
    ("cesium3dtiles", "Cesium 3D Tiles"),
    ("3dtiles", "Cesium 3D Tiles"),
    ("i3s", "ESRI i3s"),
    ("orthophotodsm", "Orthophoto/DSM"),
    ("orthophoto", "Orthophoto/DSM"),
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
    let value = value.to_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == value).map(|(_, word)| *word);
    if let Some(word) = alias.filter(|word| words.contains(word)) {
        return Some(word);
    }
    words
        .iter()
        .map(|word| (distance(&value, &word.to_lowercase()), *word))
        .filter(|(distance, word)| *distance <= word.chars().count().div_euclid(3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Levenshtein's distance: how many characters to add, drop or replace.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (b, cell) in other.chars().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(a != b));
            diagonal = *cell;
            left = replaced.min(left.saturating_add(1)).min(cell.saturating_add(1));
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{distance, suggest};
    use crate::{JobType, OutputFormat};

    #[test]
    fn resembles() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(suggest("full", &JobType::WORDS), Some("Full"));
        assert_eq!(suggest("3DTILES", &OutputFormat::WORDS), Some("Cesium 3D Tiles"));
        assert_eq!(suggest("Calibratoin", &JobType::WORDS), Some("Calibration"));
        assert_eq!(suggest("Unknown", &JobType::WORDS), None);
    }
}
