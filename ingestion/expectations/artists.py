"""Expectations for a batch's accepted artists."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import filled, no_rows

SUITE = gx.ExpectationSuite(
    name="artists",
    expectations=[
        *filled("artist_id", "name"),
        no_rows(
            "iban_of_one_artist",
            "select iban from {batch} where iban is not null group by iban having count(distinct artist_id) > 1",
            expected="an IBAN belongs to one artist",
            severity="warning",
        ),
    ],
)
