//! Windows of a budget: which period an instant is in, and when that period is over. Zones come with the program, so that a
//! window ends at the same instant on every machine.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

/// How long a budget's limit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind {
    /// A day of the zone.
    Day,
    /// A month of the zone.
    Month,
    /// For ever.
    Total,
}

impl WindowKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Total];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Total => "total",
        }
    }
}

/// A kind of window in a time zone.
///
/// ```
/// use admission::{Window, WindowKind};
/// let month = Window::new(WindowKind::Month, "Europe/Berlin").unwrap();
/// let period = month.period("2026-11-30T23:30:00Z".parse().unwrap());
/// assert_eq!(period.label, "2026-12", "it is December in Berlin");
/// assert_eq!(period.resets().unwrap(), "2027-01-01T00:00:00+01:00");
/// assert!(Window::new(WindowKind::Day, "Mars/Olympus").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    kind: WindowKind,
    zone: TimeZone,
    name: String,
}

/// One period of a window. Its label is part of what usage is stored under: nothing is ever reset in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// `2026-11-25`, `2026-11` or `total`.
    pub label: String,
    /// The first instant of the next one; none for `total`.
    pub next: Option<ZonedDateTime>,
}

impl Period {
    /// When the next one begins, RFC 3339 in the zone; none for `total`. Written only where somebody is told: each admission has a
    /// period, and writing this took longer than the rest of it.
    pub fn resets(&self) -> Option<String> {
        self.next.as_ref().map(|next| next.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
    }
}

impl Window {
    /// A window in an IANA time zone; none where there is no such zone.
    pub fn new(kind: WindowKind, zone: &str) -> Option<Self> {
        let found = TimeZone::get(zone).ok()?;
        Some(Self { kind, zone: found, name: zone.to_owned() })
    }

    /// Its kind.
    pub const fn kind(&self) -> WindowKind {
        self.kind
    }

    /// The zone's name.
    pub fn zone(&self) -> &str {
        &self.name
    }

    /// The period that an instant is in.
    pub fn period(&self, at: Timestamp) -> Period {
        let day = at.to_zoned_datetime(self.zone.clone()).date();
        match self.kind {
            WindowKind::Day => {
                Period { label: day.to_string(), next: self.begins(day.checked_add(1.day()).ok()) }
            }
            WindowKind::Month => Period {
                label: format!("{:04}-{:02}", day.year(), day.month()),
                next: self.begins(day.first_of_month().checked_add(1.month()).ok()),
            },
            WindowKind::Total => Period { label: "total".to_owned(), next: None },
        }
    }

    /// The first instant of a day, which is not midnight where clocks were put forward then.
    fn begins(&self, day: Option<Date>) -> Option<ZonedDateTime> {
        day?.to_zoned_datetime(self.zone.clone()).ok()
    }
}
