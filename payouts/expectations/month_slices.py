"""Checks on every euro of the month about to close."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import between, filled, no_rows

LARGEST_ENVELOPE_NANOS = 1_000_000_000_000
"""1,000 EUR, a thousand times the policy's envelope (RULES.md §7): above any plan of at most 35 days."""

SUITE = gx.ExpectationSuite(
    name="month_slices",
    expectations=[
        *filled("period_id", "subscriber_id", "weight", "amount_nanos", "destination"),
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
        # The contract compares an envelope with its price, and a period can come without one.
        no_rows(
            "envelopes_are_of_a_subscription",
            f"select period_id from {{batch}} group by period_id having sum(amount_nanos) > {LARGEST_ENVELOPE_NANOS}",
            expected="no period gives artists more than 1,000 EUR",
        ),
    ],
)
