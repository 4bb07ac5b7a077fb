//! Durations and sizes: how they are written and how they are shown.

use std::time::Duration;

const DURATIONS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads `250ms`, `10s`, `1m`, `2h` or `7d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    quantity(text, &DURATIONS).map(Duration::from_millis)
}

/// Reads `1B`, `256KiB`, `64MiB` or `1GiB`.
pub(super) fn size(text: &str) -> Option<u64> {
    quantity(text, &SIZES)
}

/// Writes a duration in the largest unit that needs no fraction.
pub(super) fn show_duration(value: Duration) -> String {
    let millis = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 { "0s".to_owned() } else { show(millis, &DURATIONS) }
}

/// Writes a size in the largest unit that needs no fraction.
pub(super) fn show_size(value: u64) -> String {
    show(value, &SIZES)
}

/// Digits and a unit; what is too large to hold is the largest value, which no range admits.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(end)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    (!digits.is_empty()).then(|| digits.parse().unwrap_or(u64::MAX).saturating_mul(*factor))
}

fn show(value: u64, units: &[(&str, u64)]) -> String {
    let fits = units.iter().find(|(_, factor)| value != 0 && value.is_multiple_of(*factor));
    match fits {
        Some((unit, factor)) => format!("{}{unit}", value / factor),
        None => units.last().map_or_else(|| value.to_string(), |(unit, _)| format!("{value}{unit}")),
    }
}
