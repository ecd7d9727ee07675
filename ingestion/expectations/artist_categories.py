"""Expectations for a batch's accepted category changes."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import among, filled

SUITE = gx.ExpectationSuite(
    name="artist_categories",
    expectations=[
        *filled("artist_id", "category", "valid_from"),
        among("category", ("emerging", "independent", "known")),
    ],
)
