//! Instructions a request, without the kernel's: the same on a slow machine and on a busy one.

use std::io;

use benches::{PUBLISHED, five_faults};

use crate::Place;
use crate::clients::Load;
use crate::contestant::{GATE, Kind};

/// So many requests, and three times as many: what starting and stopping take is then subtracted.
const REQUESTS: u32 = 400;

/// A line for each path: its name and the instructions of one request, each behind the other on one connection.
pub(crate) fn count(place: &Place) -> io::Result<Vec<String>> {
    let paths = [
        ("pass-through", Kind::PassThrough, PUBLISHED.to_owned(), 201),
        ("admitted", GATE, PUBLISHED.to_owned(), 201),
        ("refused", GATE, five_faults(), 422),
    ];
    let line = |(name, kind, body, status): (&str, Kind, String, u16)| {
        let of = |requests| {
            let counted = place.start_counted(kind)?;
            Load { to: counted.address, body: body.clone(), status }.send(requests)?;
            counted.instructions()
        };
        let (few, many) = (of(REQUESTS)?, of(REQUESTS.saturating_mul(3))?);
        let each = many.saturating_sub(few).checked_div(u64::from(REQUESTS).saturating_mul(2));
        Ok(format!("{name} {}", each.unwrap_or_default()))
    };
    paths.into_iter().map(line).collect()
}
