"""A paid period of a subscription, bought by one payment."""

from allive.ingestion.contracts.contract import Contract, Field, RowRule, positive_needs
from allive.ingestion.contracts.fields import Choice, Currency, Day, Id, Instant, Integer

CONTRACT = Contract(
    record_type="subscriptions",
    fields=(
        Field("period_id", Id(), required=True, description="Id of the paid period; the latest record of an id wins."),
        Field("subscriber_id", Id(), required=True, description="Subscriber who paid."),
        Field("period_start", Day(), required=True, description="First day that is paid for, in Paris."),
        Field(
            "period_end",
            Day(),
            required=True,
            description="First day that is not paid for any more, in Paris: at most 35 days after `period_start`.",
        ),
        Field(
            "status",
            Choice(("paid", "refunded", "void")),
            required=True,
            description="State of the payment; only paid periods are settled.",
        ),
        Field(
            "updated_at",
            Instant(),
            required=True,
            description="Instant of this state of the record: the latest one wins.",
        ),
        Field("plan_id", Id(), description="Id of the plan that was bought."),
        Field("price_cents", Integer(), description="Price that was paid, VAT included, in cents of EUR."),
        Field(
            "envelope_cents",
            Integer(),
            description="Part of the price for artists, in cents of EUR; missing means the policy's, up to the price.",
        ),
        Field("currency", Currency(), is_later=True, description="Currency of the amounts; missing means EUR."),
        Field(
            "refunded_cents",
            Integer(),
            is_later=True,
            description="Part of the price that was refunded, in cents of EUR.",
        ),
    ),
    own_rules=(
        # No policy is in force before 2015, so such a period could not be settled in any month.
        RowRule("too_old", "period_end <= date '2015-01-01'"),
        RowRule("period_order", "period_end <= period_start"),
        RowRule("period_too_long", "period_end - period_start > 35"),
        RowRule("envelope_above_price", "envelope_cents > price_cents"),
        # Without the price, the amount that is left after the refund is unknown.
        positive_needs("refund_without_price", "refunded_cents", "price_cents"),
    ),
)
