{%- from 'what_counts.sql' import pool_members -%}
-- Grain: one row per member of the month's pool (RULES.md §5.4) under another policy.
-- Uses the same macro as int_pool_members.
with months as (
    select
        cast(null as varchar) as settlement_month,
        $first_day::date as first_day,
        $last_day::date as last_day,
        $catalogue::varchar as catalogue,
        $minimum_live_s::bigint as minimum_live_s,
        $minimum_pool_share_bp::bigint as minimum_pool_share_bp
),

lives as (
    select * from intermediate.int_catalogue_lives
),

credits as (
    select * from intermediate.int_catalogue_credits
),

credit_sets as (
    select * from intermediate.int_credit_sets
),

categories as (
    select * from intermediate.int_catalogue_categories
),

artists as (
    select * from staging.stg_catalogue__artists
),

{{ pool_members() }}

select artist_id
from pool_members
order by artist_id
