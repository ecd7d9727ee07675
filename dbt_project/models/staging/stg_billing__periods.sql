{{ config(materialized='table') }}
-- Grain: one subscription period, its latest record.
{{ select_latest(
    source('raw', 'subscriptions'),
    ['period_id'],
    [
        'subscriber_id', 'period_start', 'period_end', 'status', 'plan_id', 'price_cents',
        'envelope_cents',
    ],
) }}
