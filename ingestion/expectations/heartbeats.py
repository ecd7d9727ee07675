"""Expectations for a batch's accepted heartbeats."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import no_files, no_rows

HEARTBEATS_FOR_IDS = 200

SUITE = gx.ExpectationSuite(
    name="heartbeats",
    expectations=[
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
        no_files(
            "subscribers_are_not_playbacks",
            f"count(*) >= {HEARTBEATS_FOR_IDS} and bool_and(subscriber_id = playback_id)",
            expected=(
                f"one heartbeat in {HEARTBEATS_FOR_IDS} or more of a file has another id for its subscriber than for "
                "its playback; otherwise one of the columns is wrong"
            ),
        ),
    ],
)
