"""Checks on every euro of the month about to close."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import among, between, filled, no_rows

SUITE = gx.ExpectationSuite(
    name="month_slices",
    expectations=[
        *filled("period_id", "subscriber_id", "weight", "amount_nanos", "destination"),
        among("destination", ("direct", "pool")),
        between("weight", 0),
        between("amount_nanos", 0),
        no_rows(
            "known_and_idle_go_to_the_pool",
            """
            select period_id, artist_id from {batch}
            where destination != case when coalesce(category, 'known') = 'known' then 'pool' else 'direct' end
            """,
            expected="slices of known artists and idle envelopes go to the pool, all others are direct",
        ),
        no_rows(
            "slices_are_whole_cents_a_period",
            """
            select period_id from {batch} group by period_id
            having sum(amount_nanos) % 10000000 != 0 or sum(amount_nanos) = 0
            """,
            expected="the slices of a period sum to an envelope: whole cents, above 0",
        ),
    ],
)
