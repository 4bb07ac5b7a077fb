//! Ids and numbers by their text.

pub(super) fn is_guid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte != b'-' && byte != b'0')
}

pub(super) fn is_plain_decimal(text: &str) -> bool {
    let (whole, fraction) =
        text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let count = text.bytes().filter(u8::is_ascii_digit).count();
    digits(whole) && (whole == "0" || !whole.starts_with('0')) && fraction.is_none_or(digits) && count <= 40
}

/// The plain decimal of a number without a sign up to ten million: its digits, the point moved by hand.
pub(super) fn decimal(text: &str) -> Option<String> {
    if text.starts_with('-') {
        return None;
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{whole}{fraction}");
    let mut point = i64::try_from(whole.len()).ok()? + exponent;
    while point < 0 {
        digits.insert(0, '0');
        point += 1;
    }
    while usize::try_from(point).ok()? > digits.len() {
        digits.push('0');
    }
    let (whole, fraction) = digits.split_at(usize::try_from(point).ok()?);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let above = whole.len() > 8 || (whole.len() == 8 && (whole != "10000000" || !fraction.is_empty()));
    if above {
        return None;
    }
    Some(rounded_up(whole, fraction))
}

/// At most 28 places and a mantissa below 2^96; what is cut off rounds up.
pub(super) fn rounded_up(whole: &str, fraction: &str) -> String {
    let mut places = fraction.len().min(28);
    loop {
        let kept: u128 = format!("0{whole}{}", &fraction[..places]).parse().unwrap_or(u128::MAX);
        let more = fraction[places..].bytes().any(|byte| byte != b'0');
        let mantissa = kept.saturating_add(u128::from(more));
        if mantissa >= 1 << 96 {
            places -= 1;
            continue;
        }
        let digits = format!("{mantissa:0width$}", width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let fraction = fraction.trim_end_matches('0');
        return if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
    }
}
