-- Grain: one row per settlement month and member of its pool (RULES.md §5.4).
with months as (
    select * from {{ ref('int_settlement_months') }}
),

lives as (
    select * from {{ ref('int_catalogue_lives') }}
),

credits as (
    select * from {{ ref('int_catalogue_credits') }}
),

credit_sets as (
    select * from {{ ref('int_credit_sets') }}
),

categories as (
    select * from {{ ref('int_catalogue_categories') }}
),

artists as (
    select * from {{ ref('stg_catalogue__artists') }}
),

{{ pool_members() }},

final as (
    select * from pool_members
)

select * from final
