{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: one row per paid period, artist, category and live: a direct slice split over
-- the lives that were watched, in proportion to weight, by largest remainder. The parts
-- sum to the slice, to the nano.
with slices as (
    select * from {{ ref('int_period_slices') }}
    where {{ is_changed_month('settlement_month') }}
),

weights as (
    select * from {{ ref('int_period_weights') }}
    where {{ is_changed_month('settlement_month') }}
),

weighed as (
    select
        slices.settlement_month,
        slices.period_id,
        slices.subscriber_id,
        slices.artist_id,
        slices.category,
        weights.live_id,
        weights.weight,
        slices.weight as slice_weight,
        case
            when slices.destination = 'direct' then slices.amount_nanos else 0
        end as slice_nanos
    from slices
    inner join weights
        on
            slices.period_id = weights.period_id
            and slices.artist_id = weights.artist_id
            and slices.category = weights.category
),

-- Most slices were watched on one live, which has their whole weight: there is nothing
-- to split. No weight is 0.
shared as (
    select * from weighed
    where weight < slice_weight
),

{{ largest_remainder(
    name='split',
    source='shared',
    group_by='period_id, artist_id, category',
    factor='weight',
    share='slice_nanos',
    divisor='slice_weight',
    total_units='slice_nanos',
    units='direct_nanos',
    ties=['live_id'],
) }},

final as (
    select
        settlement_month,
        period_id,
        subscriber_id,
        artist_id,
        category,
        live_id,
        weight,
        direct_nanos
    from split
    union all
    select
        settlement_month,
        period_id,
        subscriber_id,
        artist_id,
        category,
        live_id,
        weight,
        slice_nanos as direct_nanos
    from weighed
    where weight = slice_weight
)

select * from final
