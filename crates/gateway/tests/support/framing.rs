//! What must hold of any bytes that the framing of a connection is followed through: whole or in pieces the verdict is one, and it is
//! that of a reader of the grammar which has everything before it at once. Run by a fuzz target and, on the seeds, by a test.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a fault is found by panicking"
)]

use gateway::{Framing, HeadLimits, scan_head};

/// As in the product: what is longer is not kept.
const LINE: usize = 1024;

/// The first byte says how the rest is cut into pieces.
pub fn framing(input: &[u8]) {
    let Some((cuts, bytes)) = input.split_first() else { return };
    let whole = followed([bytes].into_iter());
    assert_eq!(whole, followed(pieces(bytes, *cuts)), "in pieces");
    assert_eq!(whole, followed(bytes.chunks(1)), "byte by byte");
    for (end, good, heads) in reference(bytes) {
        let (ok, found, between) = followed([&bytes[..end]].into_iter());
        assert_eq!((ok, found), (good, heads), "{:?}", String::from_utf8_lossy(&bytes[..end]));
        // A turn has two ends, that of its header and its own; behind a body in chunks there is no turn.
        assert!(!good || between == Some(heads * 2) || is_over(&bytes[..end]), "{between:?} {heads}");
    }
}

/// Whether all was well, how many headers there were, and between which turns it ended.
fn followed<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (bool, u32, Option<u32>) {
    let mut framing = Framing::default();
    let mut good = true;
    for piece in pieces {
        good &= framing.follow(piece).is_ok();
        if !good {
            break;
        }
    }
    let between = Some(framing.heads() * 2).filter(|turn| good && framing.is_between(*turn));
    assert!(!framing.is_between(framing.heads() * 2 + 1));
    (good, framing.heads(), between)
}

/// Pieces of 1 to 64 bytes, by a number that says which.
fn pieces(mut bytes: &[u8], cuts: u8) -> impl Iterator<Item = &[u8]> {
    let mut dice = u32::from(cuts) + 1;
    std::iter::from_fn(move || {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = usize::try_from(dice >> 26).unwrap() + 1;
        let (piece, rest) = bytes.split_at(size.min(bytes.len()));
        bytes = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The end of each request that a strict reader finds, whether it is one, and how many headers there were up to it. It ends where a
/// header is none, for such a one is refused before its body is anybody's.
fn reference(bytes: &[u8]) -> Vec<(usize, bool, u32)> {
    let limits = HeadLimits { bytes: 1 << 20, fields: 1 << 20, target: 1 << 20 };
    let (mut at, mut heads, mut found) = (0, 0, Vec::new());
    while let Some(end) = end_of_head(bytes, at) {
        let head = &bytes[at..end];
        if scan_head(head, &limits).is_err()
            || head.split(|byte| *byte == b'\n').any(|line| line.len() >= LINE)
        {
            break;
        }
        let line = head.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
        if line.unwrap_or_default().trim_ascii().iter().any(u8::is_ascii_control) {
            // In a request line nothing of the kind is waited for.
            break;
        }
        heads += 1;
        let text = String::from_utf8_lossy(head).to_ascii_lowercase();
        let field = |name: &str| {
            let mut lines = text.split("\r\n").filter_map(|line| line.split_once(':'));
            lines.find(|(found, _)| *found == name).map(|(_, value)| value.trim().to_owned())
        };
        if field("transfer-encoding").is_some() {
            match chunks(&bytes[end..]) {
                Some(Ok(length)) => found.push((end + length, true, heads)),
                Some(Err(length)) => found.push((end + length, false, heads)),
                None => {}
            }
            break;
        }
        let length: usize = field("content-length").map_or(0, |length| length.parse().unwrap());
        let Some(next) = end.checked_add(length).filter(|next| *next <= bytes.len()) else { break };
        found.push((next, true, heads));
        at = next;
    }
    found
}

fn is_over(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).to_ascii_lowercase().contains("transfer-encoding")
}

/// Empty lines may stand before a header.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let mut begin = from;
    while bytes[begin..].starts_with(b"\r\n") {
        begin += 2;
    }
    let end = bytes[begin..].windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(begin + end + 4)
}

/// Where a body in chunks ends, or the line of it that none may be; nothing where it is cut off before either.
fn chunks(bytes: &[u8]) -> Option<Result<usize, usize>> {
    let (mut at, mut data, mut around) = (0, 0, 0);
    loop {
        let line = line(&bytes[at..])?;
        at += line.len();
        around += line.len();
        let size = size(line).filter(|_| line.len() <= LINE && around <= data * 4 + 1024);
        let Some(size) = size else { return Some(Err(at)) };
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).ok()?;
        at = at.checked_add(size).filter(|at| *at <= bytes.len())?;
        data += size;
        let end = bytes.get(at..at + 2)?;
        at += 2;
        around += 2;
        if end != b"\r\n" || around > data * 4 + 1024 {
            return Some(Err(at));
        }
    }
    let mut trailers = 0;
    loop {
        let line = line(&bytes[at..])?;
        at += line.len();
        trailers += line.len();
        if trailers > 8 * 1024 {
            return Some(Err(at));
        }
        match line {
            b"\r\n" => return Some(Ok(at)),
            line if line.len() <= LINE && is_field(line) => {}
            _ => return Some(Err(at)),
        }
    }
}

fn line(bytes: &[u8]) -> Option<&[u8]> {
    Some(&bytes[..=bytes.iter().position(|byte| *byte == b'\n')?])
}

/// By the letters of the grammar, one after the other.
fn size(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\r\n")?;
    let text = std::str::from_utf8(line).ok()?;
    let digits = text.split(';').next()?;
    if digits.is_empty() || digits.len() > 16 || !digits.chars().all(|letter| letter.is_ascii_hexdigit()) {
        return None;
    }
    let mut rest = text.chars().skip(digits.len()).peekable();
    while let Some(letter) = rest.next() {
        let mut word = || {
            let mut count = 0;
            while rest.next_if(|letter| is_token(*letter)).is_some() {
                count += 1;
            }
            count > 0
        };
        if letter != ';' || !word() {
            return None;
        }
        if rest.next_if_eq(&'=').is_none() {
            continue;
        }
        if rest.next_if_eq(&'"').is_some() {
            loop {
                match rest.next()? {
                    '"' => break,
                    '\\' if matches!(rest.next()?, ' '..='~') => {}
                    ' '..='[' | ']'..='~' => {}
                    _ => return None,
                }
            }
        } else {
            let mut count = 0;
            while rest.next_if(|letter| is_token(*letter)).is_some() {
                count += 1;
            }
            (count > 0).then_some(())?;
        }
    }
    u64::from_str_radix(digits, 16).ok()
}

fn is_token(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter)
}

fn is_field(line: &[u8]) -> bool {
    let Some(line) = line.strip_suffix(b"\r\n") else { return false };
    let name = line.iter().take_while(|byte| is_token(char::from(**byte))).count();
    let value = line.get(name + 1..).unwrap_or_default();
    let plain = value.iter().all(|byte| *byte == b'\t' || !byte.is_ascii_control());
    name > 0 && line.get(name) == Some(&b':') && plain
}
