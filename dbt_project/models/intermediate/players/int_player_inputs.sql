-- Grain: calendar month in Paris with a heartbeat. `inputs` changes whenever anything
-- does that the health of players in the month is made of: its playbacks, the periods
-- that lie in it, and what was rejected when it was loaded.
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

-- A period is 35 days at most: the months of its first day, its last and one between.
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

-- Any change of a period brings a newer batch to the month where it now lies, and takes
-- it out of the month that it left.
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
