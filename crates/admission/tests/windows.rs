//! Windows tile time: in every time zone there is, each instant is in one period, the next one begins where one ends, and none
//! begins twice, however the clocks of the zone are changed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::arithmetic_side_effects, reason = "instants that are far from the ends of time")]

use admission::{Period, Window, WindowKind};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

/// From here on. Before 2011 a few zones put their clocks back a minute behind midnight, and had that minute's day twice.
const FROM: &str = "2012-01-01T00:00:00Z";
const TO: &str = "2062-01-01T00:00:00Z";

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zones() -> Vec<String> {
    jiff::tz::db().available().map(|name| name.to_string()).collect()
}

fn end(period: &Period) -> Timestamp {
    let (said, next) = (period.resets().unwrap(), period.next.as_ref().unwrap().timestamp());
    assert_eq!(instant(&said), next, "what is said is what is so");
    next
}

/// The period of an instant, and the end of it: its last second is in it, and the next one is in a later one.
fn tile(window: &Window, at: Timestamp) -> Timestamp {
    let period = window.period(at);
    let resets = end(&period);
    let what = || format!("{} {:?} {at}: {period:?}", window.zone(), window.kind());
    assert!(resets > at, "{}", what());
    assert_eq!(window.period(resets - 1.second()), period, "{}", what());
    let next = window.period(resets);
    assert!(next.label > period.label && end(&next) > resets, "{}: {next:?}", what());
    resets
}

/// Every change of clocks in every zone, with the days before and behind it, and the month that it is in.
#[test]
fn periods_follow_one_another_over_every_change_of_clocks() {
    let (from, to) = (instant(FROM), instant(TO));
    let (mut changes, mut zones_with_any) = (0_usize, 0_usize);
    for name in zones() {
        let zone = TimeZone::get(&name).unwrap();
        let [day, month] = [WindowKind::Day, WindowKind::Month].map(|kind| Window::new(kind, &name).unwrap());
        let before = changes;
        for change in zone.following(from).map(|change| change.timestamp()).take_while(|change| *change < to)
        {
            let mut at = change - 50.hours();
            while at < change + 50.hours() {
                at = tile(&day, at);
            }
            let begins = tile(&month, change - 50.hours());
            tile(&month, begins);
            // No day comes back when clocks are put back.
            let near = [-90, -60, -30, 0, 30, 60, 90].map(|minutes| change + minutes.minutes());
            let days =
                near.iter().flat_map(|near| [*near - 1.second(), *near]).map(|at| day.period(at).label);
            assert!(days.is_sorted(), "{name} {change}");
            changes += 1;
        }
        zones_with_any += usize::from(changes > before);
    }
    assert!(changes > 10_000 && zones_with_any > 100, "{changes} changes in {zones_with_any} zones");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// At any instant, in any zone: days tile months, a month ends with a day, and the day's name is the date that clocks show.
    #[test]
    fn each_instant_is_in_one_period(zone in any::<prop::sample::Index>(), second in 1_325_376_000_i64..4_102_444_800) {
        let zones = zones();
        let name = zone.get(&zones);
        let at = Timestamp::from_second(second).unwrap();
        let [day, month] = [WindowKind::Day, WindowKind::Month].map(|kind| Window::new(kind, name).unwrap());
        tile(&day, at);
        let month_ends = tile(&month, at);
        prop_assert!(end(&day.period(at)) <= month_ends);
        prop_assert_eq!(end(&day.period(month_ends - 1.second())), month_ends);
        let shown = at.to_zoned_datetime(TimeZone::get(name).unwrap());
        prop_assert_eq!(day.period(at).label, shown.strftime("%Y-%m-%d").to_string());
        prop_assert_eq!(month.period(at).label, shown.strftime("%Y-%m").to_string());
        let total = Window::new(WindowKind::Total, name).unwrap().period(at);
        prop_assert_eq!((total.label.as_str(), total.next), ("total", None));
    }
}
