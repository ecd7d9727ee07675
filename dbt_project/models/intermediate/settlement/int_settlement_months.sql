{%- set policy_columns = [
    'price_cents', 'envelope_cents', 'minimum_live_s', 'minimum_pool_share_bp',
    'minimum_payout_cents', 'look_back_months', 'payment_delay_days', 'pool_rule',
] -%}
-- Grain: one settlement month that anything is known of, with the policy in force on
-- its last day.
-- A closed month keeps the policy it closed with and, while it can be adjusted, the
-- catalogue: `catalogue` names the closed month whose pinned versions it is, null is
-- today's (RULES.md §6).
-- The spine starts with the earliest day in any record that settling reads and ends
-- with the last period or, if that is later, with the month that closes next.
with periods as (
    select * from {{ ref('stg_billing__periods') }}
),

playback_days as (
    select * from {{ ref('int_playback_days') }}
),

lives as (
    select * from {{ ref('stg_catalogue__lives') }}
),

categories as (
    select * from {{ ref('stg_catalogue__artist_categories') }}
),

policies as (
    select
        *,
        lead(valid_from) over (order by valid_from) as valid_until
    from {{ ref('policies') }}
),

booked_months as (
    select * from {{ source('booked', 'months') }}
),

known_days as (
    select min(period_start) as first_day, max(period_end) as last_day from periods
    union all
    select min(event_day) as first_day, max(event_day) as last_day from playback_days
    union all
    select min(published_on) as first_day, cast(null as date) as last_day from lives
    union all
    select min(valid_from) as first_day, cast(null as date) as last_day from categories
    union all
    select
        min(cast(settlement_month || '-01' as date)) as first_day,
        {{ add_months("max(cast(settlement_month || '-01' as date))", 1) }} as last_day
    from booked_months
),

bounds as (
    select
        cast({{ month_of('min(first_day)') }} || '-01' as date) as first_day,
        greatest(max(last_day), min(first_day)) as last_day
    from known_days
),

days as (
    {{ day_series('bounds', 'first_day', 'last_day', step='month') }}
),

months as (
    select
        {{ month_of('day') }} as settlement_month,
        day as first_day,
        last_day(day) as last_day
    from days
),

in_force as (
    select
        months.*,
        booked_months.settlement_month is not null as is_closed,
        booked_months.catalogue,
        coalesce(booked_months.policy_valid_from, policies.valid_from)
            as policy_valid_from,
        {%- for column in policy_columns %}
        coalesce(booked_months.{{ column }}, policies.{{ column }}) as {{ column }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from months
    inner join policies
        on
            months.last_day >= policies.valid_from
            and (policies.valid_until is null or months.last_day < policies.valid_until)
    left join booked_months
        on months.settlement_month = booked_months.settlement_month
),

next_run as (
    select
        {{ month_of(add_months('in_force.first_day', '-in_force.look_back_months')) }}
            as first_look_back_month
    from in_force
    inner join
        (select max(settlement_month) as settlement_month from booked_months) as newest
        on
            in_force.settlement_month
            = {{ month_of(
                add_months("cast(newest.settlement_month || '-01' as date)", 1)
            ) }}
),

final as (
    select
        in_force.settlement_month,
        in_force.first_day,
        in_force.last_day,
        in_force.policy_valid_from,
        {%- for column in policy_columns %}
        in_force.{{ column }},
        {%- endfor %}
        in_force.catalogue,
        in_force.is_closed,
        in_force.is_closed
        and in_force.settlement_month >= next_run.first_look_back_month
            as is_in_look_back
    from in_force
    left join next_run
        on in_force.is_closed
)

select * from final
