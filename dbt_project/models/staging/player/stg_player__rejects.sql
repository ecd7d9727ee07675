-- Grain: one row per rejected line of a heartbeat file. Files that were set aside whole
-- have no lines and no device.
with final as (
    select
        reason,
        device,
        app_version,
        batch_number
    from {{ source('player', 'rejects') }}
    where
        record_type = 'heartbeats'
        and source_line is not null
)

select * from final
