"""Expectations for a batch's accepted catalogue items."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import no_files

LIVES_FOR_UNIT = 20
LONGEST_IN_MINUTES = 300
"""No concert is this short in seconds, and hardly one this long in minutes."""

SUITE = gx.ExpectationSuite(
    name="lives",
    expectations=[
        # Lives that are planned can have the duration 0.
        no_files(
            "durations_in_seconds",
            f"count(distinct live_id) >= {LIVES_FOR_UNIT} and max(duration_s) <= {LONGEST_IN_MINUTES}",
            where="kind = 'live' and duration_s > 0",
            expected=(
                f"one concert in {LIVES_FOR_UNIT} or more of a file is longer than {LONGEST_IN_MINUTES} s; otherwise "
                "the durations are minutes"
            ),
        ),
    ],
)
