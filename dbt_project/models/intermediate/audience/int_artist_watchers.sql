{{ built_by_month(month='first_month') }}
-- Grain: one row per artist and subscriber who ever watched a live that counts and
-- credits the artist, with the first calendar month of such watching.
with counting_watch as (
    select * from {{ ref('int_counting_live_months') }}
    where {{ is_changed_month('month') }}
),

credits as (
    select * from {{ ref('stg_catalogue__live_credits') }}
),

firsts as (
    select
        credits.artist_id,
        counting_watch.subscriber_id,
        min(counting_watch.month) as first_month
    from counting_watch
    inner join credits
        on counting_watch.live_id = credits.live_id
    group by credits.artist_id, counting_watch.subscriber_id
),

-- Rows of the months that are kept; empty in a full build.
earlier as (
    select
        artist_id,
        subscriber_id
    from {{ this if is_incremental() else 'firsts' }}
    where not ({{ is_changed_month('first_month') }})
),

final as (
    select
        firsts.artist_id,
        firsts.subscriber_id,
        firsts.first_month
    from firsts
    left join earlier
        on
            firsts.artist_id = earlier.artist_id
            and firsts.subscriber_id = earlier.subscriber_id
    where earlier.artist_id is null
)

select * from final
