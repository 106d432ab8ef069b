//! Timestamps as Port writes them.

use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};

const MILLISECONDS: EncodedConfig = Config::DEFAULT
    .set_time_precision(TimePrecision::Second {
        decimal_digits: std::num::NonZeroU8::new(3),
    })
    .encode();

/// The present, as RFC 3339 with milliseconds, in UTC.
pub(super) fn now() -> String {
    format(OffsetDateTime::now_utc())
}

fn format(instant: OffsetDateTime) -> String {
    instant.format(&Iso8601::<MILLISECONDS>).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn timestamps_have_milliseconds() {
        let instant = OffsetDateTime::UNIX_EPOCH + Duration::from_millis(951_782_400_007);
        assert_eq!(format(instant), "2000-02-29T00:00:00.007Z");
    }
}
