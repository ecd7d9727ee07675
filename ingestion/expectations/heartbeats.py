"""Expectations for a batch's accepted heartbeats."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import among, between, filled, no_rows

SUITE = gx.ExpectationSuite(
    name="heartbeats",
    expectations=[
        *filled(
            "event_id",
            "playback_id",
            "subscriber_id",
            "live_id",
            "event_at",
            "state",
            "received_at",
            "event_day",
        ),
        among("state", ("playing", "paused", "buffering", "seeking", "ended", "other")),
        among("device", ("web", "ios", "android", "tv", "other")),
        among("surface", ("home", "search", "artist", "category", "recommendation", "external")),
        between("sequence", 0),
        between("position_ms", 0),
        no_rows(
            "playback_rate_from_zero",
            "select playback_rate from {batch} where not (playback_rate >= 0 and isfinite(playback_rate))",
            expected="a playback rate is a finite number from 0 on",
        ),
        # By day, not by record: asking ICU only for the midnights already takes a tenth of the whole suite's time.
        no_rows(
            "event_day_in_paris",
            "select event_day from {batch} group by event_day "
            "having min(event_at) < timezone('Europe/Paris', cast(event_day as timestamp)) "
            "or max(event_at) >= timezone('Europe/Paris', cast(event_day + 1 as timestamp))",
            expected="event_day is the Paris day of event_at",
        ),
        no_rows(
            "received_in_time",
            "select event_at, received_at from {batch} "
            "where epoch_ms(event_at) - epoch_ms(received_at) > 600000 "
            "or epoch_ms(received_at) - epoch_ms(event_at) > 3024000000",
            expected="received at most 10 minutes before and 35 days after the event",
        ),
        no_rows(
            "event_at_in_milliseconds",
            "select event_at from {batch} where epoch_us(event_at) % 1000 <> 0",
            expected="instants are whole milliseconds",
        ),
    ],
)
