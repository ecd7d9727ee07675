"""A paid period of a subscription, bought by one payment."""

from allive.ingestion.contracts.contract import Contract, Field, RowRule
from allive.ingestion.contracts.fields import Choice, Currency, Day, Id, Instant, Integer

CONTRACT = Contract(
    record_type="subscriptions",
    fields=(
        Field("period_id", Id(), required=True),
        Field("subscriber_id", Id(), required=True),
        Field("period_start", Day(), required=True),
        Field("period_end", Day(), required=True),
        Field("status", Choice(("paid", "refunded", "void")), required=True),
        Field("updated_at", Instant(), required=True),
        Field("plan_id", Id()),
        Field("price_cents", Integer()),
        Field("envelope_cents", Integer()),
        Field("currency", Currency(), is_later=True),
        Field("refunded_cents", Integer(), is_later=True),
    ),
    own_rules=(
        # No policy is in force before 2015, so such a period could not be settled in any month.
        RowRule("too_old", "period_end <= date '2015-01-01'"),
        RowRule("period_order", "period_end <= period_start"),
        RowRule("period_too_long", "period_end - period_start > 35"),
        RowRule("envelope_above_price", "envelope_cents > price_cents"),
        # Without the price, the amount that is left after the refund is unknown.
        RowRule("refund_without_price", "refunded_cents > 0 and price_cents is null"),
    ),
)
