"""Checks on the artists' amounts of the month about to close."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import between, no_rows

SUITE = gx.ExpectationSuite(
    name="month_artists",
    expectations=[
        between("direct_nanos", 0),
        between("pool_nanos", 0),
        between("earned_cents", 0),
        no_rows(
            "earned_is_direct_plus_pool",
            "select artist_id from {batch} where earned_nanos != direct_nanos + pool_nanos",
            expected="what an artist earned is direct + pool share, to the nano",
        ),
        no_rows(
            "cents_within_one_of_nanos",
            "select artist_id from {batch} where abs(earned_cents * 10000000 - earned_nanos) >= 10000000",
            expected="rounding moves no artist by a cent or more",
        ),
        no_rows(
            "known_artists_are_not_paid_from_the_pool",
            "select artist_id from {batch} where category = 'known' and pool_nanos > 0",
            expected="known artists have no share of the pool",
        ),
        no_rows(
            "artists_conserve_the_envelopes",
            """
            select earned_nanos, envelope_nanos
            from (
                select sum(earned_nanos) as earned_nanos, max(month_envelope_nanos) as envelope_nanos from {batch}
            ) as totals
            where earned_nanos != envelope_nanos
            """,
            expected="what the artists earned sums to the month's envelopes, to the nano",
        ),
        # Ids compare bytewise, so one artist under two encodings of `é` would have two equal parts of the pool.
        no_rows(
            "artists_are_written_one_way",
            "select nfc_normalize(artist_id) as artist_id from {batch} "
            "group by nfc_normalize(artist_id) having count(*) > 1",
            expected="no artist is paid under two spellings of one id that Unicode says are the same text",
        ),
    ],
)
