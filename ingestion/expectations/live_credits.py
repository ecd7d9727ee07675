"""Expectations for a batch's accepted live credits."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import no_files

CREDITS_FOR_TIME = 20

SUITE = gx.ExpectationSuite(
    name="live_credits",
    expectations=[
        # The set with the newest time wins, so a file of zero times can correct nothing.
        no_files(
            "updated_after_1970",
            f"count(*) >= {CREDITS_FOR_TIME} "
            "and count(*) = count_if(updated_at = timestamptz '1970-01-01 00:00:00+00')",
            expected=f"one credit in {CREDITS_FOR_TIME} or more of a file was not updated on 1970-01-01, a zero time",
        ),
    ],
)
