{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: one row per settlement month, artist and category in the counterfactual where
-- the month's envelopes are one pot, split in proportion to total weight (RULES.md §5).
-- A month without any watching that counts has no rows here.
with slices as (
    select * from {{ ref('int_period_slices') }}
    where {{ is_changed_month('settlement_month') }}
),

pots as (
    select
        settlement_month,
        cast(sum(amount_nanos) as bigint) as envelope_nanos,
        sum(weight) as month_weight
    from slices
    group by settlement_month
),

weighed as (
    select
        slices.settlement_month,
        slices.artist_id,
        slices.category,
        pots.envelope_nanos,
        pots.month_weight,
        sum(slices.weight) as weight
    from slices
    inner join pots
        on slices.settlement_month = pots.settlement_month
    where slices.artist_id is not null
    group by
        slices.settlement_month,
        slices.artist_id,
        slices.category,
        pots.envelope_nanos,
        pots.month_weight
),

{{ largest_remainder(
    name='sliced',
    source='weighed',
    group_by='settlement_month',
    factor='weight',
    share='envelope_nanos',
    divisor='month_weight',
    total_units='envelope_nanos',
    units='amount_nanos',
    ties=['artist_id', 'category'],
) }},

final as (
    select
        settlement_month,
        artist_id,
        category,
        amount_nanos,
        {{ destination_of('category') }} as destination
    from sliced
)

select * from final
