"""Expectations for a batch's accepted category changes."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import no_rows

ARTISTS_FOR_CONTRADICTION = 10
"""Two changes of one artist can be a correction without its time; this many are a faulty export."""

SUITE = gx.ExpectationSuite(
    name="artist_categories",
    expectations=[
        # The latest change wins, and of equally late ones the greatest: `known`, which is not paid for viewing.
        no_rows(
            "one_category_at_a_time",
            f"""
            select source_file
            from (
                select source_file, artist_id from {{batch}} where is_deleted is not true
                group by source_file, artist_id, valid_from, updated_at having count(distinct category) > 1
            ) as contradictions
            group by source_file having count(distinct artist_id) >= {ARTISTS_FOR_CONTRADICTION}
            """,
            expected=f"no file gives {ARTISTS_FOR_CONTRADICTION} artists or more two categories from one day on",
            of="file",
        ),
    ],
)
