"""Expectations for a batch's accepted artists."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import no_files, no_rows

ARTISTS_OF_ONE_NAME = 50

SUITE = gx.ExpectationSuite(
    name="artists",
    expectations=[
        no_rows(
            "iban_of_one_artist",
            "select iban from {batch} where iban is not null group by iban having count(distinct artist_id) > 1",
            expected="an IBAN belongs to one artist",
            severity="warning",
        ),
        no_files(
            "names_differ",
            f"count(distinct artist_id) >= {ARTISTS_OF_ONE_NAME} and count(distinct name) = 1",
            # Placeholders that are not paid yet can all be called TBA.
            where="iban is not null",
            expected=f"the payees of a file of {ARTISTS_OF_ONE_NAME} or more do not all have one name",
        ),
    ],
)
