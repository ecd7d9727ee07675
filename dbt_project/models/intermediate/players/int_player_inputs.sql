-- Grain: one row per calendar month in Paris with a heartbeat. `inputs` is a
-- fingerprint of everything that affects the month's player health: its playbacks, the
-- periods that touch it, and the lines rejected when it was loaded.
with watch_months as (
    select * from {{ ref('int_watch_months') }}
),

periods as (
    select * from {{ ref('stg_billing__periods') }}
),

deliveries as (
    select * from {{ ref('int_player_deliveries') }}
),

{%- set in_between -%}
    least({{ add_days('period_start', 28) }}, {{ add_days('period_end', -1) }})
{%- endset %}

-- A period is at most 35 days, so it touches the month of its first day, of its last
-- day, and at most one in between.
period_months as (
    select
        period_id, batch_number, {{ month_of('period_start') }} as month
    from periods
    union distinct
    select
        period_id,
        batch_number,
        {{ month_of(in_between) }} as month
    from periods
    union distinct
    select
        period_id, batch_number, last_day_month as month
    from periods
),

-- Any change of a period brings a newer batch to the months it now touches, and removes
-- it from the months it left.
covered as (
    select
        month,
        count(*) as periods,
        max(batch_number) as batch_number
    from period_months
    group by month
),

delivered as (
    select
        {{ month_of('day') }} as month,
        sum(delivered_heartbeats) as heartbeats,
        sum(rejects) as rejects
    from deliveries
    group by {{ month_of('day') }}
),

final as (
    select
        watch_months.month,
        {{ text_of([
            'watch_months.inputs',
            'covered.periods',
            'covered.batch_number',
            'delivered.heartbeats',
            'delivered.rejects',
        ]) }} as inputs
    from watch_months
    left join covered
        on watch_months.month = covered.month
    left join delivered
        on watch_months.month = delivered.month
)

select * from final
