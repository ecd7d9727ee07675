{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: one row per paid period, artist and category. Slices of a period sum to its
-- envelope, to the nano (RULES.md §5.1–§5.3). An idle period is one row without artist:
-- its whole envelope goes to the pool.
with periods as (
    select * from {{ ref('int_periods_settled') }}
    where {{ is_changed_month('settlement_month') }}
),

weights as (
    select
        period_id,
        artist_id,
        category,
        sum(weight) as weight
    from {{ ref('int_period_weights') }}
    where {{ is_changed_month('settlement_month') }}
    group by period_id, artist_id, category
),

period_weights as (
    select
        period_id,
        sum(weight) as period_weight
    from weights
    group by period_id
),

weighed as (
    select
        periods.period_id,
        periods.subscriber_id,
        periods.settlement_month,
        periods.envelope_nanos,
        weights.artist_id,
        weights.category,
        weights.weight,
        period_weights.period_weight
    from periods
    inner join period_weights
        on periods.period_id = period_weights.period_id
    inner join weights
        on periods.period_id = weights.period_id
),

{{ largest_remainder(
    name='sliced',
    source='weighed',
    group_by='period_id',
    factor='weight',
    share='envelope_nanos',
    divisor='period_weight',
    total_units='envelope_nanos',
    units='amount_nanos',
    ties=['artist_id', 'category'],
) }},

idle as (
    select
        periods.period_id,
        periods.subscriber_id,
        periods.settlement_month,
        periods.envelope_nanos
    from periods
    left join period_weights
        on periods.period_id = period_weights.period_id
    where period_weights.period_id is null
),

final as (
    select
        period_id,
        subscriber_id,
        settlement_month,
        artist_id,
        category,
        {{ wide('weight') }} as weight,
        amount_nanos,
        {{ destination_of('category') }} as destination
    from sliced
    union all
    select
        period_id,
        subscriber_id,
        settlement_month,
        cast(null as string) as artist_id,
        cast(null as string) as category,
        {{ wide('0') }} as weight,
        envelope_nanos as amount_nanos,
        'pool' as destination
    from idle
)

select * from final
