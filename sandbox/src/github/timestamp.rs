//! Instants as GitHub writes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// 2026-06-01T00:00:00Z: after every commit that a test repository is likely to hold.
const FIRST_RECORD: u64 = 1_780_272_000;

/// When the record with this number (a comment) was made. It is counted, so that what a test sees
/// does not depend on the clock.
pub(super) fn of_record(number: u64) -> u64 {
    FIRST_RECORD + number
}

/// Seconds since 1970, by the real clock.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}

/// Seconds since 1970 as `2026-01-01T00:00:00Z`.
pub(super) fn iso(seconds: u64) -> String {
    let instant = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(seconds);
    instant.format(&Rfc3339).unwrap_or_default()
}
