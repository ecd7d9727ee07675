"""Expectations for a batch's accepted paid periods."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import among, between, filled, no_rows

SUITE = gx.ExpectationSuite(
    name="subscriptions",
    expectations=[
        *filled("period_id", "subscriber_id", "period_start", "period_end", "status", "updated_at"),
        among("status", ("paid", "refunded", "void")),
        between("price_cents", 0),
        between("envelope_cents", 0),
        between("refunded_cents", 0),
        among("currency", ("EUR",)),
        no_rows(
            "period_length",
            "select period_id from {batch} where period_end - period_start not between 1 and 35",
            expected="a period has 1 to 35 days",
        ),
        no_rows(
            "envelope_within_price",
            "select period_id from {batch} where envelope_cents > price_cents",
            expected="no envelope is above its price",
        ),
        no_rows(
            "refunds_of_a_price",
            "select period_id from {batch} where refunded_cents > 0 and price_cents is null",
            expected="what was given back is part of a known price",
        ),
        no_rows(
            "periods_apart",
            """
            select subscriber_id, period_id, next_period_id
            from (
                select
                    subscriber_id, period_id, period_end,
                    lead(period_start) over following as next_start,
                    lead(period_id) over following as next_period_id
                from (
                    select subscriber_id, period_id, max(period_start) as period_start,
                        max(period_end) as period_end
                    from {batch} where status = 'paid' group by subscriber_id, period_id
                ) as periods
                window following as (
                    partition by subscriber_id order by period_start, period_end, period_id
                )
            ) as neighbours
            where next_start < period_end
            """,
            expected="the paid periods of a subscriber do not overlap",
            severity="warning",
        ),
    ],
)
