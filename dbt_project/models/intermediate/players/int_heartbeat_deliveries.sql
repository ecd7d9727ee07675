{{ config(
    materialized=kept(),
    incremental_strategy='append',
    on_schema_change='fail',
) }}
-- Grain: one row per batch, device and app version with an accepted heartbeat; a
-- missing device or version is ''. `heartbeats` is additive and counts delivered
-- records, redeliveries included.
with heartbeats as (
    select * from {{ ref('stg_player__heartbeats') }}
    where batch_number > {{ watermark(this) }}
),

final as (
    select
        batch_number,
        coalesce(device, '') as device,
        coalesce(app_version, '') as app_version,
        max(event_day) as last_event_day,
        cast(count(*) as bigint) as heartbeats
    from heartbeats
    group by batch_number, coalesce(device, ''), coalesce(app_version, '')
)

select * from final
