//! Reads the section of limits.

use std::num::NonZero;
use std::time::Duration;

use super::reader::Reader;
use super::types::Limits;
use super::value::show_size;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn read(reader: &mut Reader<'_>) -> Limits {
    let connections = reader.whole("limits.connections", 8192, &(1..=1_000_000));
    // Behind a load balancer all have its addresses.
    let everybody = u64::try_from(connections).unwrap_or(u64::MAX);
    let limits = Limits {
        body_bytes: reader.size("limits.body_bytes", 256 * KIB, &(1..=16 * MIB)),
        head_bytes: reader.size("limits.head_bytes", 16 * KIB, &(KIB..=256 * KIB)),
        head_fields: reader.whole("limits.head_fields", 64, &(8..=256)),
        target_bytes: reader.size("limits.target_bytes", 2 * KIB, &(128..=64 * KIB)),
        head_timeout: reader.duration("limits.head_timeout", 10 * SECOND, &(MILLISECOND..=HOUR)),
        body_timeout: reader.duration("limits.body_timeout", 30 * SECOND, &(MILLISECOND..=HOUR)),
        keep_alive: reader.duration("limits.keep_alive", 60 * SECOND, &(SECOND..=HOUR)),
        requests_per_connection: reader.whole("limits.requests_per_connection", 100, &(1..=1_000_000)),
        // There are clients that fail what is under way when they are asked to leave, though it is carried out.
        requests_per_http2_connection: reader.whole(
            "limits.requests_per_http2_connection",
            10_000,
            &(1..=1_000_000),
        ),
        buffered_bytes: reader.size("limits.buffered_bytes", 64 * MIB, &(1..=64 * 1024 * MIB)),
        in_flight: reader.whole("limits.in_flight", 1024, &(1..=1_000_000)),
        connections,
        connections_per_address: reader.whole("limits.connections_per_address", everybody, &(1..=1_000_000)),
    };
    not_below(
        reader,
        ("limits.buffered_bytes", limits.buffered_bytes),
        ("limits.body_bytes", limits.body_bytes),
    );
    not_below(reader, ("limits.head_bytes", limits.head_bytes), ("limits.target_bytes", limits.target_bytes));
    limits
}

/// What has to hold a thing must not be smaller than the thing.
fn not_below(reader: &mut Reader<'_>, whole: (&str, usize), part: (&str, usize)) {
    if whole.1 < part.1 {
        let shown = show_size(u64::try_from(part.1).unwrap_or(u64::MAX));
        reader.refuse(whole.0, format!("must not be smaller than {}, which is {shown}", part.0));
    }
}

/// One thread for each processor that this process may use, unless said otherwise.
pub(super) fn threads(reader: &mut Reader<'_>) -> usize {
    let available = std::thread::available_parallelism().map_or(1, NonZero::get).min(1024);
    let default = u64::try_from(available).unwrap_or(1);
    reader.whole("limits.threads", default, &(1..=1024))
}

/// The limits that rules compare with.
pub(super) fn of_rules(reader: &mut Reader<'_>) -> job_model::Limits {
    job_model::Limits {
        inputs: reader.whole("limits.inputs", 1_000, &(1..=10_000)),
        name_chars: reader.whole("limits.name_chars", 255, &(1..=10_000)),
        string_bytes: reader.size("limits.string_bytes", 16 * KIB, &(256..=16 * MIB)),
        engines: reader
            .optional_whole("limits.engines", &(1..=1_000_000))
            .and_then(|engines| u32::try_from(engines).ok()),
    }
}
