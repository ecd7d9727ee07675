{%-
    from 'what_counts.sql'
    import
        destination_of, envelope_by_policy, is_long_enough, left_of_envelope, may_count,
        stands_on
-%}
-- Grain: one row per weighing (envelope × minimum live) × artist × category on the day
-- of the watching. The same sums as `settling` computes from the periods of
-- `weights.sql`, but for several policies in one query. Split by the same rule
-- (RULES.md §5.1-§5.3): floors, then one nano each to the largest remainders, ties to
-- the smallest (artist_id, category).
-- A row without artist has the totals of a weighing: all its periods, the idle ones,
-- those with their own envelope, and the envelopes.
with weighings as (
    select
        unnest($envelope_cents::bigint[]) as envelope_cents,
        unnest($minimum_live_s::bigint[]) as minimum_live_s
),

periods as (
    select
        settled.period_id,
        settled.subscriber_id,
        settled.period_start,
        settled.period_end,
        delivered.price_cents,
        delivered.envelope_cents,
        delivered.refunded_cents,
        coalesce(
            delivered.envelope_cents != {{ envelope_by_policy(
                'delivered.price_cents', '$own_envelope_cents'
            ) }},
            false
        ) as has_own_envelope
    from intermediate.int_periods_settled as settled
    inner join staging.stg_billing__periods as delivered
        on settled.period_id = delivered.period_id
    where settled.settlement_month = $month
),

whole as (
    select
        weighings.envelope_cents as weighing_cents,
        weighings.minimum_live_s,
        periods.period_id,
        periods.has_own_envelope,
        periods.price_cents,
        periods.refunded_cents,
        case
            when periods.has_own_envelope then periods.envelope_cents
            else {{ envelope_by_policy(
                'periods.price_cents', 'weighings.envelope_cents'
            ) }}
        end as whole_envelope_cents
    from periods
    cross join weighings
),

priced as (
    select
        *,
        cast($nanos_per_cent as bigint) * {{ left_of_envelope(
            'whole_envelope_cents', 'price_cents', 'refunded_cents'
        ) }} as envelope_nanos
    from whole
    where envelope_nanos > 0
),

lengths as (
    select minimum_live_s
    from weighings
    group by minimum_live_s
),

live_weights as (
    select
        periods.period_id,
        credits.artist_id,
        categories.category,
        lives.duration_s,
        sum(days.watch_ms::hugeint * credits.share_bp) as weight
    from periods
    inner join intermediate.int_playback_days as days
        on
            periods.subscriber_id = days.subscriber_id
            and periods.period_start <= days.event_day
            and periods.period_end > days.event_day
    inner join intermediate.int_catalogue_lives as lives
        on
            days.live_id = lives.live_id
            and lives.catalogue is not distinct from $catalogue
    inner join intermediate.int_credit_sets as credit_sets
        on
            days.live_id = credit_sets.live_id
            and credit_sets.catalogue is not distinct from $catalogue
    inner join intermediate.int_catalogue_credits as credits
        on
            days.live_id = credits.live_id
            and credits.catalogue is not distinct from $catalogue
    inner join intermediate.int_catalogue_categories as categories
        on
            credits.artist_id = categories.artist_id
            and categories.catalogue is not distinct from $catalogue
            and {{ stands_on('categories', 'days.event_day') }}
    where
        days.watch_ms > 0
        and days.event_day >= (select min(periods.period_start) from periods)
        and days.event_day < (select max(periods.period_end) from periods)
        and {{ may_count('lives') }}
        and credit_sets.is_valid
    group by all
),

weights as (
    select
        lengths.minimum_live_s,
        live_weights.period_id,
        live_weights.artist_id,
        live_weights.category,
        sum(live_weights.weight) as weight
    from live_weights
    inner join lengths
        on {{ is_long_enough('live_weights', 'lengths') }}
    group by all
),

period_weights as (
    select
        minimum_live_s,
        period_id,
        sum(weight) as period_weight
    from weights
    group by all
),

floored as (
    select
        priced.weighing_cents,
        priced.minimum_live_s,
        priced.period_id,
        priced.envelope_nanos,
        weights.artist_id,
        weights.category,
        weights.weight,
        period_weights.period_weight,
        priced.envelope_nanos::hugeint * weights.weight
        // period_weights.period_weight as floor_nanos
    from priced
    inner join period_weights
        on
            priced.period_id = period_weights.period_id
            and priced.minimum_live_s = period_weights.minimum_live_s
    inner join weights
        on
            priced.period_id = weights.period_id
            and priced.minimum_live_s = weights.minimum_live_s
),

ranked as (
    select
        *,
        envelope_nanos - sum(floor_nanos) over (
            partition by weighing_cents, minimum_live_s, period_id
        ) as leftover_nanos,
        row_number() over (
            partition by weighing_cents, minimum_live_s, period_id
            order by
                envelope_nanos::hugeint * weight - floor_nanos * period_weight desc,
                artist_id,
                category
        ) as place
    from floored
),

totals as (
    select
        priced.weighing_cents,
        priced.minimum_live_s,
        count(*) as periods,
        count(*) filter (watched.period_id is null) as idle_periods,
        count(*) filter (priced.has_own_envelope) as own_envelopes,
        sum(priced.envelope_nanos) as envelope_nanos
    from priced
    left join period_weights as watched
        on
            priced.period_id = watched.period_id
            and priced.minimum_live_s = watched.minimum_live_s
    group by all
)

select
    weighing_cents,
    minimum_live_s,
    artist_id,
    category,
    {{ destination_of('category') }} as destination,
    sum(weight)::hugeint as weight,
    sum(floor_nanos + (place <= leftover_nanos)::bigint)::hugeint as nanos,
    null as periods,
    null as idle_periods,
    null as own_envelopes
from ranked
group by all
union all
select
    weighing_cents,
    minimum_live_s,
    null as artist_id,
    null as category,
    null as destination,
    null as weight,
    envelope_nanos::hugeint as nanos,
    periods,
    idle_periods,
    own_envelopes
from totals
