"""Expectations for a batch's accepted paid periods."""

import great_expectations as gx

from allive.ingestion.expectations.vocabulary import no_files, no_rows

PRICES_FOR_UNIT = 20
SHORTEST_PLAN_DAYS = 7
PERIODS_LOST = 5
LEAST_PRICE_CENTS = 50
"""Card networks and their processors take no smaller payment (Stripe: 0.50 EUR)."""

SUITE = gx.ExpectationSuite(
    name="subscriptions",
    expectations=[
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
        no_files(
            "prices_in_cents",
            f"count(*) >= {PRICES_FOR_UNIT} and max(price_cents) < {LEAST_PRICE_CENTS}",
            # Not trials, which give artists nothing, and not the days of a longer plan.
            where=(
                "status = 'paid' and price_cents > 0 and coalesce(envelope_cents, 1) > 0 "
                f"and period_end - period_start >= {SHORTEST_PLAN_DAYS}"
            ),
            expected=(
                f"one price in {PRICES_FOR_UNIT} or more of a file is at least {LEAST_PRICE_CENTS} cents; otherwise "
                "they are euros"
            ),
        ),
        # The latest record of a period_id wins: the euro of the other subscriber would disappear. The same days for
        # another subscriber can be a transfer, and a few can be corrections.
        no_rows(
            "period_of_one_subscriber",
            f"""
            select source_file
            from (
                select source_file, count(*) - 1 as lost
                from {{batch}} where status = 'paid' group by source_file, period_id
                having min(subscriber_id) < max(subscriber_id) and min(period_start) < max(period_start)
            ) as shared
            group by source_file having sum(lost) >= {PERIODS_LOST}
            """,
            expected=f"fewer than {PERIODS_LOST} records of a file share a period_id with another subscriber's period",
            of="file",
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
