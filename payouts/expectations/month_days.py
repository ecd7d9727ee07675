"""Whether the days that the month's periods cover look as usual. Warnings: named loudly before a close."""

import great_expectations as gx

from ingestion.expectations.vocabulary import no_rows

SUITE = gx.ExpectationSuite(
    name="month_days",
    expectations=[
        no_rows(
            "days_have_heartbeats",
            "select day::varchar as day from {batch} where playbacks = 0",
            expected="every day of the month has heartbeats",
            severity="warning",
        ),
        no_rows(
            "days_within_their_band",
            "select day::varchar as day, watch_ms, usual_watch_ms from {batch} where is_out_of_band",
            expected="every day has between a third and three times the watch time of its weekday's last weeks",
            severity="warning",
        ),
    ],
)
