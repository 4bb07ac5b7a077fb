//! Readers of HTTP/1 that take only what the standard allows a sender to write, and a gate's own way of writing it: of requests as
//! upstream hears them, and of answers as clients do. They share no code with the gate.

use super::{Reply, Seen};

/// A header as it was written: its first line, and its fields with names in lower case.
type Head = (String, Vec<(String, String)>);

/// The fields that a gate sends upstream, and no others.
pub const TOLD: [&str; 14] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "content-length",
    "content-type",
    "host",
    "if-match",
    "if-none-match",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-correlation-id",
    "x-request-id",
];

/// The header of a request, its empty line included.
///
/// # Errors
/// What no gate may write.
pub fn request(raw: &[u8]) -> Result<(String, Vec<(String, String)>), String> {
    let (line, fields) = head(raw)?;
    let words: Vec<&str> = line.split(' ').collect();
    let [method, target, "HTTP/1.1"] = words[..] else { return Err(format!("{line:?} is no request line")) };
    if !["GET", "POST", "PATCH", "DELETE"].contains(&method) {
        return Err(format!("{method:?} is no method of the interface"));
    }
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) || target.contains('#')
    {
        return Err(format!("{target:?} is no path"));
    }
    let count = |name: &str| fields.iter().filter(|(found, _)| found == name).count();
    for (name, _) in &fields {
        if !TOLD.contains(&name.as_str()) || count(name) != 1 {
            return Err(format!("{name} is not allowed, or is there twice"));
        }
    }
    if count("host") != 1 || count("authorization") != 1 {
        return Err("there is not one Host and one Authorization".to_owned());
    }
    let length = fields.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.as_str());
    let has_body = ["POST", "PATCH"].contains(&method);
    let canonical = |text: &str| text.parse::<u32>().is_ok_and(|number| number.to_string() == text);
    if has_body != length.is_some() || !length.is_none_or(canonical) {
        return Err(format!("{method} has the length {length:?}"));
    }
    Ok((line, fields))
}

/// A seen request as [`request`] finds it, or of anybody as it is, with its body still to come.
///
/// # Errors
/// As that.
pub fn seen(connection: usize, raw: &[u8], of_anybody: bool) -> Result<Seen, String> {
    let (line, headers) = if of_anybody { loose(raw) } else { request(raw)? };
    Ok(Seen { connection, line, headers, body: Vec::new() })
}

/// Whatever there is of a header.
fn loose(raw: &[u8]) -> Head {
    let text = String::from_utf8_lossy(raw);
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let fields = lines.filter_map(|line| line.split_once(':'));
    (first, fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect())
}

/// Every final answer of a connection, from its first byte to its close; and what is wrong with what is left. Answers to HEAD have no
/// body, whatever they say.
pub fn answers(mut bytes: &[u8], to_head: bool) -> (Vec<Reply>, Option<String>) {
    let mut replies = Vec::new();
    while !bytes.is_empty() {
        match answer(&mut bytes, to_head) {
            // Leave to send a body, or what upstream says before it answers.
            Ok(reply) if reply.status < 200 => {}
            Ok(reply) => replies.push(reply),
            Err(fault) => return (replies, Some(fault)),
        }
    }
    (replies, None)
}

fn answer(bytes: &mut &[u8], to_head: bool) -> Result<Reply, String> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or_else(|| format!("cut off in a header: {:?}", String::from_utf8_lossy(bytes)))? + 4;
    let (raw, mut rest) = bytes.split_at(end);
    let (line, headers) = head(raw)?;
    let status = line.strip_prefix("HTTP/1.1 ").ok_or_else(|| format!("{line:?} is no status line"))?;
    let (number, reason) = status.split_once(' ').ok_or_else(|| format!("{line:?} has no second blank"))?;
    let status = Some(number)
        .filter(|number| number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|number| number.parse::<u16>().ok());
    let status = status.filter(|status| (100..1000).contains(status));
    let status = status.ok_or_else(|| format!("{line:?} has no status"))?;
    if !reason.chars().all(|letter| matches!(letter, ' '..='~')) {
        return Err(format!("{line:?} has an odd reason"));
    }
    let field = |name: &str| -> Result<Option<&str>, String> {
        let mut found = headers.iter().filter(|(known, _)| known == name);
        let first = found.next().map(|(_, value)| value.as_str());
        found.next().map_or(Ok(first), |_| Err(format!("{name} is there twice: {headers:?}")))
    };
    // What upstream says twice is passed on as it is.
    for name in ["x-request-id", "x-jobgate-decision", "connection"] {
        field(name)?;
    }
    let body = match (field("content-length")?, field("transfer-encoding")?) {
        (Some(_), Some(_)) => return Err("two framings in one answer".to_owned()),
        _ if to_head || status < 200 || status == 204 || status == 304 => Vec::new(),
        (Some(length), None) => {
            let length = length.parse::<usize>().ok().filter(|number| number.to_string() == length);
            let length = length.ok_or("a length that is none")?;
            take(&mut rest, length)?.to_vec()
        }
        (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => chunks(&mut rest)?,
        (None, Some(coding)) => return Err(format!("an answer in {coding:?}")),
        // To the end of the connection.
        (None, None) => std::mem::take(&mut rest).to_vec(),
    };
    let body = String::from_utf8_lossy(&body).into_owned();
    *bytes = rest;
    Ok(Reply { status, headers, body })
}

fn chunks(bytes: &mut &[u8]) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n").ok_or("cut off in the size of a chunk")?;
        let size = std::str::from_utf8(take(bytes, end)?).map_err(|fault| fault.to_string())?;
        let digits = (1..=8).contains(&size.len()) && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = usize::from_str_radix(size, 16).ok().filter(|_| digits);
        let number = number.ok_or_else(|| format!("{size:?} is no size of a chunk"))?;
        take(bytes, 2)?;
        body.extend_from_slice(take(bytes, number)?);
        if take(bytes, 2)? != b"\r\n" {
            return Err("a chunk does not end where it should".to_owned());
        }
        if number == 0 {
            return Ok(body);
        }
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or("cut off in a body")?;
    *bytes = rest;
    Ok(taken)
}

/// Lines that end in CR and LF, fields of a token, a colon, a blank and a value without blanks at its ends.
fn head(raw: &[u8]) -> Result<Head, String> {
    // Values may have bytes beyond ASCII.
    let text = String::from_utf8_lossy(raw);
    let text = text.strip_suffix("\r\n\r\n").ok_or_else(|| format!("{text:?} does not end"))?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    if first.contains(char::is_control) {
        return Err(format!("{first:?} has control characters"));
    }
    let mut fields = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("{line:?} is no field"))?;
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let plain = value.bytes().all(|byte| byte == b'\t' || (byte != 0x7f && byte >= b' '));
        if name.is_empty() || !name.bytes().all(token) || !plain {
            return Err(format!("{line:?} is no field"));
        }
        let value = value.strip_prefix(' ').filter(|value| value.trim_matches([' ', '\t']) == *value);
        let value = value.or((line.len() == name.len() + 1).then_some(""));
        let value = value.ok_or_else(|| format!("{line:?} has not one blank before its value"))?;
        fields.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    Ok((first, fields))
}
