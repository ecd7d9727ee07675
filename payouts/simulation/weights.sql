{%-
    from 'what_counts.sql'
    import
        counts, destination_of, envelope_by_policy, left_of_envelope, stands_between
-%}
-- Grain: one row per period that the month settles × artist × category on the day of
-- the watching, with its weight (RULES.md §5.1). A period without watch time that
-- counts is one row without artist. Like int_period_slices, but under another policy.
-- An envelope that equals the one of the month's own policy, delivered with the period
-- or not, is replaced by the other policy's. A different envelope is the period's own,
-- and stays.
-- `live_left_out` names a live without a valid credit set, or watched on a day on which
-- a credited artist has no category. Its weight for that artist is left out.
with policies as (
    select $minimum_live_s::bigint as minimum_live_s
),

periods as (
    select
        settled.period_id,
        settled.subscriber_id,
        settled.period_start,
        settled.period_end,
        delivered.price_cents,
        delivered.refunded_cents,
        delivered.envelope_cents,
        {{ envelope_by_policy('delivered.price_cents', '$own_envelope_cents') }}
            as own_policy_cents,
        {{ envelope_by_policy('delivered.price_cents', '$envelope_cents') }}
            as other_policy_cents
    from intermediate.int_periods_settled as settled
    inner join staging.stg_billing__periods as delivered
        on settled.period_id = delivered.period_id
    where settled.settlement_month = $month
),

whole as (
    select
        period_id,
        subscriber_id,
        period_start,
        period_end,
        price_cents,
        refunded_cents,
        coalesce(envelope_cents != own_policy_cents, false) as has_own_envelope,
        case
            when envelope_cents != own_policy_cents then envelope_cents
            else other_policy_cents
        end as whole_envelope_cents
    from periods
),

priced as (
    select
        period_id,
        subscriber_id,
        period_start,
        period_end,
        has_own_envelope,
        {{ left_of_envelope('whole_envelope_cents', 'price_cents', 'refunded_cents') }}
            as envelope_cents
    from whole
),

watch as (
    select
        priced.period_id,
        days.live_id,
        days.event_day,
        sum(days.watch_ms) as watch_ms
    from priced
    inner join intermediate.int_playback_days as days
        on
            priced.subscriber_id = days.subscriber_id
            and priced.period_start <= days.event_day
            and priced.period_end > days.event_day
    inner join intermediate.int_catalogue_lives as lives
        on
            days.live_id = lives.live_id
            and lives.catalogue is not distinct from $catalogue
    cross join policies
    where
        days.watch_ms > 0
        and days.event_day >= (select min(priced.period_start) from priced)
        and days.event_day < (select max(priced.period_end) from priced)
        and {{ counts('lives', 'policies') }}
    group by priced.period_id, days.live_id, days.event_day
),

credits as (
    select
        credits.live_id,
        credits.artist_id,
        credits.share_bp
    from intermediate.int_catalogue_credits as credits
    inner join intermediate.int_credit_sets as credit_sets
        on
            credits.live_id = credit_sets.live_id
            and credits.catalogue is not distinct from credit_sets.catalogue
    where
        credits.catalogue is not distinct from $catalogue
        and credit_sets.is_valid
),

categories as (
    select
        artist_id,
        category,
        valid_from,
        valid_until
    from intermediate.int_catalogue_categories
    where catalogue is not distinct from $catalogue
),

weights as (
    select
        watch.period_id,
        credits.artist_id,
        categories.category,
        case when categories.category is null then watch.live_id end as live_left_out,
        sum(cast(watch.watch_ms as hugeint) * credits.share_bp) as weight
    from watch
    left join credits
        on watch.live_id = credits.live_id
    left join categories
        on
            credits.artist_id = categories.artist_id
            and {{ stands_between('categories', 'watch.event_day', 'watch.event_day') }}
    group by all
)

select
    priced.period_id,
    priced.subscriber_id,
    priced.has_own_envelope,
    priced.envelope_cents,
    weights.artist_id,
    weights.category,
    {{ destination_of('weights.category') }} as destination,
    weights.live_left_out,
    weights.weight
from priced
left join weights
    on priced.period_id = weights.period_id
where priced.envelope_cents > 0
order by priced.period_id
