{{ config(severity='warn') }}
-- A device and app version with a sign that stands out in the latest known days: its
-- release is faulty, or its network is (docs/adr/0027). Whole months are reported
-- before a close.
with signs as (
    select * from {{ ref('fct_player_signs') }}
    where span = 'latest'
),

final as (
    select
        sign,
        case when device = '' then 'unknown' else device end as device,
        case when app_version != '' then app_version end as app_version,
        {{ share_floor('found', 100, 'among') }} as percent,
        first_day as since
    from signs
)

select * from final
order by percent desc, sign asc
