-- Grain: one row per Paris day of a load, device and app version, with the heartbeats
-- delivered and rejected; a missing device or version is ''. Both counts are additive.
-- Odd rule: the day of a load is the newest day with an accepted heartbeat that the
-- warehouse had at that time, never the day in a rejected line, nor a clock: a history
-- that is loaded in one go gives the same figures whenever it is loaded.
with deliveries as (
    select * from {{ ref('int_heartbeat_deliveries') }}
),

rejects as (
    select
        batch_number,
        coalesce(device, '') as device,
        coalesce(app_version, '') as app_version,
        cast(count(*) as bigint) as rejects
    from {{ ref('stg_player__rejects') }}
    group by batch_number, coalesce(device, ''), coalesce(app_version, '')
),

batches as (
    select batch_number, max(last_event_day) as last_event_day
    from (
        select batch_number, last_event_day from deliveries
        union all
        select batch_number, cast(null as date) as last_event_day from rejects
    ) as parts
    group by batch_number
),

-- Rejects that came before any heartbeat get the earliest day of any batch.
dated as (
    select
        batch_number,
        coalesce(
            max(last_event_day) over (
                order by batch_number
                rows between unbounded preceding and current row
            ),
            min(last_event_day) over ()
        ) as day
    from batches
),

delivered as (
    select
        batch_number, device, app_version, heartbeats, 0 as rejects
    from deliveries
    union all
    select
        batch_number, device, app_version, 0 as heartbeats, rejects
    from rejects
),

final as (
    select
        dated.day,
        delivered.device,
        delivered.app_version,
        cast(sum(delivered.heartbeats) as bigint) as delivered_heartbeats,
        cast(sum(delivered.rejects) as bigint) as rejects
    from delivered
    inner join dated
        on delivered.batch_number = dated.batch_number
    where dated.day is not null
    group by dated.day, delivered.device, delivered.app_version
)

select * from final
