{{ built_by_month() }}
-- Grain: one row per calendar month in Paris, category and surface on which playbacks
-- of counting lives were started.
-- Not additive over categories: a playback of a live that credits artists of two
-- categories is in both.
with playbacks as (
    select * from {{ ref('int_playbacks_sessionized') }}
    where {{ is_changed_day('started_on') }}
),

months as (
    select * from {{ ref('int_settlement_months') }}
),

lives as (
    select * from {{ ref('stg_catalogue__lives') }}
),

credits as (
    select * from {{ ref('stg_catalogue__live_credits') }}
),

credit_sets as (
    select * from {{ ref('int_credit_sets') }}
),

categories as (
    select * from {{ ref('stg_catalogue__artist_categories') }}
),

starts as (
    select
        live_id,
        started_on,
        coalesce(surface, 'unknown') as surface,
        count(*) as playbacks
    from playbacks
    group by live_id, started_on, coalesce(surface, 'unknown')
),

live_categories as (
    select
        starts.live_id,
        starts.started_on,
        starts.surface,
        starts.playbacks,
        months.settlement_month as month,
        categories.category
    from starts
    inner join lives
        on starts.live_id = lives.live_id
    inner join months
        on
            starts.started_on >= months.first_day
            and starts.started_on <= months.last_day
            and {{ counts('lives', 'months') }}
    inner join credit_sets
        on
            starts.live_id = credit_sets.live_id
            and credit_sets.catalogue is null
            and credit_sets.is_valid
    inner join credits
        on starts.live_id = credits.live_id
    inner join categories
        on
            credits.artist_id = categories.artist_id
            and {{ stands_on('categories', 'starts.started_on') }}
    group by
        starts.live_id,
        starts.started_on,
        starts.surface,
        starts.playbacks,
        months.settlement_month,
        categories.category
),

final as (
    select
        month,
        category,
        surface,
        cast(sum(playbacks) as bigint) as playbacks
    from live_categories
    group by month, category, surface
)

select * from final
