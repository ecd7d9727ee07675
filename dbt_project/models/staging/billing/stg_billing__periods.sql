{{ config(
    materialized=kept(),
    incremental_strategy='delete+insert',
    unique_key='period_id',
    on_schema_change='fail',
) }}
-- Grain: one row per subscription period, its latest record.
-- Odd rule: the latest record of a period is the latest of the one kept so far and of
-- the new ones, so an incremental run reads only the periods with new records.
{%- set content = [
    'subscriber_id', 'period_start', 'period_end', 'status', 'plan_id', 'price_cents',
    'envelope_cents', 'refunded_cents',
] %}
{%- set columns = (['period_id'] + content + ['updated_at']) | join(',\n        ') %}
with new_records as (
    select
        {{ columns }},
        batch_number
    from {{ source('billing', 'periods') }}
    where batch_number > {{ watermark(this) }}
),

records as (
    select * from new_records
    {%- if is_incremental() %}
    union all
    select
        {{ columns }},
        batch_number
    from {{ this }}
    where period_id in (select period_id from new_records)
    {%- endif %}
),

ranked as (
    select
        *,
        max(batch_number) over (partition by period_id) as newest_batch_number,
        row_number() over (
            partition by period_id
            order by {{ latest_first(content) }}
        ) as recency
    from records
),

final as (
    select
        {{ columns }},
        {{ month_of(add_days('period_end', -1)) }} as last_day_month,
        newest_batch_number as batch_number
    from ranked
    where recency = 1
)

select * from final
