//! The lines around a chunk, and the characters that words of HTTP are made of.

/// The size of a chunk: 1 to 16 digits, then extensions, and no blank anywhere.
pub(super) fn size(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\r\n")?;
    let end = line.iter().position(|byte| *byte == b';').unwrap_or(line.len());
    let (digits, extensions) = line.split_at_checked(end)?;
    if !(1..=16).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    are_extensions(extensions).then_some(())?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// `;name`, `;name=word` or `;name="text"`, as often as wanted.
fn are_extensions(mut rest: &[u8]) -> bool {
    while let Some(behind) = rest.strip_prefix(b";") {
        let Some(behind) = word(behind) else { return false };
        rest = behind;
        if let Some(value) = behind.strip_prefix(b"=") {
            let read = value.strip_prefix(b"\"").map_or_else(|| word(value), quoted);
            let Some(behind) = read else { return false };
            rest = behind;
        }
    }
    rest.is_empty()
}

/// What is behind a word, if there is one.
fn word(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| !is_token(*byte)).unwrap_or(text.len());
    text.get(end..).filter(|_| end > 0)
}

/// What is behind the closing quote.
fn quoted(text: &[u8]) -> Option<&[u8]> {
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'"' if !escaped => return text.get(at.saturating_add(1)..),
            b'\\' if !escaped => escaped = true,
            b' '..=b'~' => escaped = false,
            _ => return None,
        }
    }
    None
}

/// A field of a trailer: it is dropped, but it must be one.
pub(super) fn is_field(line: &[u8]) -> bool {
    let Some(line) = line.strip_suffix(b"\r\n") else { return false };
    let value = word(line).and_then(|behind| behind.strip_prefix(b":"));
    value.is_some_and(|value| !value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t'))
}

/// A character of a token.
pub(crate) fn is_token(byte: u8) -> bool {
    static TOKEN: [bool; 256] = alphanumeric_and(b"!#$%&'*+-.^_`|~");
    TOKEN.get(usize::from(byte)).copied().unwrap_or_default()
}

/// For each byte whether it is a letter, a digit or one of these: looking it up is quicker than comparing it with each of them.
#[expect(clippy::indexing_slicing, reason = "while the program is built, and there is a place for each byte")]
pub(crate) const fn alphanumeric_and(others: &[u8]) -> [bool; 256] {
    let mut known = [false; 256];
    let mut byte = u8::MAX;
    while byte > 0 {
        known[byte as usize] = byte.is_ascii_alphanumeric();
        byte = byte.saturating_sub(1);
    }
    let mut rest = others;
    while let [byte, behind @ ..] = rest {
        known[*byte as usize] = true;
        rest = behind;
    }
    known
}
