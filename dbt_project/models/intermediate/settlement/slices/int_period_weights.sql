{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: one row per settled period, artist, category on the day of the watching, and
-- live. Weight = Σ watch_ms × share_bp (RULES.md §5.1); it is additive over lives.
-- Lives without a valid credit set and artists without a category are left out here;
-- fct_close_blockers names them.
with watch as (
    select * from {{ ref('int_period_live_days') }}
    where {{ is_changed_month('settlement_month') }}
),

credits as (
    select * from {{ ref('int_catalogue_credits') }}
),

credit_sets as (
    select * from {{ ref('int_credit_sets') }}
),

categories as (
    select * from {{ ref('int_catalogue_categories') }}
),

final as (
    select
        watch.settlement_month,
        watch.period_id,
        credits.artist_id,
        categories.category,
        watch.live_id,
        sum({{ wide('watch.watch_ms') }} * credits.share_bp) as weight
    from watch
    inner join credit_sets
        on
            watch.live_id = credit_sets.live_id
            and watch.catalogue is not distinct from credit_sets.catalogue
            and credit_sets.is_valid
    inner join credits
        on
            watch.live_id = credits.live_id
            and watch.catalogue is not distinct from credits.catalogue
    inner join categories
        on
            credits.artist_id = categories.artist_id
            and watch.catalogue is not distinct from categories.catalogue
            and {{ stands_on('categories', 'watch.event_day') }}
    group by
        watch.settlement_month,
        watch.period_id,
        credits.artist_id,
        categories.category,
        watch.live_id
)

select * from final
