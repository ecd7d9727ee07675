-- Grain: one row per settlement month with a period. `inputs` is a fingerprint of
-- everything that affects the month's slices: its periods, the policy, and the inputs
-- of the watch time in its periods' months. The catalogue is the one that the month
-- keeps, which never changes, or today's.
with periods as (
    select * from {{ ref('int_periods_settled') }}
),

months as (
    select * from {{ ref('int_settlement_months') }}
),

watch_months as (
    select * from {{ ref('int_watch_months') }}
),

month_inputs as (
    select * from {{ ref('int_month_inputs') }}
),

settled as (
    select
        settlement_month,
        min(period_start) as first_day,
        {{ add_days('max(period_end)', -1) }} as last_day,
        {{ rows_hash(text_of([
            'period_id', 'subscriber_id', 'period_start', 'period_end', 'envelope_nanos',
        ])) }} as periods_hash
    from periods
    group by settlement_month
),

bounds as (
    select
        settled.settlement_month,
        settled.periods_hash,
        months.catalogue,
        months.minimum_live_s,
        {{ month_of('settled.first_day') }} as first_month,
        {{ month_of('settled.last_day') }} as last_month
    from settled
    inner join months
        on settled.settlement_month = months.settlement_month
),

watched as (
    select
        bounds.settlement_month,
        {{ rows_hash(text_of([
            'watch_months.month',
            'case when bounds.catalogue is null then month_inputs.inputs'
            ~ ' else watch_months.inputs end',
        ])) }} as watch_hash
    from bounds
    inner join watch_months
        on
            bounds.first_month <= watch_months.month
            and bounds.last_month >= watch_months.month
    inner join month_inputs
        on watch_months.month = month_inputs.month
    group by bounds.settlement_month
),

final as (
    select
        bounds.settlement_month as month,
        {{ text_of([
            'bounds.periods_hash',
            'bounds.catalogue',
            'bounds.minimum_live_s',
            'watched.watch_hash',
        ]) }} as inputs
    from bounds
    left join watched
        on bounds.settlement_month = watched.settlement_month
)

select * from final
