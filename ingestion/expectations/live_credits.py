"""Expectations for a batch's accepted live credits."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import between, filled

SUITE = gx.ExpectationSuite(
    name="live_credits",
    expectations=[
        *filled("live_id", "artist_id", "share_bp"),
        between("share_bp", 1, 10_000),
    ],
)
