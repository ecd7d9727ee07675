"""What must hold of the accepted changes of category of a batch."""

import great_expectations as gx

from ingestion.expectations.vocabulary import among, filled

SUITE = gx.ExpectationSuite(
    name="artist_categories",
    expectations=[
        *filled("artist_id", "category", "valid_from"),
        among("category", ("emerging", "independent", "known")),
    ],
)
