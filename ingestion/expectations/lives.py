"""Expectations for a batch's accepted catalogue items."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import among, between, filled

SUITE = gx.ExpectationSuite(
    name="lives",
    expectations=[
        *filled("live_id", "title", "kind", "exclusive", "duration_s"),
        among("kind", ("live", "documentary", "clip", "studio")),
        between("duration_s", 0),
    ],
)
