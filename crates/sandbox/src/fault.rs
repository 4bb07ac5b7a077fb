//! The faults the sandbox can be asked for, and how they are written on a command line or in a header.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};

/// One thing that goes wrong.
///
/// ```
/// use sandbox::{Fault, Injection};
/// use std::time::Duration;
///
/// assert_eq!("latency=250ms".parse(), Ok(Fault::Latency(Duration::from_millis(250))));
/// assert_eq!("cut*3".parse(), Ok(Fault::Cut.times(3)));
/// assert!("cutt".parse::<Injection>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `latency=250ms`: waits before the body is read. Goes together with any other fault.
    Latency(Duration),
    /// `refuse`: resets a connection as soon as it is made. In a header, where that is too late, it is `reset-before`.
    Refuse,
    /// `reset-before`: resets the connection before the body is read. Nothing is done.
    ResetBefore,
    /// `reset-after`: resets the connection after the body is read and the request is carried out.
    ResetAfter,
    /// `status=503`, `503`, `429`, `status=503;retry-after=7;x-any=text`: answers this. Nothing is done.
    Status(StatusFault),
    /// `cut`: carries the request out, sends the head and half the body, then closes. An answer without body loses half its head.
    Cut,
    /// `torn201`: creates the job, sends the head of the 201 and half its body, then resets. Other requests are left alone.
    Torn201,
    /// `garbage`: sends bytes that are no HTTP, then closes. Nothing is done.
    Garbage,
    /// `silence`: reads the body and never answers. Nothing is done.
    Silence,
    /// `drip=10ms`: carries the request out and sends the answer one byte at a time, then closes.
    Drip(Duration),
}

/// An error answer on request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusFault {
    status: StatusCode,
    retry_after: Option<u32>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A fault, and for how many requests it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    pub(crate) fault: Fault,
    pub(crate) left: Option<NonZeroU32>,
}

/// A text that names no fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault(String);

const SECONDS_BEFORE_A_RETRY: u32 = 5;
const PACE: Duration = Duration::from_millis(10);

impl Fault {
    /// This fault for the next so many requests; without a number it lasts until cleared. 0 counts as 1.
    #[must_use]
    pub fn times(self, count: u32) -> Injection {
        Injection { fault: self, left: NonZeroU32::new(count).or(Some(NonZeroU32::MIN)) }
    }
}

impl StatusFault {
    /// An answer with this status from 400 to 599; none for another. 429 comes with a `retry-after` of 5 seconds.
    pub fn new(status: u16) -> Option<Self> {
        let known = StatusCode::from_u16(status).ok().filter(|_| (400..=599).contains(&status))?;
        let retry_after = (known == StatusCode::TOO_MANY_REQUESTS).then_some(SECONDS_BEFORE_A_RETRY);
        Some(Self { status: known, retry_after, headers: Vec::new() })
    }

    /// Sets `retry-after`.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) const fn seconds(&self) -> Option<u32> {
        self.retry_after
    }

    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }
}

impl From<Fault> for Injection {
    fn from(fault: Fault) -> Self {
        Self { fault, left: None }
    }
}

impl FromStr for Injection {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        match text.rsplit_once('*') {
            Some((fault, count)) => {
                let count = count.trim().parse::<NonZeroU32>().map_err(|_| UnknownFault(text.to_owned()))?;
                Ok(Self { fault: fault.parse()?, left: Some(count) })
            }
            None => Ok(text.parse::<Fault>()?.into()),
        }
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        fault(text.trim()).ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency(time) => write!(f, "latency={}ms", time.as_millis()),
            Self::Refuse => f.write_str("refuse"),
            Self::ResetBefore => f.write_str("reset-before"),
            Self::ResetAfter => f.write_str("reset-after"),
            Self::Status(answer) => answer.fmt(f),
            Self::Cut => f.write_str("cut"),
            Self::Torn201 => f.write_str("torn201"),
            Self::Garbage => f.write_str("garbage"),
            Self::Silence => f.write_str("silence"),
            Self::Drip(pace) => write!(f, "drip={}ms", pace.as_millis()),
        }
    }
}

impl fmt::Display for StatusFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status={}", self.status.as_u16())?;
        if let Some(seconds) = self.retry_after {
            write!(f, ";retry-after={seconds}")?;
        }
        for (name, value) in &self.headers {
            write!(f, ";{name}={}", value.to_str().unwrap_or_default())?;
        }
        Ok(())
    }
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)?;
        self.left.map_or(Ok(()), |left| write!(f, "*{left}"))
    }
}

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no fault; write latency=250ms, refuse, reset-before, reset-after, status=503, 429, cut, torn201, garbage, \
             silence or drip=10ms, and *3 behind it for three times",
            self.0
        )
    }
}

impl std::error::Error for UnknownFault {}

fn fault(text: &str) -> Option<Fault> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    match (name, value) {
        ("latency", time) => duration(time).map(Fault::Latency),
        ("drip", "") => Some(Fault::Drip(PACE)),
        ("drip", pace) => duration(pace).map(Fault::Drip),
        ("status", answer) => status(answer),
        ("refuse", "") => Some(Fault::Refuse),
        ("reset-before", "") => Some(Fault::ResetBefore),
        ("reset-after", "") => Some(Fault::ResetAfter),
        ("cut", "") => Some(Fault::Cut),
        ("torn201", "") => Some(Fault::Torn201),
        ("garbage", "") => Some(Fault::Garbage),
        ("silence", "") => Some(Fault::Silence),
        _ => status(text),
    }
}

fn status(text: &str) -> Option<Fault> {
    let mut parts = text.split(';').map(str::trim);
    let mut answer = StatusFault::new(parts.next()?.parse().ok()?)?;
    for part in parts {
        let (name, value) = part.split_once('=')?;
        answer = if name.eq_ignore_ascii_case("retry-after") {
            answer.retry_after(value.parse().ok()?)
        } else {
            answer.header(name.parse().ok()?, value.parse().ok()?)
        };
    }
    Some(Fault::Status(answer))
}

fn duration(text: &str) -> Option<Duration> {
    match text.strip_suffix("ms") {
        Some(millis) => millis.parse().ok().map(Duration::from_millis),
        None => text.strip_suffix('s')?.parse().ok().map(Duration::from_secs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_as_it_is_written() {
        for text in [
            "latency=250ms",
            "refuse",
            "reset-before*1",
            "reset-after",
            "status=503",
            "status=503;retry-after=7;x-any=text*2",
            "status=429;retry-after=5",
            "cut*3",
            "torn201",
            "garbage",
            "silence",
            "drip=10ms",
        ] {
            assert_eq!(text.parse::<Injection>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn short_forms_mean_the_long_ones() {
        for (short, long) in [
            ("429", "status=429;retry-after=5"),
            ("503", "status=503"),
            ("latency=2s", "latency=2000ms"),
            ("drip", "drip=10ms"),
        ] {
            assert_eq!(short.parse::<Fault>(), long.parse::<Fault>(), "{short}");
            assert!(short.parse::<Fault>().is_ok(), "{short}");
        }
    }

    #[test]
    fn what_is_no_fault_is_named() {
        for text in [
            "",
            "cutt",
            "cut*0",
            "cut*x",
            "cut=1",
            "latency",
            "latency=5",
            "status=200",
            "status=abc",
            "503;x",
        ] {
            let refused = text.parse::<Injection>().unwrap_err();
            assert!(refused.to_string().contains("is no fault"), "{text}");
        }
    }
}
